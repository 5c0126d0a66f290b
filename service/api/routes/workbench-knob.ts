import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { candidatesRequest, knobRequest, knobState, knobTurn, typeCandidates } from '#contract/knob.ts'
import { answer, nothing, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

const params = z.strictObject({ id: z.string().regex(/^[0-9a-f]{8}$/) })

/** What registers hold, and which of them a person has just changed. Only what is read or heard anyway is looked at. */
export const workbenchKnobRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const { registers } = sources.workbench
  const tags = ['workbench']
  const config = { access: 'installer' } as const
  app.post(
    '/api/v1/workbench/candidates',
    {
      config,
      schema: {
        tags,
        summary: 'What may begin at a register: types, orders and scales with their reasons',
        description: 'Nothing of it is applied. The longer a watch or a listening job runs, the more can be told.',
        body: candidatesRequest,
        response: {
          200: answer('Likeliest first', typeCandidates),
          ...refusals('api.invalid', 'api.too-large', 'workbench.unknown', 'workbench.refused'),
        },
      },
    },
    (request) => registers.candidates(request.body),
  )
  app.post(
    '/api/v1/workbench/knobs',
    {
      config,
      schema: {
        tags,
        summary: 'Begin to look for the register behind one setting',
        body: knobRequest,
        response: {
          201: answer('The wizard', knobState),
          ...refusals('api.invalid', 'api.too-large', 'workbench.unknown'),
        },
      },
    },
    async (request, reply) => reply.code(201).send(registers.startKnob(request.body)),
  )
  app.get(
    '/api/v1/workbench/knobs/:id',
    {
      config,
      schema: {
        tags,
        summary: 'How far it is, and the culprits so far',
        params,
        response: { 200: answer('The wizard', knobState), ...refusals('api.invalid', 'workbench.unknown') },
      },
    },
    (request) => registers.knob(request.params.id),
  )
  app.post(
    '/api/v1/workbench/knobs/:id/turns',
    {
      config,
      schema: {
        tags,
        summary: 'Say that one thing was changed on the device just now',
        description: 'With what its display said before and after, or with neither: then only that it was changed.',
        params,
        body: knobTurn,
        response: {
          200: answer('The wizard', knobState),
          ...refusals('api.invalid', 'api.too-large', 'workbench.unknown', 'workbench.refused'),
        },
      },
    },
    (request) => registers.turnKnob(request.params.id, request.body),
  )
  app.delete(
    '/api/v1/workbench/knobs/:id',
    {
      config: { access: 'installer', unlimited: true },
      schema: { tags, summary: 'Close it', params, response: { 204: nothing, ...refusals('api.invalid') } },
    },
    async (request, reply) => {
      registers.endKnob(request.params.id)
      return reply.code(204).send(null)
    },
  )
  done()
}
