import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { counterRequest, linesHealth, unitCounters } from '#contract/health.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

/** How the buses of the site answer. */
export const workbenchHealthRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const { health } = sources.workbench
  const tags = ['workbench']
  const config = { access: 'installer' } as const
  app.get(
    '/api/v1/workbench/health',
    {
      config,
      schema: {
        tags,
        summary: 'How the buses of the site answer, and what that suggests',
        description: 'Counted since the service started, minute by minute for the last hour. Nothing is sent for it.',
        response: { 200: answer('By bus', linesHealth), ...refusals() },
      },
    },
    () => health.read(),
  )
  app.post(
    '/api/v1/workbench/health/fc08',
    {
      config,
      schema: {
        tags,
        summary: 'Ask a unit for what it has counted itself',
        description:
          'Function 8 with the sub-functions 0B to 0F and 12, which change nothing. They wait for the gaps that control leaves.',
        body: counterRequest,
        response: {
          200: answer('What it says', unitCounters),
          ...refusals('api.invalid', 'api.too-large', 'bus.unknown'),
        },
      },
    },
    (request) => health.counters(request.body),
  )
  done()
}
