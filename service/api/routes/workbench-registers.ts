import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  busFrames,
  newSnapshot,
  registerSnapshot,
  registerWatch,
  snapshotId,
  snapshotList,
  snapshotSummary,
  tappedBuses,
  watchId,
  watchRequest,
} from '#contract/workbench-registers.ts'
import { principalOf } from '../access.ts'
import { answer, nothing, refusals } from '../openapi.ts'
import type { Sources } from '../sources.ts'

const watchParams = z.strictObject({ id: watchId })
const snapshotParams = z.strictObject({ id: snapshotId })
const bus = z.string().max(300).meta({ title: 'Bus' })
const csv = 'text/csv; charset=utf-8'
const attachment = (name: string): string => `attachment; filename="${name}"`

/** What registers read now and read before, and the frames of the buses. Nothing of it writes to a device. */
export const workbenchRegisterRoutes: FastifyPluginCallbackZod<{ sources: Sources }> = (app, { sources }, done) => {
  const { registers } = sources.workbench
  const tags = ['workbench']
  const config = { access: 'installer' } as const
  app.post(
    '/api/v1/workbench/watches',
    {
      config,
      schema: {
        tags,
        summary: 'Follow registers of a unit',
        description:
          'At most 10 requests per second and half of the time of a serial line, on a bus of the site in the gaps that control ' +
          'leaves. What is read comes over the live socket (`watch:ID`). It ends half a minute after it was renewed last.',
        body: watchRequest,
        response: {
          201: answer('The watch', registerWatch),
          ...refusals('api.invalid', 'api.too-large', 'config.invalid', 'workbench.busy', 'workbench.full'),
        },
      },
    },
    async (request, reply) => reply.code(201).send(await registers.startWatch(request.body, principalOf(request))),
  )
  app.get(
    '/api/v1/workbench/watches/:id',
    {
      config,
      schema: {
        tags,
        summary: 'A watch with what it read last',
        params: watchParams,
        response: { 200: answer('The watch', registerWatch), ...refusals('api.invalid', 'workbench.unknown') },
      },
    },
    (request) => registers.watch(request.params.id),
  )
  app.put(
    '/api/v1/workbench/watches/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Say that a watch is still wanted',
        params: watchParams,
        response: { 204: nothing, ...refusals('api.invalid', 'workbench.unknown') },
      },
    },
    async (request, reply) => {
      registers.renewWatch(request.params.id)
      return reply.code(204).send(null)
    },
  )
  app.delete(
    '/api/v1/workbench/watches/:id',
    {
      config: { access: 'installer', unlimited: true },
      schema: {
        tags,
        summary: 'End a watch',
        params: watchParams,
        response: { 204: nothing, ...refusals('api.invalid', 'workbench.unknown') },
      },
    },
    async (request, reply) => {
      await registers.endWatch(request.params.id)
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/api/v1/workbench/watches/:id/table',
    {
      config,
      schema: {
        tags,
        summary: 'What a watch read last, as CSV',
        params: watchParams,
        response: {
          200: answer('One row per register', z.string(), 'text/csv'),
          ...refusals('api.invalid', 'workbench.unknown'),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      return reply
        .type(csv)
        .header('content-disposition', attachment(`registers-${id}.csv`))
        .send(registers.watchTable(id))
    },
  )
  app.get(
    '/api/v1/workbench/snapshots',
    {
      config,
      schema: {
        tags,
        summary: 'The snapshots of this site',
        response: { 200: answer('Newest first', snapshotList), ...refusals('workbench.folder') },
      },
    },
    () => registers.snapshots(),
  )
  app.post(
    '/api/v1/workbench/snapshots',
    {
      config,
      schema: {
        tags,
        summary: 'Keep what a watch read last, as a file of the site folder',
        description: 'Registers that moved in the time of the baseline are marked: their later changes are noise.',
        body: newSnapshot,
        response: {
          201: answer('The snapshot', snapshotSummary),
          ...refusals(
            'api.invalid',
            'api.too-large',
            'workbench.unknown',
            'workbench.refused',
            'workbench.folder',
            'workbench.full',
          ),
        },
      },
    },
    async (request, reply) => reply.code(201).send(await registers.takeSnapshot(request.body, principalOf(request))),
  )
  app.get(
    '/api/v1/workbench/snapshots/:id',
    {
      config,
      schema: {
        tags,
        summary: 'A snapshot',
        params: snapshotParams,
        response: {
          200: answer('The snapshot', registerSnapshot),
          ...refusals('api.invalid', 'workbench.unknown', 'workbench.folder'),
        },
      },
    },
    (request) => registers.snapshot(request.params.id),
  )
  app.delete(
    '/api/v1/workbench/snapshots/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Remove a snapshot',
        params: snapshotParams,
        response: { 204: nothing, ...refusals('api.invalid', 'workbench.unknown', 'workbench.folder') },
      },
    },
    async (request, reply) => {
      await registers.removeSnapshot(request.params.id)
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/api/v1/workbench/snapshots/:id/table',
    {
      config,
      schema: {
        tags,
        summary: 'A snapshot as CSV',
        params: snapshotParams,
        response: {
          200: answer('One row per register', z.string(), 'text/csv'),
          ...refusals('api.invalid', 'workbench.unknown', 'workbench.folder'),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const table = await registers.snapshotTable(id)
      return reply
        .type(csv)
        .header('content-disposition', attachment(`${id}.csv`))
        .send(table)
    },
  )
  app.get(
    '/api/v1/workbench/snapshots/:id/changes',
    {
      config,
      schema: {
        tags,
        summary: 'What changed since a snapshot, as CSV',
        params: snapshotParams,
        querystring: z.strictObject({
          to: z.union([snapshotId, watchId]).meta({ title: 'Another snapshot, or a watch as it reads now' }),
        }),
        response: {
          200: answer('One row per register that changed, then those that moved before', z.string(), 'text/csv'),
          ...refusals('api.invalid', 'workbench.unknown', 'workbench.folder'),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const table = await registers.changesTable(id, request.query.to)
      return reply
        .type(csv)
        .header('content-disposition', attachment(`${id}-changes.csv`))
        .send(table)
    },
  )
  app.get(
    '/api/v1/workbench/frames/buses',
    {
      config,
      schema: {
        tags,
        summary: 'The buses whose frames can be seen now',
        response: { 200: answer('By address', tappedBuses), ...refusals() },
      },
    },
    () => ({ buses: registers.tappedBuses() }),
  )
  app.get(
    '/api/v1/workbench/frames',
    {
      config,
      schema: {
        tags,
        summary: 'The frames of a bus, decoded',
        description:
          'They are kept from the first question on, the newest 20,000, until nobody has asked for a minute.',
        querystring: z.strictObject({ bus, after: z.coerce.number().int().min(0).default(0) }),
        response: { 200: answer('At most 1,000', busFrames), ...refusals('api.invalid', 'bus.unknown') },
      },
    },
    (request) => registers.frames(request.query.bus, request.query.after),
  )
  app.get(
    '/api/v1/workbench/frames/capture',
    {
      config,
      schema: {
        tags,
        summary: 'The frames of a bus as pcapng for Wireshark',
        querystring: z.strictObject({ bus }),
        response: {
          200: answer('The frames that are kept', z.any(), 'application/x-pcapng'),
          ...refusals('api.invalid', 'bus.unknown'),
        },
      },
    },
    async (request, reply) =>
      reply
        .type('application/x-pcapng')
        .header('content-disposition', attachment('frames.pcapng'))
        .send(Buffer.from(registers.framesCapture(request.query.bus))),
  )
  done()
}
