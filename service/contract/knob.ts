import { z } from 'zod'
import { metrics } from './metrics-table.ts'
import { byteOrder, pointType, wordOrder } from './point-map.ts'
import { readFunction } from './workbench-registers.ts'

const address = z.number().int().min(0).max(65_535)
const unitId = z.number().int().min(0).max(255)
const atMs = z.number()
const share = z.number().min(0).max(1)
const metricNames = Object.keys(metrics)

/** Readings that were kept: of a watch, or of a job that listens. */
export const valueSource = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('watch'), id: z.string().max(40) }),
  z.strictObject({ kind: z.literal('job'), id: z.string().max(60) }),
])
export type ValueSource = z.infer<typeof valueSource>

export const candidatesRequest = z.strictObject({
  source: valueSource,
  /** Needed where several units were heard. */
  unitId: unitId.optional(),
  fn: readFunction,
  address,
})
export type CandidatesRequest = z.infer<typeof candidatesRequest>

/** What may begin at a register, and why. */
export const typeCandidate = z.strictObject({
  address,
  words: z.number().int().min(1).max(125),
  type: pointType,
  wordOrder,
  byteOrder,
  /** Types that read the same so far. */
  alsoFits: z.array(z.string()),
  score: share,
  /** The newest, before scaling. */
  value: z.union([z.number(), z.string()]).nullable(),
  quantities: z.array(
    z.strictObject({
      metric: z.string().refine((name) => metricNames.includes(name), 'no metric of the vocabulary'),
      title: z.string(),
      unit: z.string(),
      scale: z.number(),
      value: z.number(),
      score: share,
      reason: z.string(),
    }),
  ),
  reasons: z.array(z.string()),
})
export type TypeCandidateShown = z.infer<typeof typeCandidate>

export const typeCandidates = z.strictObject({
  address,
  readings: z.number().int(),
  overMs: z.number(),
  /** Likeliest first. */
  candidates: z.array(typeCandidate),
  /** Where it is rather a later register of a value that begins before it. */
  partOf: typeCandidate.optional(),
})
export type TypeCandidates = z.infer<typeof typeCandidates>

export const knobRequest = z.strictObject({ source: valueSource })
export type KnobRequest = z.infer<typeof knobRequest>

/** One change on the device: what its display said before and after, or only that it was changed. */
export const knobTurn = z.strictObject({
  from: z.number().optional().meta({ title: 'Value before' }),
  to: z.number().optional().meta({ title: 'Value after' }),
})
export type KnobTurn = z.infer<typeof knobTurn>

export const culprit = z.strictObject({
  unitId,
  fn: readFunction,
  address,
  words: z.number().int().min(1).max(4),
  type: pointType,
  wordOrder,
  /** Value = raw * scale; absent where no power of ten or two fits what the display said. */
  scale: z.number().optional(),
  before: z.number(),
  after: z.number(),
  /** From the turn to the first reading that differed, of the newest turn. */
  delayMs: z.number(),
  score: share,
  /** With a step at the turn, -1..1. */
  correlation: z.number().min(-1).max(1),
  /** The client wrote it within the time after the turn. */
  written: z.boolean(),
  /** A cause is rather this one than what follows it. */
  kind: z.enum(['cause', 'effect']),
  reason: z.string(),
  /** Around the newest turn: ms after it, and value. */
  trace: z.array(z.tuple([z.number(), z.number()])).max(240),
})
export type Culprit = z.infer<typeof culprit>

export const knobState = z.strictObject({
  id: z.string(),
  source: valueSource,
  startedAtMs: atMs,
  /**
   * baseline: readings are still too few or too short for a turn. ready: change one thing now. watching: readings after the
   * turn come in. result: long enough.
   */
  step: z.enum(['baseline', 'ready', 'watching', 'result']),
  /** Shortest time between start and turn, and how much of it is over. */
  baselineMs: z.number(),
  baselineSoFarMs: z.number(),
  registers: z.number().int(),
  turns: z.array(knobTurn.extend({ atMs })).max(4),
  /** Since the newest turn. */
  sinceTurnMs: z.number().optional(),
  /** Likeliest first. */
  culprits: z.array(culprit).max(12),
  /** Moved in the baseline as much, and are hidden. */
  hidden: z.number().int(),
  /** Did not move at all. */
  unmoved: z.number().int(),
  /** Without a culprit: what moved by chance. */
  byChance: z
    .array(z.strictObject({ unitId, fn: readFunction, address, before: z.number(), after: z.number() }))
    .max(8),
  /** What to do next, where the result leaves something open. */
  advice: z.enum(['turn-again', 'larger-change', 'wait']).optional(),
})
export type KnobState = z.infer<typeof knobState>
