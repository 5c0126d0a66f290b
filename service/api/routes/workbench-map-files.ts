import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { EdgeError } from '#contract/errors.ts'
import {
  largestMapFileBytes,
  mapExportRequest,
  mapExportResult,
  mapImportQuery,
  mapImportResult,
} from '#contract/map-import.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

/** Four bytes a character, escaped in JSON. */
const largestText = 4_200_000

/** Maps of other programs and tables of registers. Nothing is kept: the answer is a draft. */
export const workbenchMapFileRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const { mapFiles } = sources.workbench
  const tags = ['point maps']
  const config = { access: 'installer' } as const
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, parsed) =>
    parsed(null, body),
  )
  app.post(
    '/api/v1/workbench/map-imports',
    {
      config,
      bodyLimit: largestMapFileBytes,
      schema: {
        tags,
        summary: 'Read a map of another program, or a table of registers',
        description:
          'The body is the file as application/octet-stream: evcc, Telegraf, Home Assistant, Solarman, EdgeX, ThingsBoard, ' +
          'VOLTTRON, PythonProtocolGateway, Growatt, SunSpec, CSV, pasted tables and workbooks (.xlsx). The answer is a draft ' +
          'with what was left out, why and where; nothing is saved and nothing of a file is evaluated.',
        querystring: mapImportQuery,
        response: {
          200: answer('A draft, or the reason why there is none', mapImportResult),
          ...refusals('api.invalid', 'api.too-large', 'workbench.busy'),
        },
      },
    },
    (request) => {
      const { body } = request
      if (!Buffer.isBuffer(body))
        throw new EdgeError('api.invalid', 'the body is not a file sent as application/octet-stream')
      const { name, ...options } = request.query
      return mapFiles.importMap({ bytes: body, name, options })
    },
  )
  app.post(
    '/api/v1/workbench/map-exports',
    {
      config,
      bodyLimit: largestText,
      schema: {
        tags,
        summary: 'Write a map as CSV or for Home Assistant',
        body: mapExportRequest,
        response: {
          200: answer('The text, and what it leaves out', mapExportResult),
          ...refusals('api.invalid', 'api.too-large', 'workbench.busy'),
        },
      },
    },
    (request) => mapFiles.exportMap(request.body),
  )
  done()
}
