import { Readable } from 'node:stream'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { captureQuery } from '#contract/control.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

/** A stream of bytes, which no schema looks into. */
const binary = z.unknown().meta({ type: 'string', format: 'binary' })

export const captureRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  app.get(
    '/api/v1/capture',
    {
      config: { access: 'installer' },
      schema: {
        tags: ['control'],
        summary: 'What control has seen and decided in the last seconds, to be replayed',
        description:
          'JSON lines, compressed with gzip. Kept for a week and in at most 256 MiB; it may begin up to 15 minutes earlier.',
        querystring: captureQuery,
        response: {
          200: answer('The capture', binary, 'application/gzip'),
          ...refusals('api.invalid'),
        },
      },
    },
    async (request, reply) => {
      const toMs = sources.nowMs()
      const content = sources.capture(toMs - request.query.seconds * 1000, toMs)
      return reply.type('application/gzip').send(Readable.from(content))
    },
  )
  done()
}
