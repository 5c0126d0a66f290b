import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { licenseState, licenseUpload } from '#contract/license.ts'
import { principalOf } from '../access.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

const stored = ['storage.busy', 'storage.full', 'storage.down'] as const

/** The licence of this edge: how it stands, and what it allows. */
export const licenseRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  app.get(
    '/api/v1/license',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['service'],
        summary: 'How the licence stands, what it allows, and what needs one',
        response: { 200: answer('The licence', licenseState), ...refusals() },
      },
    },
    () => sources.license(),
  )
  app.put(
    '/api/v1/license',
    {
      config: { access: 'installer' },
      schema: {
        tags: ['service'],
        summary: 'Loads a licence; it counts at once',
        description: 'Only one that counts now is taken. It is in the journal for good before.',
        body: licenseUpload,
        response: {
          200: answer('How it stands now', licenseState),
          ...refusals('api.invalid', 'api.too-large', 'license.refused', ...stored),
        },
      },
    },
    (request) => sources.loadLicense(request.body.text, principalOf(request)),
  )
  app.delete(
    '/api/v1/license',
    {
      config: { access: 'installer' },
      schema: {
        tags: ['service'],
        summary: 'Forgets the licence that was loaded here; one in a file or the environment stays',
        response: { 200: answer('How it stands now', licenseState), ...refusals(...stored) },
      },
    },
    (request) => sources.unloadLicense(principalOf(request)),
  )
  done()
}
