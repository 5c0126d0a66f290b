import { z } from 'zod'
import { siteId } from './site-device.ts'

/** One thing that must be true of measured values if they mean what the map says. */
export const plausibilityCheck = z.strictObject({
  kind: z.enum(['phase-sum', 'apparent-power', 'energy-power', 'frequency', 'line-voltage', 'balance']),
  verdict: z.enum(['agrees', 'differs', 'waiting']),
  /** The points that it is about. */
  points: z.array(z.string()).max(24),
  /** What one side says, and the other, in `unit`. Absent while something is not measured. */
  expected: z.number().optional(),
  measured: z.number().optional(),
  tolerance: z.number().optional(),
  unit: z.string(),
  /** With the numbers it rests on. */
  evidence: z.string(),
  /** Where it differs: what that suggests. It proves nothing. */
  suggests: z.string().optional(),
})
export type PlausibilityCheck = z.infer<typeof plausibilityCheck>

export const plausibility = z.strictObject({ deviceId: siteId, atMs: z.number(), checks: z.array(plausibilityCheck) })
export type Plausibility = z.infer<typeof plausibility>
