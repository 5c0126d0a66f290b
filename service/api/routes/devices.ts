import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { device, devices } from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import { answer, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

export const deviceRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  app.get(
    '/api/v1/devices',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['devices'],
        summary: 'All devices with their points and newest readings',
        response: { 200: answer('The devices of the site', devices), ...refusals() },
      },
    },
    () => ({ atMs: sources.nowMs(), devices: [...sources.devices()] }),
  )
  app.get(
    '/api/v1/devices/:id',
    {
      config: { access: 'viewer' },
      schema: {
        tags: ['devices'],
        summary: 'One device with its points and newest readings',
        params: z.strictObject({ id: z.string().meta({ title: 'Device ID' }) }),
        response: { 200: answer('The device', device), ...refusals('device.unknown') },
      },
    },
    (request) => {
      const found = sources.device(request.params.id)
      if (!found) throw new EdgeError('device.unknown', 'the site has no device with this ID')
      return found
    },
  )
  done()
}
