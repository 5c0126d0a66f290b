import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { busAnswer, busRead, busWrite, busWritten } from '#contract/bus.ts'
import { ledger, ledgerQuery, writePreview, writePreviewRequest } from '#contract/manual-write.ts'
import { principalOf } from '../access.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

/** Work on the buses that the service holds, so that nobody has to open them beside it. */
export const busRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  app.post(
    '/api/v1/bus/read',
    {
      config: { access: 'installer' },
      schema: {
        tags: ['devices'],
        summary: 'One Modbus request that reads',
        description: 'It waits for the gaps that control leaves. Silence and exceptions are answers, not errors.',
        body: busRead,
        response: {
          200: answer('What came of it', busAnswer),
          ...refusals('api.invalid', 'api.too-large', 'bus.unknown'),
        },
      },
    },
    (request) => sources.readBus(request.body),
  )
  app.post(
    '/api/v1/bus/write',
    {
      config: { access: 'installer' },
      schema: {
        tags: ['control'],
        summary: 'One write by a person, through the guard',
        description:
          'A command within the limits of its map, or in Armed a register within limits that the person gives. It is in the journal for ' +
          'good before it goes out. Devices that automatic control decides over are not written to.',
        body: busWrite,
        response: {
          200: answer('What came of it', busWritten),
          ...refusals('api.invalid', 'api.too-large', 'bus.unknown', 'map.not-found', 'write.refused'),
        },
      },
    },
    (request) => sources.writeBus(request.body, principalOf(request)),
  )
  app.post(
    '/api/v1/bus/write/preview',
    {
      config: { access: 'installer' },
      schema: {
        tags: ['control'],
        summary: 'What a write by a person would do',
        description:
          'The bytes, what is there before, the limits and the wear. It only reads; the journal says nothing of it.',
        body: writePreviewRequest,
        response: {
          200: answer('What would be written', writePreview),
          ...refusals('api.invalid', 'api.too-large', 'bus.unknown', 'map.not-found', 'write.refused'),
        },
      },
    },
    (request) => sources.previewWrite(request.body, principalOf(request)),
  )
  app.get(
    '/api/v1/bus/ledger',
    {
      config: { access: 'installer' },
      schema: {
        tags: ['control'],
        summary: 'The writes of people, with what would take each back',
        querystring: ledgerQuery,
        response: { 200: answer('Newest first', ledger), ...refusals('api.invalid') },
      },
    },
    (request) => sources.ledger(request.query),
  )
  done()
}
