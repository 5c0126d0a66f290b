import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  createdApiToken,
  liveTicket,
  pairAdmin,
  pairClient,
  pairState,
  pairWindow,
  pairWindowRequest,
  passwordChange,
  sessions,
  signedIn,
  signInCode,
  signInRequest,
  type SignedIn,
  whoAmI,
} from '#contract/access.ts'
import type { Access, Admission, From } from '../../domain/access-control.ts'
import { authorityOf, principalOf } from '../access.ts'
import { clearSessionCookie, presentedBy, setSessionCookie } from '../credentials.ts'
import { answer, nothing, publicRefusals, refusals } from '../openapi.ts'

const guessed = ['api.invalid', 'api.too-large', 'access.locked', 'api.busy', 'storage.full', 'access.store'] as const

const fromOf = ({ ip, headers }: FastifyRequest): From => ({
  address: ip,
  client: (headers['user-agent'] ?? 'unknown').replaceAll(/\P{ASCII}|\p{C}/gu, '').slice(0, 120),
})

/** Getting in, by password, one-time code or pairing, and what everybody can do about the own sessions. */
export const sessionRoutes: FastifyPluginCallbackZod<{ access: Access }> = (app, { access }, done) => {
  /** A new session takes the place of the one that the request came with. */
  function admit(request: FastifyRequest, reply: FastifyReply, { secret, answer: body }: Admission): SignedIn {
    try {
      access.signOut(access.authenticate(presentedBy(request), request.ip))
    } catch {
      // It came with none, or with one that has ended.
    }
    if (body.token === undefined) setSessionCookie(request, reply, secret)
    return body
  }

  app.post(
    '/api/v1/session',
    {
      config: { access: 'public' },
      schema: {
        tags: ['access'],
        summary: 'Signs in with name and password, or with a one-time code',
        description: 'Sets the cookie of the session, or answers with its token where `bearer` is true.',
        security: [],
        body: signInRequest,
        response: {
          200: answer('The session', signedIn),
          ...publicRefusals(...guessed, 'access.wrong', 'access.code-wrong'),
        },
      },
    },
    async (request, reply) => admit(request, reply, await access.signIn(request.body, fromOf(request))),
  )
  app.get(
    '/api/v1/session',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['access'],
        summary: 'Who is signed in',
        response: { 200: answer('Principal and session', whoAmI), ...refusals() },
      },
    },
    (request) => access.whoAmI(authorityOf(request)),
  )
  app.delete(
    '/api/v1/session',
    {
      config: { access: 'viewer' },
      schema: { tags: ['access'], summary: 'Signs out', response: { 204: nothing, ...refusals() } },
    },
    async (request, reply) => {
      access.signOut(authorityOf(request))
      clearSessionCookie(request, reply)
      return reply.code(204).send(null)
    },
  )
  app.put(
    '/api/v1/session/password',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['access'],
        summary: 'Changes the own password and ends the own other sessions',
        body: passwordChange,
        response: { 204: nothing, ...refusals(...guessed, 'access.wrong', 'access.password-weak') },
      },
    },
    async (request, reply) => {
      await access.changePassword(authorityOf(request), request.body.current, request.body.password)
      return reply.code(204).send(null)
    },
  )
  app.post(
    '/api/v1/session/live-ticket',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['access'],
        summary: 'A ticket for one live socket, good for 30 s',
        description:
          'For pages without a cookie: offer the subprotocols `r-ems.live` and `ticket.TICKET`. Never put it in an address.',
        response: { 200: answer('The ticket', liveTicket), ...refusals() },
      },
    },
    (request) => access.liveTicket(authorityOf(request)),
  )
  app.post(
    '/api/v1/session/codes',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['access'],
        summary: 'A code that signs in once, within 10 minutes, as who asks for it',
        response: { 200: answer('The code', signInCode), ...refusals() },
      },
    },
    (request) => access.signInCode(authorityOf(request)),
  )
  app.get(
    '/api/v1/sessions',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['access'],
        summary: 'The own sessions; for an admin, all',
        response: { 200: answer('Sessions', sessions), ...refusals() },
      },
    },
    (request) => ({ sessions: access.sessions(authorityOf(request)) }),
  )
  app.delete(
    '/api/v1/sessions/:id',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['access'],
        summary: 'Ends one of the own sessions; for an admin, any',
        params: z.strictObject({ id: z.string().max(60) }),
        response: { 204: nothing, ...refusals('access.unknown') },
      },
    },
    async (request, reply) => {
      access.endSession(authorityOf(request), request.params.id)
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/api/v1/pair',
    {
      config: { access: 'public' },
      schema: {
        tags: ['access'],
        summary: 'Whether the pairing code is accepted now',
        security: [],
        response: { 200: answer('State of pairing', pairState), ...publicRefusals() },
      },
    },
    () => access.pairState(),
  )
  app.post(
    '/api/v1/pair',
    {
      config: { access: 'public' },
      schema: {
        tags: ['access'],
        summary: 'Pairs a client: the code on the device for a token',
        security: [],
        body: pairClient,
        response: {
          200: answer('The token of the client', createdApiToken),
          ...publicRefusals(...guessed, 'access.code-wrong', 'access.pairing-closed', 'access.full'),
        },
      },
    },
    (request) => access.pairClient(request.body, fromOf(request)),
  )
  app.post(
    '/api/v1/pair/admin',
    {
      config: { access: 'public' },
      schema: {
        tags: ['access'],
        summary: 'Makes an admin with the code on the device, and signs in',
        security: [],
        body: pairAdmin,
        response: {
          200: answer('The session', signedIn),
          ...publicRefusals(
            ...guessed,
            'access.code-wrong',
            'access.pairing-closed',
            'access.password-weak',
            'access.name-taken',
            'access.full',
          ),
        },
      },
    },
    async (request, reply) => admit(request, reply, await access.pairAdmin(request.body, fromOf(request))),
  )
  app.post(
    '/api/v1/pair/window',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['access'],
        summary: 'Opens pairing for 15 minutes and shows the code',
        body: pairWindowRequest,
        response: {
          200: answer('The code', pairWindow),
          ...refusals('api.invalid', 'api.too-large', 'storage.full', 'storage.down', 'access.store'),
        },
      },
    },
    (request) => access.openPairing(principalOf(request), request.body.newCode),
  )
  done()
}
