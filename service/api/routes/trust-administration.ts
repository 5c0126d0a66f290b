import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { EdgeError } from '#contract/errors.ts'
import {
  authorityImport,
  authorityParameter,
  clientCertificates,
  issuedClientCertificate,
  newClientCertificate,
  serialParameter,
  trustInfo,
} from '#contract/trust.ts'
import { principalOf } from '../access.ts'
import { answer, nothing, refusals } from '../openapi.ts'
import type { SecureEndpoint, TrustAdministration } from '../secure.ts'

const changed = ['trust.off', 'api.invalid', 'api.too-large', 'storage.full', 'storage.down'] as const

/** Changes of what this edge trusts. Each is in the journal before it is made. */
export const trustAdministrationRoutes: FastifyPluginCallbackZod<{ secure: SecureEndpoint | undefined }> = (
  app,
  { secure },
  done,
) => {
  const administration = (): TrustAdministration => {
    if (!secure) throw new EdgeError('trust.off', 'this service is not on the network, so that it has no certificates')
    return secure.administration
  }
  app.post(
    '/api/v1/trust/rotation',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['trust'],
        summary: 'Replaces the root CA; the old one stays trusted for half a year',
        response: {
          200: answer('Certificates', trustInfo),
          ...refusals(...changed, 'trust.root-offline', 'trust.rotating'),
        },
      },
    },
    (request) => administration().rotate(principalOf(request)),
  )
  app.get(
    '/api/v1/trust/clients',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['trust'],
        summary: 'Client certificates that this edge has issued',
        response: { 200: answer('Client certificates', clientCertificates), ...refusals('trust.off') },
      },
    },
    () => ({ certificates: [...administration().clients()] }),
  )
  app.post(
    '/api/v1/trust/clients',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['trust'],
        summary: 'Issues a client certificate that signs in a user',
        body: newClientCertificate,
        response: { 201: answer('Certificate and key, shown once', issuedClientCertificate), ...refusals(...changed) },
      },
    },
    async (request, reply) =>
      reply.code(201).send(await administration().issueClient(principalOf(request), request.body.name)),
  )
  app.delete(
    '/api/v1/trust/certificates/:serial',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['trust'],
        summary: 'Withdraws a certificate of this edge',
        params: serialParameter,
        response: { 204: nothing, ...refusals(...changed, 'trust.unknown-certificate') },
      },
    },
    async (request, reply) => {
      await administration().revoke(principalOf(request), request.params.serial)
      return reply.code(204).send(null)
    },
  )
  app.put(
    '/api/v1/trust/authorities/:name',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['trust'],
        summary: 'Trusts the client certificates of another CA',
        params: authorityParameter,
        body: authorityImport,
        response: { 200: answer('Certificates', trustInfo), ...refusals(...changed, 'trust.import-refused') },
      },
    },
    (request) => administration().importAuthority(principalOf(request), request.params.name, request.body.certificates),
  )
  app.delete(
    '/api/v1/trust/authorities/:name',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['trust'],
        summary: 'Does not trust another CA any more',
        params: authorityParameter,
        response: { 200: answer('Certificates', trustInfo), ...refusals(...changed) },
      },
    },
    (request) => administration().removeAuthority(principalOf(request), request.params.name),
  )
  done()
}
