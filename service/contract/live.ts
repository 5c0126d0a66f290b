import { z } from 'zod'
import { device, powerFlow, siteEvent, status } from './api.ts'

/** Topics of the live socket. `device:ID` sends that device with all its points once per cycle. */
export const topic = z.string().regex(/^(power-flow|status|events|devices|device:[a-z][a-z0-9-]*)$/)

/** Client to service. The newest message replaces the subscription. Nothing is sent before the first one. */
export const liveRequest = z.strictObject({ subscribe: z.array(topic).max(20) })
export type LiveRequest = z.infer<typeof liveRequest>

/** Service to client. A client that reads too slowly misses frames, never gets old ones late. */
export const liveMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('power-flow'), data: powerFlow }),
  z.strictObject({ type: z.literal('status'), data: status }),
  z.strictObject({ type: z.literal('event'), data: siteEvent }),
  /** All devices without their points, for the tree. */
  z.strictObject({
    type: z.literal('devices'),
    data: z.array(device.omit({ points: true, pollGroups: true, commands: true })),
  }),
  z.strictObject({ type: z.literal('device'), data: device }),
  /** The last request was not understood; the subscription is unchanged. */
  z.strictObject({ type: z.literal('error'), data: z.strictObject({ message: z.string() }) }),
])
export type LiveMessage = z.infer<typeof liveMessage>
