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
  // What was wired or set up wrongly; the device itself works.
  /** A meter whose current transformers sit the wrong way round, all of them or one. */
  z.strictObject({ fault: z.literal('ct-reversed'), phase: z.enum(['l1', 'l2', 'l3']).optional() }),
  /** A meter whose current transformers are on the next phase each: what flows on L1 is counted on L2. */
  z.strictObject({ fault: z.literal('phases-rotated') }),
  /** A meter with another ratio of its current transformers than those that are built in. */
  z.strictObject({ fault: z.literal('ct-ratio'), factor: z.number().min(0.01).max(100) }),
  /** A battery that shows its power with the other sign. */
  z.strictObject({ fault: z.literal('sign-flipped') }),
  /** Takes setpoints and reads them back, and does nothing. */
  z.strictObject({ fault: z.literal('no-effect') }),
  /** Never lets go of a setpoint. */
  z.strictObject({ fault: z.literal('no-reversion') }),
  /** Moves to a setpoint this much more slowly. */
  z.strictObject({ fault: z.literal('sluggish'), factor: z.number().min(1).max(1000) }),
])
export type Fault = z.infer<typeof fault>
