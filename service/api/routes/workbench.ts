import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  busAddress,
  foundDevice,
  lease,
  leaseRequest,
  newPort,
  portPath,
  workbench,
  workbenchPorts,
} from '#contract/workbench.ts'
import { latencyOutcome } from '#contract/workbench-scan.ts'
import { principalOf } from '../access.ts'
import { answer, nothing, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

const leaseId = z.strictObject({ id: z.string().max(40).meta({ title: 'Lease' }) })
const path = z.strictObject({ path: portPath })

/** The workbench: its ports, the buses it has borrowed and the devices that were accepted. */
export const workbenchRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const bench = sources.workbench
  const tags = ['workbench']
  const config = { access: 'installer' } as const
  app.get(
    '/api/v1/workbench',
    {
      config,
      schema: {
        tags,
        summary: 'Jobs, leases, the buses of the site and the devices that were accepted',
        response: { 200: answer('The workbench', workbench), ...refusals() },
      },
    },
    () => bench.overview(),
  )
  app.get(
    '/api/v1/workbench/ports',
    {
      config,
      schema: {
        tags,
        summary: 'The serial ports of the machine that the service runs on',
        response: { 200: answer('The ports', workbenchPorts), ...refusals() },
      },
    },
    () => bench.ports(),
  )
  app.post(
    '/api/v1/workbench/ports',
    {
      config,
      schema: {
        tags,
        summary: 'Add a port by its path, such as one that the system does not list',
        body: newPort,
        response: {
          200: answer('The ports', workbenchPorts),
          ...refusals('api.invalid', 'api.too-large', 'workbench.folder', 'workbench.full'),
        },
      },
    },
    (request) => bench.addPort(request.body.path),
  )
  app.delete(
    '/api/v1/workbench/ports',
    {
      config,
      schema: {
        tags,
        summary: 'Forget a port that was added by its path',
        querystring: path,
        response: {
          200: answer('The ports', workbenchPorts),
          ...refusals('api.invalid', 'workbench.folder', 'workbench.unknown'),
        },
      },
    },
    (request) => bench.removePort(request.query.path),
  )
  app.post(
    '/api/v1/workbench/ports/latency',
    {
      config,
      schema: {
        tags,
        summary: 'Shorten the time that a USB adapter holds answers back',
        body: newPort,
        response: {
          200: answer('What came of it', latencyOutcome),
          ...refusals('api.invalid', 'api.too-large', 'workbench.unknown'),
        },
      },
    },
    (request) => bench.lowerLatency(request.body.path),
  )
  app.post(
    '/api/v1/workbench/leases',
    {
      config,
      schema: {
        tags,
        summary: 'Borrow a bus that the service polls',
        description:
          'Control of its devices is given back and read back first. Nobody polls the bus until the lease is over: by its end, ' +
          'by its time, or half a minute after it was renewed last.',
        body: leaseRequest,
        response: {
          201: answer('The lease', lease),
          ...refusals('api.invalid', 'api.too-large', 'bus.unknown', 'workbench.busy', 'workbench.refused'),
        },
      },
    },
    async (request, reply) => reply.code(201).send(await bench.borrow(request.body, principalOf(request))),
  )
  app.put(
    '/api/v1/workbench/leases/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Say that a lease is still wanted',
        params: leaseId,
        response: { 200: answer('The lease', lease), ...refusals('api.invalid', 'workbench.unknown') },
      },
    },
    (request) => bench.renewLease(request.params.id),
  )
  app.delete(
    '/api/v1/workbench/leases/:id',
    {
      config: { access: 'installer', unlimited: true },
      schema: {
        tags,
        summary: 'Give a bus back to the service',
        params: leaseId,
        response: { 204: nothing, ...refusals('api.invalid', 'workbench.unknown') },
      },
    },
    async (request, reply) => {
      await bench.endLease(request.params.id, principalOf(request))
      return reply.code(204).send(null)
    },
  )
  app.post(
    '/api/v1/workbench/found',
    {
      config,
      schema: {
        tags,
        summary: 'Accept a unit as a device of this site',
        body: foundDevice,
        response: {
          200: answer('The workbench', workbench),
          ...refusals('api.invalid', 'api.too-large', 'workbench.folder', 'workbench.full'),
        },
      },
    },
    (request) => bench.accept(request.body, principalOf(request)),
  )
  app.delete(
    '/api/v1/workbench/found',
    {
      config,
      schema: {
        tags,
        summary: 'Take back that a unit is a device of this site',
        querystring: z.strictObject({ bus: busAddress, unitId: z.coerce.number().int().min(0).max(255) }),
        response: {
          200: answer('The workbench', workbench),
          ...refusals('api.invalid', 'workbench.folder', 'workbench.unknown'),
        },
      },
    },
    (request) => bench.forget(request.query.bus, request.query.unitId),
  )
  done()
}
