import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { auditEntries, auditQuery, auditVerification } from '#contract/access.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

/** The hash-chained journal: every write, every change and everybody who came in or was refused. */
export const auditRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  app.get(
    '/api/v1/audit',
    {
      config: { access: 'installer' },
      schema: {
        tags: ['access'],
        summary: 'Entries of the journal, newest first',
        querystring: auditQuery,
        response: { 200: answer('Entries', auditEntries), ...refusals('api.invalid', 'storage.busy', 'storage.down') },
      },
    },
    (request) => sources.auditEntries(request.query),
  )
  app.get(
    '/api/v1/audit/verification',
    {
      config: { access: 'installer' },
      schema: {
        tags: ['access'],
        summary: 'Reads the whole journal and says whether an entry was changed, removed or moved',
        response: { 200: answer('What was found', auditVerification), ...refusals('storage.busy', 'storage.down') },
      },
    },
    () => sources.verifyAudit(),
  )
  done()
}
