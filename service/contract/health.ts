import { z } from 'zod'
import { answerTimeEdgesMs, minutesKept } from './health-limits.ts'

/** How the buses of the site answer: what was counted since the service began to watch them, and what that suggests. */

const count = z.number().int().min(0)
const ms = z.number().min(0)
const percent = z.number().min(0).max(100)
const bus = z.string().max(300).meta({ title: 'Bus', description: 'As /api/v1/devices shows it' })
const unitId = z.number().int().min(0).max(255).meta({ title: 'Unit ID' })

const minute = z.strictObject({
  requests: count,
  /** Answers with a wrong checksum, and bytes that were no answer. */
  damaged: count,
  timeouts: count,
})
export type HealthMinute = z.infer<typeof minute>

const counts = {
  requests: count,
  answered: count,
  /** Of the answers. */
  exceptions: count,
  crcErrors: count,
  garbled: count,
  timeouts: count,
}

export const unitHealth = z.strictObject({
  unitId,
  /** Devices of the site with this unit ID. */
  devices: z.array(z.string()),
  ...counts,
  /** Answers per column: up to each of `answerTimeEdgesMs`, and above. */
  histogram: z.array(count).length(answerTimeEdgesMs.length + 1),
  fastestMs: ms.optional(),
  slowestMs: ms.optional(),
  /** As near as the columns tell. */
  medianMs: ms.optional(),
  /** Minute by minute beside those of the bus. */
  minutes: z.array(minute).max(minutesKept),
})
export type UnitHealth = z.infer<typeof unitHealth>

/** What the numbers suggest. They never prove it: nobody has looked at the wires. */
export const hintKind = z.enum([
  'echo',
  'polarity',
  'silence',
  'bias',
  'length',
  'slow-length',
  'one-unit',
  'second-answer',
  'far-units',
])
export type HintKind = z.infer<typeof hintKind>

export const hint = z.strictObject({
  kind: hintKind,
  /** Those that it is about; none where it is the whole line. */
  units: z.array(unitId).max(256),
  /** The numbers that it rests on, by name. */
  evidence: z.record(z.string().regex(/^[a-zA-Z]{1,24}$/), z.number()),
})
export type Hint = z.infer<typeof hint>

export const busHealth = z.strictObject({
  bus: z.string(),
  line: z.enum(['serial', 'tcp', 'rtu-over-tcp']),
  /** Since when it is watched. */
  sinceMs: z.number().int(),
  ...counts,
  /** Answers that came behind the echo of the request. */
  echoes: count,
  /** Times bytes came that were no answer to anything. */
  discarded: count,
  /** Share of the time that is kept in which a request was under way. */
  loadPercent: percent,
  /** The least time that the frames take at this speed, against the time they took; absent where there is no speed. */
  efficiencyPercent: percent.optional(),
  /** Beginning of the first minute. */
  firstMinuteMs: z.number().int(),
  minutes: z.array(minute.extend({ loadPercent: percent })).max(minutesKept),
  units: z.array(unitHealth).max(256),
  hints: z.array(hint).max(32),
})
export type BusHealth = z.infer<typeof busHealth>

export const linesHealth = z.strictObject({ nowMs: z.number().int(), buses: z.array(busHealth).max(64) })
export type LinesHealth = z.infer<typeof linesHealth>

/** Counters of FC08 that change nothing: 11 messages, 12 CRC errors, 13 exceptions, 14 served, 15 unanswered, 18 overruns. */
export const counterCode = z.literal([11, 12, 13, 14, 15, 18])

export const counterRequest = z.strictObject({ bus, unitId })
export type CounterRequest = z.infer<typeof counterRequest>

/** What a unit has counted itself, as it says. */
export const unitCounters = z.strictObject({
  unitId,
  atMs: z.number().int(),
  /** Without a value where it does not answer this counter. */
  counters: z.array(z.strictObject({ code: counterCode, value: z.number().int().min(0).max(65_535).optional() })),
  /** Why some are missing. */
  reason: z.string().optional(),
})
export type UnitCounters = z.infer<typeof unitCounters>
