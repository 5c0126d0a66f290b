import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  earlierMaps,
  earlierName,
  mapCheckRequest,
  mapChecked,
  mapDocument,
  mapList,
  mapProposal,
  mapRevision,
  mapSave,
  mapSaved,
  mapValues,
  mapValuesQuery,
  newMap,
} from '#contract/map-editor.ts'
import { mostMapText } from '#contract/map-limits.ts'
import { mapId } from '#contract/site-device.ts'
import { principalOf } from '../access.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

const part = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]*$/)
  .max(40)
const params = z.strictObject({ maker: part.meta({ title: 'Maker' }), model: part.meta({ title: 'Model' }) })
const idOf = ({ maker, model }: z.infer<typeof params>): string => mapId.parse(`${maker}/${model}`)
const yaml = 'application/yaml; charset=utf-8'
/** Four bytes a character, escaped in JSON. */
const bodyLimit = mostMapText * 4

/** Point maps and their editor. Nothing of it reads or writes a device; what it saves are files of the site. */
export const workbenchMapRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const { maps } = sources.workbench
  const tags = ['point maps']
  const config = { access: 'installer' } as const
  app.get(
    '/api/v1/workbench/maps',
    {
      config,
      schema: {
        tags,
        summary: 'The point maps of the site and of the library',
        response: { 200: answer('By ID', mapList), ...refusals('workbench.folder') },
      },
    },
    () => maps.list(),
  )
  app.get(
    '/api/v1/workbench/maps/schema',
    {
      config,
      schema: {
        tags,
        summary: 'The JSON Schema of point maps',
        response: { 200: answer('For completion in editors', z.string(), 'application/schema+json'), ...refusals() },
      },
    },
    async (_request, reply) => reply.type('application/schema+json').send(maps.schemaText()),
  )
  app.post(
    '/api/v1/workbench/maps/check',
    {
      config,
      bodyLimit,
      schema: {
        tags,
        summary: 'What is wrong in a text, how it would be read, and what differs from the shipped map',
        description: 'Nothing is kept but the key, by which the values of the text can be asked for.',
        body: mapCheckRequest,
        response: {
          200: answer('The text as it is understood', mapChecked),
          ...refusals('api.invalid', 'api.too-large', 'workbench.folder', 'workbench.refused'),
        },
      },
    },
    (request) => maps.check(request.body),
  )
  app.get(
    '/api/v1/workbench/maps/values',
    {
      config,
      schema: {
        tags,
        summary: 'What a checked text makes of the bytes that a device has sent last',
        description:
          'Nothing is read for it. What went over the bus is followed for a minute after this was asked for.',
        querystring: mapValuesQuery,
        response: {
          200: answer('By point', mapValues),
          ...refusals('api.invalid', 'workbench.unknown', 'workbench.folder', 'device.unknown'),
        },
      },
    },
    (request) => maps.values(request.query.key, request.query.device),
  )
  app.post(
    '/api/v1/workbench/maps/proposal',
    {
      config,
      schema: {
        tags,
        summary: 'The text of a new map, from a job, another map or nothing',
        body: newMap,
        response: {
          200: answer('Not kept yet', mapProposal),
          ...refusals('api.invalid', 'api.too-large', 'workbench.unknown', 'workbench.refused', 'workbench.folder'),
        },
      },
    },
    (request) => maps.propose(request.body),
  )
  app.get(
    '/api/v1/workbench/maps/:maker/:model',
    {
      config,
      schema: {
        tags,
        summary: 'A point map with its text',
        params,
        response: {
          200: answer('The draft of it, if there is one', mapDocument),
          ...refusals('api.invalid', 'workbench.unknown', 'workbench.folder', 'workbench.refused'),
        },
      },
    },
    (request) => maps.open(idOf(request.params)),
  )
  app.put(
    '/api/v1/workbench/maps/:maker/:model',
    {
      config,
      bodyLimit,
      schema: {
        tags,
        summary: 'Save the text of a point map for this site',
        description:
          'A text with errors is kept as a draft, which no device uses. A good one is used at once while control is off or in ' +
          'dry run; under control it is staged until control is enabled again. `base` is the revision that was edited: if it is ' +
          'not the present one, nothing is changed. The text that is replaced is kept.',
        params,
        body: mapSave,
        response: {
          200: answer('What became of it', mapSaved),
          ...refusals(
            'api.invalid',
            'api.too-large',
            'api.not-found',
            'workbench.changed',
            'workbench.folder',
            'workbench.full',
            'workbench.refused',
          ),
        },
      },
    },
    (request) => maps.save(idOf(request.params), request.body, principalOf(request)),
  )
  app.delete(
    '/api/v1/workbench/maps/:maker/:model',
    {
      config,
      schema: {
        tags,
        summary: "Remove the site's own text of a point map, and go back to the shipped one",
        params,
        querystring: z.strictObject({ base: mapRevision }),
        response: {
          200: answer('What became of it', mapSaved),
          ...refusals('api.invalid', 'workbench.unknown', 'workbench.changed', 'workbench.folder', 'workbench.refused'),
        },
      },
    },
    (request) => maps.remove(idOf(request.params), request.query.base, principalOf(request)),
  )
  app.get(
    '/api/v1/workbench/maps/:maker/:model/earlier',
    {
      config,
      schema: {
        tags,
        summary: 'Earlier texts of a point map',
        params,
        response: {
          200: answer('Newest first', earlierMaps),
          ...refusals('api.invalid', 'workbench.unknown', 'workbench.folder'),
        },
      },
    },
    (request) => maps.earlier(idOf(request.params)),
  )
  app.get(
    '/api/v1/workbench/maps/:maker/:model/earlier/:name',
    {
      config,
      schema: {
        tags,
        summary: 'An earlier text of a point map',
        params: params.extend({ name: earlierName }),
        response: {
          200: answer('As it was', z.string(), 'application/yaml'),
          ...refusals('api.invalid', 'workbench.unknown', 'workbench.folder', 'workbench.refused'),
        },
      },
    },
    async (request, reply) => {
      const { name, ...id } = request.params
      return reply.type(yaml).send(await maps.earlierText(idOf(id), name))
    },
  )
  done()
}
