import { z } from 'zod'

/** What can be wrong with a simulated device. */
export const fault = z.discriminatedUnion('fault', [
  z.strictObject({ fault: z.literal('none') }),
  /** Takes requests, answers nothing, does nothing. */
  z.strictObject({ fault: z.literal('silent') }),
  /** Refuses connections and drops those it has, as without power. */
  z.strictObject({ fault: z.literal('offline') }),
  /** Answers, but the values stay as they are now. */
  z.strictObject({ fault: z.literal('freeze') }),
  /** Answers every request this much later. */
  z.strictObject({ fault: z.literal('delay'), delayMs: z.number().int().min(1).max(60_000) }),
  /** Answers every request with this exception code. */
  z.strictObject({ fault: z.literal('exception'), code: z.number().int().min(1).max(255) }),
  /** Acknowledges writes and forgets them. */
  z.strictObject({ fault: z.literal('drop-writes') }),
])
export type Fault = z.infer<typeof fault>
