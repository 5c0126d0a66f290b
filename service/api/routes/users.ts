import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  apiTokens,
  createdApiToken,
  newApiToken,
  newUser,
  passwordReset,
  user,
  userChange,
  users,
} from '#contract/access.ts'
import type { Access } from '../../domain/access-control.ts'
import { principalOf } from '../access.ts'
import { answer, nothing, refusals } from '../openapi.ts'

const params = z.strictObject({ id: z.string().max(60) })
const stored = ['storage.full', 'storage.down', 'access.store'] as const
const changed = ['api.invalid', 'api.too-large', 'api.busy', ...stored] as const

/** Users and tokens. */
export const userRoutes: FastifyPluginCallbackZod<{ access: Access }> = (app, { access }, done) => {
  app.get(
    '/api/v1/users',
    {
      config: { access: 'admin' },
      schema: { tags: ['access'], summary: 'All users', response: { 200: answer('Users', users), ...refusals() } },
    },
    () => ({ users: access.users() }),
  )
  app.post(
    '/api/v1/users',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['access'],
        summary: 'Adds a user',
        body: newUser,
        response: {
          201: answer('The user', user),
          ...refusals(...changed, 'access.password-weak', 'access.name-taken', 'access.full'),
        },
      },
    },
    async (request, reply) => reply.code(201).send(await access.addUser(principalOf(request), request.body)),
  )
  app.patch(
    '/api/v1/users/:id',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['access'],
        summary: 'Gives a user another role',
        params,
        body: userChange,
        response: { 200: answer('The user', user), ...refusals(...changed, 'access.unknown', 'access.last-admin') },
      },
    },
    (request) => access.setRole(principalOf(request), request.params.id, request.body.role),
  )
  app.put(
    '/api/v1/users/:id/password',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['access'],
        summary: 'Sets the password of a user and ends the sessions of that user',
        params,
        body: passwordReset,
        response: { 204: nothing, ...refusals(...changed, 'access.unknown', 'access.password-weak') },
      },
    },
    async (request, reply) => {
      await access.setPassword(principalOf(request), request.params.id, request.body.password)
      return reply.code(204).send(null)
    },
  )
  app.delete(
    '/api/v1/users/:id',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['access'],
        summary: 'Removes a user and ends the sessions of that user',
        params,
        response: { 204: nothing, ...refusals(...stored, 'access.unknown', 'access.last-admin') },
      },
    },
    async (request, reply) => {
      await access.removeUser(principalOf(request), request.params.id)
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/api/v1/tokens',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['access'],
        summary: 'All API tokens, without their secrets',
        response: { 200: answer('Tokens', apiTokens), ...refusals() },
      },
    },
    () => ({ tokens: access.tokens() }),
  )
  app.post(
    '/api/v1/tokens',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['access'],
        summary: 'Makes an API token; its secret is shown only in this answer',
        body: newApiToken,
        response: { 201: answer('The token', createdApiToken), ...refusals(...changed, 'access.full') },
      },
    },
    async (request, reply) => reply.code(201).send(await access.addToken(principalOf(request), request.body)),
  )
  app.delete(
    '/api/v1/tokens/:id',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['access'],
        summary: 'Revokes an API token',
        params,
        response: { 204: nothing, ...refusals(...stored, 'access.unknown') },
      },
    },
    async (request, reply) => {
      await access.removeToken(principalOf(request), request.params.id)
      return reply.code(204).send(null)
    },
  )
  done()
}
