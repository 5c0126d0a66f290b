import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { eventQuery, events, measurementQuery, measurements } from '#contract/api.ts'
import { answer, refusals } from '../openapi.ts'
import { InvalidRequest } from '../problems.ts'
import type { Sources } from '../sources.ts'

const hourMs = 3_600_000

/** What was recorded: series of measurements, and events. */
export const historyRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  app.get(
    '/api/v1/measurements',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['history'],
        summary: 'The recorded values of one point of a device',
        querystring: measurementQuery,
        response: {
          200: answer('The series, oldest first', measurements),
          ...refusals('api.invalid', 'device.unknown', 'metric.unknown', 'storage.busy'),
        },
      },
    },
    (request) => {
      const { device, metric, points, from, to } = request.query
      const toMs = to ?? sources.nowMs()
      const fromMs = from ?? Math.max(0, toMs - hourMs)
      if (fromMs >= toMs) throw new InvalidRequest([{ path: 'query.from', message: 'must be before the end' }])
      return sources.measurements({ device, metric, points, fromMs, toMs })
    },
  )
  app.get(
    '/api/v1/events',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['history'],
        summary: 'What happened, newest first',
        querystring: eventQuery,
        response: { 200: answer('Events', events), ...refusals('api.invalid', 'storage.busy') },
      },
    },
    (request) => sources.events(request.query),
  )
  done()
}
