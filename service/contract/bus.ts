import { z } from 'zod'
import { byteOrder, commandName, pointType, wordOrder } from './point-map.ts'
import { mapId } from './site-device.ts'

/**
 * Work on a bus that the service holds, for the command line and the workbench: two programs that open the same port, or
 * the one connection of a device, would disturb each other.
 */

const bus = z.string().max(300).meta({ title: 'Bus', description: 'As /api/v1/devices shows it' })
const unitId = z.number().int().min(0).max(255).meta({ title: 'Unit ID' })
const address = z.number().int().min(0).max(65_535).meta({ title: 'Address, zero-based' })
const word = z.number().int().min(0).max(65_535)
const hex = z.string().regex(/^([0-9a-f]{2})*$/)

/** One request that changes nothing. */
export const busRead = z.strictObject({
  bus,
  unitId,
  /** Only to see whether anybody answers in this time: silence then says nothing about the unit or the connection. */
  probeMs: z.number().int().min(10).max(10_000).optional().meta({ title: 'Time to the first byte', unit: 'ms' }),
  request: z.discriminatedUnion('fn', [
    z.strictObject({ fn: z.literal([1, 2]), address, count: z.number().int().min(1).max(2000) }),
    z.strictObject({ fn: z.literal([3, 4]), address, count: z.number().int().min(1).max(125) }),
    z.strictObject({ fn: z.literal(17) }),
    z.strictObject({ fn: z.literal(43), access: z.literal([1, 2, 3, 4]), objectId: z.number().int().min(0).max(255) }),
  ]),
})
export type BusRead = z.infer<typeof busRead>

export const busAnswer = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('words'), words: z.array(word) }),
  z.strictObject({ kind: z.literal('bits'), bits: z.array(z.number().int().min(0).max(1)) }),
  z.strictObject({ kind: z.literal('server-id'), data: hex }),
  z.strictObject({
    kind: z.literal('identification'),
    conformity: z.number().int(),
    moreFollows: z.boolean(),
    nextObjectId: z.number().int(),
    objects: z.array(z.strictObject({ id: z.number().int(), data: hex })),
  }),
  z.strictObject({ kind: z.literal('exception'), code: z.number().int() }),
  z.strictObject({
    kind: z.literal('failed'),
    failure: z.enum(['timeout', 'garbled', 'crc', 'closed', 'silent', 'aborted', 'refused']),
    reason: z.string(),
    sent: z.boolean(),
  }),
])
export type BusAnswer = z.infer<typeof busAnswer>

const commandRequest = z.strictObject({
  kind: z.literal('command'),
  map: mapId,
  command: commandName,
  value: z.number(),
})
const registerRequest = z.strictObject({
  kind: z.literal('register'),
  armed: z.boolean(),
  address,
  fn: z.literal([6, 16]),
  type: pointType,
  wordOrder,
  byteOrder,
  scale: z.number(),
  value: z.number(),
  min: z.number(),
  max: z.number(),
  /** The map of the device, where it is known: registers of its commands are not written like this. */
  map: mapId.optional(),
})

/** What a person would write: a command of a map, or in Armed a register with limits of their own. */
export const wantedWrite = z.discriminatedUnion('kind', [commandRequest, registerRequest])
export type WantedWrite = z.infer<typeof wantedWrite>

/** The same, to be written. */
export const manualWrite = z.discriminatedUnion('kind', [
  commandRequest.extend({
    /** Of the map as the person sees it: the service writes only with the same one. */
    mapHash: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  registerRequest,
])
export type ManualWriteRequest = z.infer<typeof manualWrite>

export const busWrite = z.strictObject({
  bus,
  unitId,
  /** Who, as the program that asks knows it. */
  principal: z.string().regex(/^[a-z]{1,10}:[^\p{Cc}\s]{1,60}$/u),
  write: manualWrite,
})
export type BusWrite = z.infer<typeof busWrite>

export const busWritten = z.strictObject({
  /** confirmed: read back equal; written: acknowledged, there is nothing to read back. */
  outcome: z.enum(['confirmed', 'written', 'failed']),
  reason: z.string().optional(),
  cause: z.enum(['no-answer', 'exception']).optional(),
  /** The requests as sent, hex. */
  frames: z.array(z.string()),
  readBack: z.number().optional(),
})
export type BusWritten = z.infer<typeof busWritten>
