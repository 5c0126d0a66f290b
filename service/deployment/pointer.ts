import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { z } from 'zod'
import { generation, generationNumber, generationState } from '#contract/deployment.ts'

/** A generation as the pointer remembers it. */
const remembered = generation
  .omit({ restorable: true, active: true, state: true })
  .extend({ state: generationState, returnedWhy: z.string().max(1000).optional() })
export type Remembered = z.infer<typeof remembered>

const pendingTrial = z.strictObject({
  id: z.uuid(),
  generation: generationNumber,
  returnsTo: generationNumber,
  by: z.string(),
  startedAtMs: z.number(),
  countdownS: z.number(),
})
export type PendingTrial = z.infer<typeof pendingTrial>

/**
 * deployment.json: which generation runs, and what became of each. It is replaced as a whole, so that it alone decides: what
 * it does not name does not exist.
 */
const pointer = z.strictObject({
  format: z.literal('r-ems-deployment/1'),
  /** The generation that runs. */
  active: generationNumber,
  /** The newest one that was confirmed; what runs after a trial that nobody confirms. */
  confirmed: generationNumber,
  /** Number of the next one; never used twice. */
  next: generationNumber,
  trial: pendingTrial.optional(),
  /** Oldest first. */
  generations: z.array(remembered).min(1).max(60),
})
export type Pointer = z.infer<typeof pointer>

const stored = z.strictObject({ pointer: z.unknown(), sha256: z.string() })

const digestOf = (value: unknown): string =>
  createHash('sha256')
    .update(canonicalize(value) ?? '')
    .digest('hex')

/** The bytes of the file, with a checksum over what they say. */
export function encodePointer(value: Pointer): Uint8Array {
  return Buffer.from(`${JSON.stringify({ pointer: value, sha256: digestOf(value) }, undefined, 2)}\n`)
}

/** Undefined when the file is torn, damaged or not of this version. */
export function decodePointer(bytes: Uint8Array): Pointer | undefined {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
  const outer = stored.safeParse(json).data
  if (!outer || digestOf(outer.pointer) !== outer.sha256) return undefined
  const value = pointer.safeParse(outer.pointer).data
  const numbers = new Set(value?.generations.map(({ number }) => number))
  return value && numbers.has(value.active) && numbers.has(value.confirmed) ? value : undefined
}
