import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Metrics } from '../metrics.ts'
import { answer, refusals } from '../openapi.ts'

export const metricRoutes: FastifyPluginCallbackZod<{ metrics: Metrics }> = (app, { metrics }, done) => {
  app.get(
    '/metrics',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['service'],
        summary: 'Numbers for Prometheus',
        response: { 200: answer('Prometheus text format', z.string(), 'text/plain'), ...refusals() },
      },
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  )
  done()
}
