import { z } from 'zod'
import { device, powerFlow, siteEvent, status } from './api.ts'
import { checkProgress } from './checks.ts'
import { controlWish, gridState } from './control.ts'
import { deploymentStatus } from './deployment.ts'
import { job, workbench } from './workbench.ts'
import { watchUpdate } from './workbench-registers.ts'

/**
 * Topics of the live socket. `device:ID` sends that device with all its points once per cycle. `deployment`
 * comes whenever something about it has changed, and once per cycle. `workbench`, `checks`, `job:ID`
 * and `watch:ID` come when something has changed, at most four times a second, and only to installers.
 */
export const topic = z
  .string()
  .regex(
    /^(power-flow|grids|controls|status|events|devices|deployment|device:[a-z][a-z0-9-]*|workbench|checks|job:[0-9]{8}-[0-9]{6}-[a-z]+(-[0-9]+)?|watch:[0-9a-f]{8})$/,
  )

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
  z.strictObject({ type: z.literal('deployment'), data: deploymentStatus }),
  z.strictObject({ type: z.literal('workbench'), data: workbench }),
  z.strictObject({ type: z.literal('checks'), data: checkProgress }),
  z.strictObject({ type: z.literal('job'), data: job }),
  z.strictObject({ type: z.literal('watch'), data: watchUpdate }),
  /** A request was not understood and changed nothing, or it names a device that does not exist, which is left out. */
  z.strictObject({ type: z.literal('error'), data: z.strictObject({ message: z.string() }) }),
])
export type LiveMessage = z.infer<typeof liveMessage>
