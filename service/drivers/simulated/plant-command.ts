import { z } from 'zod'
import { fault } from './faults.ts'

export const deviceNames = ['inverter', 'battery', 'meter', 'weather'] as const
export const deviceName = z.enum(deviceNames)
export type DeviceName = z.infer<typeof deviceName>

/**
 * One line on the standard input of a plant process:
 *   {"device":"meter","fault":"silent"}           see faults.ts; "none" ends it
 *   {"load":{"stepW":8000,"phase":"l2"}}          extra load until the next such line; without phase on all three
 *   {"battery":{"socPercent":50}}
 */
export const plantCommand = z.union([
  z.strictObject({
    load: z.strictObject({
      stepW: z.number().min(-100_000).max(100_000),
      phase: z.enum(['l1', 'l2', 'l3']).optional(),
    }),
  }),
  z.strictObject({ battery: z.strictObject({ socPercent: z.number().min(0).max(100) }) }),
  ...fault.options.map((option) => z.strictObject({ device: deviceName, ...option.shape })),
])
export type PlantCommand = z.infer<typeof plantCommand>

const endpoint = z.strictObject({
  host: z.string(),
  port: z.number().int().min(1).max(65_535),
  unitId: z.number().int().min(0).max(255),
})
export type Endpoint = z.infer<typeof endpoint>

/** One line on the standard output of a plant process: first `ready`, then one answer per command, in order. */
export const plantReport = z.discriminatedUnion('plant', [
  z.strictObject({
    plant: z.literal('ready'),
    pid: z.number().int(),
    devices: z.partialRecord(deviceName, endpoint),
  }),
  z.strictObject({ plant: z.literal('done') }),
  z.strictObject({ plant: z.literal('refused'), message: z.string() }),
])
export type PlantReport = z.infer<typeof plantReport>
