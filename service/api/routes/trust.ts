import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { EdgeError } from '#contract/errors.ts'
import { trustBundle, trustInfo } from '#contract/trust.ts'
import { answer, publicRefusals, refusals } from '../openapi.ts'
import type { SecureEndpoint } from '../secure.ts'

/** The certificates of this edge: what they are, and what others need to check them. */
export const trustRoutes: FastifyPluginCallbackZod<{ secure: SecureEndpoint | undefined }> = (
  app,
  { secure },
  done,
) => {
  const endpoint = (): SecureEndpoint => {
    if (!secure) throw new EdgeError('trust.off', 'this service is not on the network, so that it has no certificates')
    return secure
  }
  app.get(
    '/api/v1/trust',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['trust'],
        summary: 'Certificates of this edge and of the CAs it trusts, and until when they are valid',
        response: { 200: answer('Certificates', trustInfo), ...refusals('trust.off') },
      },
    },
    () => endpoint().info(),
  )
  app.get(
    '/api/v1/trust/bundle',
    {
      config: { access: 'public' },
      schema: {
        tags: ['trust'],
        security: [],
        summary: 'CA certificates and revocation lists of this edge',
        response: { 200: answer('PEM texts', trustBundle), ...publicRefusals('trust.off') },
      },
    },
    () => endpoint().bundle(),
  )
  done()
}
