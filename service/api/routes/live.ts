import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { EdgeError } from '#contract/errors.ts'
import { liveMessage } from '#contract/live.ts'
import { authorityOf } from '../access.ts'
import type { LiveHub } from '../live-hub.ts'
import { answer, refusals } from '../openapi.ts'

export const livePath = '/api/v1/live'

export const liveRoutes: FastifyPluginCallbackZod<{ hub: LiveHub }> = (app, { hub }, done) => {
  app.route({
    method: 'GET',
    url: livePath,
    exposeHeadRoute: false,
    config: { access: 'viewer' },
    schema: {
      tags: ['site'],
      summary: 'Live values over a WebSocket',
      description:
        'Send `{"subscribe": ["power-flow", "status", "events", "devices", "device:ID"]}` (schema LiveRequest), and as an ' +
        'installer `workbench` and `job:ID`, which come when something has changed. The present ' +
        'state of each topic comes at once, then one message per cycle and topic (schema LiveMessage). A client that reads ' +
        'too slowly misses messages; one that does so for long is closed with code 1013, and one whose session has ended with ' +
        '4401. Programs send their token in the Authorization header, pages the cookie or a ticket.',
      response: {
        101: answer('The connection is a WebSocket now; each message has this form', liveMessage),
        ...refusals('api.upgrade-required', 'api.busy'),
      },
    },
    onRequest: (request, _reply, next) =>
      next(request.ws && hub.full() ? new EdgeError('api.busy', 'too many live sockets are open') : undefined),
    handler: (_request, reply) => {
      void reply.headers({ connection: 'Upgrade', upgrade: 'websocket' })
      throw new EdgeError('api.upgrade-required', 'this address speaks WebSocket')
    },
    wsHandler: (socket, request) => {
      const { principal, holds } = authorityOf(request)
      hub.add(socket, { role: principal.role, holds })
    },
  })
  done()
}
