import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { controlRequest, controlState, health, powerFlow, status } from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import { principalOf } from '../access.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

/** The site as a whole, and the one switch it has. */
export const siteRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  app.get(
    '/health',
    {
      config: { access: 'open-on-loopback' },
      schema: {
        tags: ['service'],
        summary: 'Whether the service works',
        description: 'Answers 200 as long as the service runs; what is wrong with the site is in the list of faults.',
        response: { 200: answer('State of the service', health), ...refusals() },
      },
    },
    () => sources.health(),
  )
  app.get(
    '/api/v1/status',
    {
      config: { access: 'open-on-loopback' },
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
      config: { access: 'open-on-loopback' },
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
      config: { access: 'token' },
      schema: {
        tags: ['control'],
        summary: 'Enables or disables automatic control',
        description: 'The change is durable and in the journal before it acts.',
        security: [{ token: [] }],
        body: controlRequest,
        response: {
          200: answer('The state now in force', controlState),
          ...refusals(
            'api.invalid',
            'api.token-missing',
            'api.token-wrong',
            'api.too-large',
            'write.refused',
            'storage.busy',
            'storage.full',
          ),
        },
      },
    },
    (request) => sources.setControl(request.body, principalOf(request)),
  )
  done()
}
