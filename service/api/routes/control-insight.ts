import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { cycles, explainQuery, explanation, failsafe, gridStates } from '#contract/control.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

/** What control sees, decides and why, and what would be without it. */
export const controlInsightRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  app.get(
    '/api/v1/grids',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['site'],
        summary: 'Each grid in its newest cycle: powers, limits and what binds, setpoints and their reasons',
        response: { 200: answer('The grids', gridStates), ...refusals() },
      },
    },
    () => ({ grids: [...sources.grids()] }),
  )
  app.get(
    '/api/v1/cycles',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['service'],
        summary: 'How punctual the cycle of each grid is, as histograms since start',
        response: { 200: answer('The cycles', cycles), ...refusals() },
      },
    },
    () => sources.cycles(),
  )
  app.get(
    '/api/v1/failsafe',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['devices'],
        summary: 'What each device does when R-EMS stops, and whether that was proven',
        response: { 200: answer('By device and command', failsafe), ...refusals() },
      },
    },
    () => sources.failsafe(),
  )
  app.get(
    '/api/v1/explain',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['control'],
        summary: 'Why a device was told what it was told',
        description:
          'The rules with their numbers, kept for about a week: from when they changed, and while they stayed the same every ten seconds.',
        querystring: explainQuery,
        response: {
          200: answer('The reasons in force at that time', explanation),
          ...refusals('api.invalid', 'device.unknown', 'storage.busy', 'storage.down', 'storage.full'),
        },
      },
    },
    (request) => sources.explain(request.query),
  )
  done()
}
