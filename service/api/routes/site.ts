import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { controlRequest, controlState, health, liveness, powerFlow, status } from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import { principalOf } from '../access.ts'
import { answer, publicRefusals, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

/** The site as a whole, and the one switch it has. */
export const siteRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  app.get(
    '/health',
    {
      config: { access: 'public' },
      schema: {
        tags: ['service'],
        summary: 'Whether the service works',
        description: 'Answers 200 as long as the service runs.',
        security: [],
        response: { 200: answer('State of the service', liveness), ...publicRefusals() },
      },
    },
    () => ({ status: sources.health().status }),
  )
  app.get(
    '/api/v1/health',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['service'],
        summary: 'Whether the service works, and what is wrong with the site',
        response: { 200: answer('State of the service', health), ...refusals() },
      },
    },
    () => sources.health(),
  )
  app.get(
    '/api/v1/status',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['site'],
        summary: 'Site, control, cycle and faults',
        response: { 200: answer('State of the site', status), ...refusals() },
      },
    },
    () => sources.status(),
  )
  app.get(
    '/api/v1/power-flow',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['site'],
        summary: 'The newest cycle: powers that balance, limits, setpoints and their reasons',
        response: { 200: answer('One consistent snapshot', powerFlow), ...refusals('api.starting') },
      },
    },
    () => {
      const flow = sources.powerFlow()
      if (!flow) throw new EdgeError('api.starting', 'the first cycle has not ended yet')
      return flow
    },
  )
  app.put(
    '/api/v1/control',
    {
      config: { access: 'operator', unlimited: true },
      schema: {
        tags: ['control'],
        summary: 'Enables or disables automatic control',
        description: 'The change is durable and in the journal before it acts.',
        body: controlRequest,
        response: {
          200: answer('The state now in force', controlState),
          ...refusals('api.invalid', 'api.too-large', 'write.refused', 'storage.busy', 'storage.full'),
        },
      },
    },
    (request) => sources.setControl(request.body, principalOf(request)),
  )
  done()
}
