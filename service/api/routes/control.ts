import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { controlTarget, controlWish, controlWishes, controlWishRequest, writeRules } from '#contract/control.ts'
import { principalOf } from '../access.ts'
import { answer, nothing, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

const stored = ['storage.busy', 'storage.full', 'storage.down'] as const

/** What people and programs ask of automatic control. */
export const controlRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  app.get(
    '/api/v1/controls',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['control'],
        summary: 'Values that were asked for and hold at present',
        response: { 200: answer('Values asked for', controlWishes), ...refusals() },
      },
    },
    () => ({ wishes: [...sources.wishes()] }),
  )
  app.post(
    '/api/v1/controls/:deviceId/:command',
    {
      config: { access: 'operator' },
      schema: {
        tags: ['control'],
        summary: 'Asks automatic control for a value of a command, for at most 15 minutes',
        description:
          'It enters as a wish of the economic tier: every physical and safety limit still holds, and the setpoint that comes of it ' +
          'says so. When it ends, control is automatic again. It is in the journal for good before it acts.',
        params: controlTarget,
        body: controlWishRequest,
        response: {
          200: answer('What holds now', controlWish),
          ...refusals(
            'api.invalid',
            'api.too-large',
            'device.unknown',
            'control.unknown',
            'control.outside',
            'control.not-decided',
            'control.contradicts',
            ...stored,
          ),
        },
      },
    },
    (request) => sources.setWish(request.params, request.body, principalOf(request)),
  )
  app.delete(
    '/api/v1/controls/:deviceId/:command',
    {
      config: { access: 'operator', unlimited: true },
      schema: {
        tags: ['control'],
        summary: 'Back to automatic; nothing happens when nothing was asked for',
        params: controlTarget,
        response: { 204: nothing, ...refusals('api.invalid') },
      },
    },
    async (request, reply) => {
      sources.clearWish(request.params, principalOf(request))
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/api/v1/write-rules',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['control'],
        summary: 'What becomes of a write, by mode, origin of the device and state of control',
        response: { 200: answer('The table', writeRules), ...refusals() },
      },
    },
    () => sources.writeRules(),
  )
  done()
}
