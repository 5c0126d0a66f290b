import { z } from 'zod'
import { device, powerFlow, siteEvent, status } from './api.ts'
import { controlWish, gridState } from './control.ts'

/** Topics of the live socket. `device:ID` sends that device with all its points once per cycle. */
export const topic = z.string().regex(/^(power-flow|grids|controls|status|events|devices|device:[a-z][a-z0-9-]*)$/)

/**
 * Client to service. The newest message replaces the subscription. Nothing is sent before the first one; the present
 * state of each topic that was not asked for before is sent at once.
 */
export const liveRequest = z.strictObject({ subscribe: z.array(topic).max(20) })
export type LiveRequest = z.infer<typeof liveRequest>

/** A device without its points, for the tree. */
export const deviceSummary = device.omit({ points: true, pollGroups: true, commands: true })
export type DeviceSummary = z.infer<typeof deviceSummary>

/** Service to client. A client that reads too slowly misses frames, never gets old ones late. */
export const liveMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('power-flow'), data: powerFlow }),
  z.strictObject({ type: z.literal('grids'), data: z.array(gridState) }),
  z.strictObject({ type: z.literal('controls'), data: z.array(controlWish) }),
  z.strictObject({ type: z.literal('status'), data: status }),
  z.strictObject({ type: z.literal('event'), data: siteEvent }),
  z.strictObject({ type: z.literal('devices'), data: z.array(deviceSummary) }),
  z.strictObject({ type: z.literal('device'), data: device }),
  /** A request was not understood and changed nothing, or it names a device that does not exist, which is left out. */
  z.strictObject({ type: z.literal('error'), data: z.strictObject({ message: z.string() }) }),
])
export type LiveMessage = z.infer<typeof liveMessage>
