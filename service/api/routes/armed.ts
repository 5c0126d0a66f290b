import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { armedRequest, armedState } from '#contract/control.ts'
import { principalOf } from '../access.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

/** A person's timed permission for manual writes. It has nothing to do with automatic control. */
export const armedRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  app.get(
    '/api/v1/armed',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['control'],
        summary: 'Who may write by hand, for how long, and to what',
        response: { 200: answer('The permissions', armedState), ...refusals() },
      },
    },
    (request) => sources.armed(principalOf(request)),
  )
  app.post(
    '/api/v1/armed',
    {
      config: { access: 'installer' },
      schema: {
        tags: ['control'],
        summary: 'Arms the one who asks, or lets the time begin anew',
        description: 'It ends by itself. It is in the journal for good before it acts.',
        body: armedRequest,
        response: {
          200: answer('The permissions', armedState),
          ...refusals('api.invalid', 'api.too-large', 'armed.full', 'storage.busy', 'storage.full', 'storage.down'),
        },
      },
    },
    (request) => sources.arm(request.body, principalOf(request)),
  )
  app.delete(
    '/api/v1/armed',
    {
      config: { access: 'installer', unlimited: true },
      schema: {
        tags: ['control'],
        summary: 'Gives the permission of the one who asks back',
        response: { 200: answer('The permissions', armedState), ...refusals() },
      },
    },
    (request) => sources.disarm(principalOf(request)),
  )
  done()
}
