import { z } from 'zod'
import { cycleStats, flow, instant, limitState, powerFlow, reason, setpointState } from './api.ts'
import { commandName } from './point-map.ts'
import { siteId } from './site-device.ts'

const atMs = z.number().meta({ title: 'Time', unit: 'ms since 1970' })
const name = z.string()
const why = z
  .string()
  .trim()
  .min(3)
  .max(200)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'one line of visible characters')
  .meta({ title: 'Reason' })

/** Longest life of a value asked for by hand; automatic control follows it. */
export const longestTtlS = 900

/** What a person or a program asks of automatic control. It is a wish of the economic tier: every limit still holds. */
export const controlWishRequest = z.strictObject({
  value: z.number().meta({ title: 'Value, in the unit of the command' }),
  reason: why,
  ttlS: z.number().int().min(1).max(longestTtlS).default(300).meta({ title: 'Holds for', unit: 's' }),
})
export type ControlWishRequest = z.infer<typeof controlWishRequest>

export const controlTarget = z.strictObject({ deviceId: siteId, command: commandName })
export type ControlTarget = z.infer<typeof controlTarget>

export const controlWish = controlTarget.extend({
  unit: name,
  value: z.number(),
  reason: name,
  /** Who asked. */
  principal: name,
  sinceMs: atMs,
  untilMs: atMs,
  /** Counted on a clock that nobody can set. */
  leftS: z.number(),
})
export type ControlWish = z.infer<typeof controlWish>
export const controlWishes = z.strictObject({ wishes: z.array(controlWish).max(2500) })
export type ControlWishes = z.infer<typeof controlWishes>

/** Arms the one who asks for manual writes, or extends that from now on. */
export const armedRequest = z.strictObject({
  minutes: z.number().int().min(1).max(30).default(5).meta({ title: 'Armed for', unit: 'min' }),
  reason: why,
})
export type ArmedRequest = z.infer<typeof armedRequest>

/** A person's timed permission for manual writes (S1). Its end stops no automatic control. */
export const armedPermission = z.strictObject({
  principal: name,
  /** Whether it is that of the one who asks. */
  own: z.boolean(),
  reason: name,
  sinceMs: atMs,
  untilMs: atMs,
  leftS: z.number(),
})

export const armedState = z.strictObject({
  /** Whether the one who asks is armed. */
  armed: z.boolean(),
  permissions: z.array(armedPermission).max(100),
  /** What may be written by hand now by whoever is armed, and why the rest may not. */
  targets: z.array(
    z.strictObject({
      deviceId: name,
      deviceName: name,
      command: name,
      title: name,
      unit: name,
      min: z.number().optional(),
      max: z.number().optional(),
      allowed: z.boolean(),
      /** Why not. */
      reason: name.optional(),
    }),
  ),
})
export type ArmedState = z.infer<typeof armedState>

/** Counts per bucket; the last one holds what is beyond all bounds. */
export const histogram = z.strictObject({
  boundsMs: z.array(z.number()).meta({ title: 'Upper bounds, included', unit: 'ms' }),
  counts: z.array(z.number().int()),
  count: z.number().int(),
  sumMs: z.number(),
  maxMs: z.number(),
})
export type Histogram = z.infer<typeof histogram>

export const gridCycle = cycleStats.extend({
  gridId: name,
  name,
  /** `failing`: the step of this grid has thrown; it holds its declared safe values and goes on trying. */
  state: z.enum(['starting', 'running', 'failing']),
  reason: name.optional(),
  failures: z.number().int().meta({ title: 'Steps that have failed since start' }),
  lastAtMs: atMs.optional(),
  /** Since start. */
  lateness: histogram,
  /** How far the distance of two starts was from the period, either way. */
  jitter: histogram,
  duration: histogram,
})
export type GridCycle = z.infer<typeof gridCycle>

export const cycles = z.strictObject({ atMs, epoch: z.number().int(), grids: z.array(gridCycle) })
export type Cycles = z.infer<typeof cycles>

export const violation = z.strictObject({
  limitId: name,
  tier: z.enum(['physical', 'safety', 'economic']),
  excess: z.number().meta({ title: 'By how much, in the unit of the limit' }),
  text: name,
})

/** One grid in its newest cycle: what binds, what was decided and why. */
export const gridState = z.strictObject({
  gridId: name,
  name,
  atMs,
  cycle: z.number().int(),
  state: gridCycle.shape.state,
  reason: name.optional(),
  /** The grid whose control decides here: itself, or the first of those joined by a closed tie. */
  controlledBy: name,
  /** grid > 0 import, battery > 0 discharge: grid + pv + battery = load, with chargers and loads in it. */
  grid: powerFlow.shape.grid,
  pv: flow,
  battery: flow.extend({ socPercent: z.number().optional() }),
  load: flow,
  chargers: flow,
  limits: z.array(limitState),
  violations: z.array(violation),
  setpoints: z.array(setpointState),
  /** Devices that are not controlled now, and why. */
  leftAlone: z.array(z.strictObject({ deviceId: name, text: name })),
})
export type GridState = z.infer<typeof gridState>
export const gridStates = z.strictObject({ grids: z.array(gridState).max(16) })
export type GridStates = z.infer<typeof gridStates>

/** Whether somebody has seen a device fall back. */
export const failsafeProof = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('not-proven') }),
  z.strictObject({
    state: z.literal('proven'),
    atMs,
    by: name,
    /** What was seen: the value it fell back to, and after how long. */
    value: z.number().optional(),
    afterS: z.number(),
  }),
])

/** What a device does with one of its setpoints when R-EMS stops, from its map. */
export const failsafeEntry = z.strictObject({
  deviceId: name,
  deviceName: name,
  command: name,
  title: name,
  unit: name,
  /** `none`: it is held for ever, so that only values that are safe for ever are written. */
  kind: z.enum(['reversion', 'watchdog', 'none']),
  afterS: z.number().optional(),
  fallback: name,
  /** The last value that was written, which it would hold until then. */
  valueNow: z.number().optional(),
  renewedEveryS: z.number().optional(),
  /** One sentence: "If R-EMS stops: …". */
  text: name,
  proof: failsafeProof,
})
export type FailsafeEntry = z.infer<typeof failsafeEntry>
export const failsafe = z.strictObject({ devices: z.array(failsafeEntry) })
export type Failsafe = z.infer<typeof failsafe>

export const explainQuery = z.strictObject({
  device: siteId,
  at: instant.optional().meta({ description: 'ISO 8601 or milliseconds since 1970; default now' }),
})
export type ExplainQuery = z.infer<typeof explainQuery>

export const explainedSetpoint = z.strictObject({
  command: name,
  unit: name,
  value: z.number(),
  outcome: setpointState.shape.outcome,
  outcomeReason: name.optional(),
  /** Since when these rules decided; numbers in between are kept every few seconds. */
  sinceMs: atMs,
  /** When the numbers in the sentences were those. */
  atMs,
  /** Deciding rule first. */
  reasons: z.array(reason),
})

/** Why a device was told what it was told, at a time within about the last week. */
export const explanation = z.strictObject({
  device: name,
  atMs,
  setpoints: z.array(explainedSetpoint),
  /** Why it was not controlled. */
  leftAlone: z.strictObject({ text: name, sinceMs: atMs }).optional(),
})
export type Explanation = z.infer<typeof explanation>

export const captureQuery = z.strictObject({
  seconds: z.coerce.number().int().min(1).max(604_800).default(3600).meta({ title: 'How far back', unit: 's' }),
})

/** One row of the table that says what becomes of a write. `any` stands for every value. */
export const writeRule = z.strictObject({
  mode: z.enum(['any', 'production', 'simulation', 'hybrid', 'replay']),
  target: z.enum(['any', 'real', 'simulated']),
  dependsOnSimulated: z.enum(['any', 'yes', 'no']),
  startedByDesktop: z.enum(['any', 'yes', 'no']),
  controlEnabled: z.enum(['any', 'yes', 'no']),
  dryRun: z.enum(['any', 'yes', 'no']),
  outcome: z.enum(['sent', 'recorded', 'refused']),
  text: name,
})
export type WriteRule = z.infer<typeof writeRule>
/** One row of the table that says what becomes of a write that a person asked for. */
export const manualRule = z.strictObject({
  mode: writeRule.shape.mode,
  target: writeRule.shape.target,
  /** Automatic control decides over the device, enabled and not in dry run. */
  controlled: z.enum(['any', 'yes', 'no']),
  /** Whether a check has borrowed the device: this write's own, another one, or none. */
  lent: z.enum(['any', 'no', 'own', 'other']),
  /** It puts back what a check has found before. */
  returning: z.enum(['any', 'yes', 'no']),
  armed: z.enum(['any', 'yes', 'no']),
  outcome: z.enum(['sent', 'refused']),
  text: name,
})
export type ManualRule = z.infer<typeof manualRule>
export const writeRules = z.strictObject({
  automatic: z.array(writeRule).meta({ description: 'The first row that fits decides' }),
  manual: z.array(manualRule).meta({ description: 'The same for writes by people and for checks' }),
})
export type WriteRules = z.infer<typeof writeRules>
