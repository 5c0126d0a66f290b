import { z } from 'zod'

/** good: measured in time; stale: the last good value, too old; bad: not measured, with a reason. */
export const quality = z.enum(['good', 'stale', 'bad']).meta({ title: 'Quality' })
export type Quality = z.infer<typeof quality>

/** A finite number, a text, or a list of set flags. `undefined` (absent in JSON) means not measured; never 0, never NaN. */
export const readingValue = z.union([z.number(), z.string().max(256), z.array(z.string().max(64)).max(64)])
export type ReadingValue = z.infer<typeof readingValue>

/** One value as it was measured. A repeated old value keeps its old time. */
export const reading = z.strictObject({
  value: readingValue.optional(),
  quality,
  /** Why the quality is not good, in words. */
  reason: z.string().max(200).optional(),
  /** The device itself says that it has no such value; nothing is wrong. The quality is bad all the same. */
  absent: z.literal(true).optional(),
  /** Wall-clock time of the measurement. */
  atMs: z.number().meta({ title: 'Measured at', unit: 'ms since 1970' }),
  /** Register words (or single bits) as received. */
  raw: z.array(z.number().int().min(0).max(0xffff)).max(125).optional(),
})
export type Reading = z.infer<typeof reading>
