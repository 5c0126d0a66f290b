import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { limitsChangeRequest, limitsPreview, limitsPreviewRequest, siteLimits } from '#contract/site-limits.ts'
import { principalOf } from '../access.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

/** The limits of the site that may be changed one by one. */
export const limitsRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  app.get(
    '/api/v1/limits',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['control'],
        summary: 'Every limit of the site that may be changed by itself',
        response: { 200: answer('The limits', siteLimits), ...refusals() },
      },
    },
    () => sources.limits(),
  )
  app.post(
    '/api/v1/limits/preview',
    {
      config: { access: 'installer' },
      schema: {
        tags: ['control'],
        summary: 'What changed limits would do with the newest readings',
        description: 'Nothing is changed or written.',
        body: limitsPreviewRequest,
        response: {
          200: answer('The effect', limitsPreview),
          ...refusals('api.invalid', 'api.too-large', 'limits.changed', 'limits.invalid'),
        },
      },
    },
    (request) => sources.previewLimits(request.body),
  )
  app.put(
    '/api/v1/limits',
    {
      config: { access: 'installer' },
      schema: {
        tags: ['control'],
        summary: 'Changes limits of the site',
        description:
          'Each limit that allows more than before must be named in `confirmedLooser`. The change is in the journal for good before it holds, from the next cycle on.',
        body: limitsChangeRequest,
        response: {
          200: answer('The limits as they are now', siteLimits),
          ...refusals(
            'api.invalid',
            'api.too-large',
            'limits.changed',
            'site.changed',
            'limits.invalid',
            'limits.unconfirmed',
            'storage.busy',
            'storage.full',
            'storage.down',
          ),
        },
      },
    },
    (request) => sources.changeLimits(request.body, principalOf(request)),
  )
  done()
}
