import { z } from 'zod'
import { fault } from './faults.ts'

/** Devices of the demo plant. */
export const deviceNames = ['inverter', 'battery', 'meter', 'weather'] as const
/** Those, a water heater, and numbered from 1 chargers and meters of the circuits that feed them. */
export const deviceName = z.union([
  z.enum([...deviceNames, 'heater']),
  z.templateLiteral(['charger-', z.int()]),
  z.templateLiteral(['feeder-', z.int()]),
])
export type DeviceName = z.infer<typeof deviceName>

/** What a plug-in says about the vehicle, and null for pulling the plug. */
const vehicle = z.strictObject({
  phases: z.union([z.literal(1), z.literal(2), z.literal(3)]).default(3),
  maxCurrentA: z.number().min(6).max(80).default(32),
  wantedWh: z.number().min(0).max(1_000_000).default(60_000),
})

/**
 * One line on the standard input of a plant process:
 *   {"device":"meter","fault":"silent"}           see faults.ts; "none" ends it
 *   {"load":{"stepW":8000,"phase":"l2"}}          extra load until the next such line; without phase on all three
 *   {"battery":{"socPercent":50}}
 *   {"charger":{"number":3,"vehicle":{"phases":1,"maxCurrentA":16,"wantedWh":20000}}}   null instead pulls the plug
 */
export const plantCommand = z.union([
  z.strictObject({
    load: z.strictObject({
      stepW: z.number().min(-100_000).max(100_000),
      phase: z.enum(['l1', 'l2', 'l3']).optional(),
    }),
  }),
  z.strictObject({ battery: z.strictObject({ socPercent: z.number().min(0).max(100) }) }),
  z.strictObject({ charger: z.strictObject({ number: z.int().min(1), vehicle: vehicle.nullable() }) }),
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
    devices: z.record(z.string(), endpoint),
  }),
  z.strictObject({ plant: z.literal('done') }),
  z.strictObject({ plant: z.literal('refused'), message: z.string() }),
])
export type PlantReport = z.infer<typeof plantReport>
