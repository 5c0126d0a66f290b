import { z } from 'zod'
import { commandName } from './point-map.ts'
import { siteId } from './site-device.ts'
import { proofTarget } from './verification.ts'

const atMs = z.number().meta({ title: 'Time', unit: 'ms since 1970' })
/** On the clock of the trace: ms since the run has begun. */
const tMs = z.number().meta({ title: 'Time in the trace', unit: 'ms' })
const words = z.string().max(400)

/** Why a person does what they do: one line. */
const why = z
  .string()
  .trim()
  .min(3)
  .max(200)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'one line of visible characters')
  .meta({ title: 'Reason' })

/** `KIND.SUBJECT` or `KIND.SUBJECT.COMMAND`, such as `step.battery.setPowerW`. Stable over restarts. */
export const checkId = z
  .string()
  .regex(/^[a-z-]+\.[a-z][a-z0-9-]*(\.[a-zA-Z]+)?$/, 'a check is named KIND.DEVICE or KIND.DEVICE.COMMAND')
  .max(120)
/** Date and time of the start, UTC, and a number where two started in one second. */
export const checkRunId = z.string().regex(/^\d{8}-\d{6}(-\d+)?$/, 'a run is named by the time of its start')

export const checkGroup = z.enum(['measurement', 'devices', 'control', 'failsafe'])
export type CheckGroup = z.infer<typeof checkGroup>

/** The tests that there are; their titles in the languages of the screen are found by this. */
export const checkKind = z.enum([
  'meter-direction', // a known load is switched: the meter counts it, with the right sign, on every phase
  'phase-order', // a load on one phase is switched: the meter sees it on that phase
  'ct-ratio', // a known load is switched: the meter counts all of it
  'meter-agreement', // read only: a meter against the sum of what is measured below it
  'energy-balance', // read only: the counters of a meter against its power, and no negative consumption
  'battery-sign', // a discharge reads positive, and an independent meter sees less import
  'answers', // read only: the share of requests that a device answers
  'clock', // read only: the clock of a device against that of the edge
  'command', // a value is written, read back, and seen in a measured value
  'step', // dead time, ramp, overshoot, settling and steady error of a power setpoint
  'export-limit', // automatic control holds a lower export limit in time
  'limit-signal', // automatic control obeys the dim signal, and leaves each device 4.2 kW
  'comm-loss', // nothing at all is said to a device: it falls back by itself
  'ems-loss', // it is read as always, but its setpoint is not renewed: it falls back by itself
])
export type CheckKind = z.infer<typeof checkKind>

/** What was found out; the word for it is found by this. */
export const measureKey = z.enum([
  'direction', // measured change over expected change, all phases
  'direction.l1',
  'direction.l2',
  'direction.l3',
  'phase', // the phase that moved: 1 to 3
  'ratio', // measured over expected, %
  'agreement', // difference of two measurements, % of the larger
  'counter', // counted energy against integrated power, %
  'consumption', // lowest consumption that the measurements imply, W
  'answered', // answers of requests, %
  'clockOffset', // device less edge, s
  'power', // measured power in W or current in A after a command
  'powerSign', // 1: the measured power has the sign of the command
  'commandSign', // 1: an independent meter sees what the command says
  'readBack', // the setpoint that is read back
  'deadTime', // s until it begins to move
  'ramp', // unit of the lane per second
  'overshoot', // % of the step
  'settling', // s until it stays within the band
  'steadyError', // unit of the lane
  'reaction', // s until a limit is held
  'worst', // worst value after that, in the unit of the limit
  'lowestGrant', // lowest power that a dimmed device was left, W
  'fallbackAfter', // s after the last renewal until it fell back
  'fallbackValue', // what it fell back to
])
export type MeasureKey = z.infer<typeof measureKey>

/** One number of a check. Each is judged by itself; the check passes when none has failed. */
export const checkMeasure = z.strictObject({
  key: measureKey,
  unit: z.string().max(12),
  /** `at-most`, `at-least`: `expected` is the bound. `within`: expected, plus or minus `tolerance`. `exact`: equal. `info`: not judged. */
  rule: z.enum(['at-most', 'at-least', 'within', 'exact', 'info']),
  expected: z.number().optional(),
  tolerance: z.number().min(0).optional(),
  /** Absent while it is not known, or when it could not be measured. */
  measured: z.number().optional(),
  state: z.enum(['open', 'passed', 'failed']),
})
export type CheckMeasure = z.infer<typeof checkMeasure>

/** Why a check ended as it did, or cannot run; `text` is the sentence in English, the others are what it is made of. */
export const checkReasonCode = z.enum([
  'none',
  'not-armed', // a person has to arm first
  'control-off', // it tests automatic control, which is off or in dry run
  'busy', // another check runs
  'blocked', // a device is lent, a site runs in a mode that forbids it, or the like
  'no-vehicle',
  'no-load', // nothing that could be switched, or nothing that draws enough
  'no-sun',
  'not-measured', // a value that it needs is not measured now
  'no-headroom', // the worst case would break a limit
  'not-covered', // the map or the site lacks what it needs
  'disturbed', // other loads moved so much that nothing can be said
  'wrong', // a measured number is outside its tolerance
  'write-failed',
  'no-answer', // the device stopped answering
  'aborted', // by a person
  'disarmed', // the permission ended
  'not-watched', // whoever started it has gone
  'limit', // a limit was exceeded while it ran
  'stopped', // the service stopped
  'lost', // the service died while it ran; the devices' own timers have acted
  'internal',
])
export type CheckReasonCode = z.infer<typeof checkReasonCode>
export const checkReason = z.strictObject({ code: checkReasonCode, text: words })
export type CheckReason = z.infer<typeof checkReason>

/** `not-executed` prints as such; it never stands for passed. */
export const checkVerdict = z.enum(['passed', 'failed', 'interrupted', 'not-executed', 'accepted'])
export type CheckVerdict = z.infer<typeof checkVerdict>

/** One write that a check intends, before it starts. */
export const plannedWrite = z.strictObject({
  deviceId: siteId,
  deviceName: z.string().max(60),
  command: commandName,
  unit: z.string().max(12),
  /** The values in their order; absent where automatic control decides them. */
  values: z.array(z.number()).max(12),
  /** The sentence in English. */
  text: words,
})
export type PlannedWrite = z.infer<typeof plannedWrite>

/** A limit in the worst case of the check: what it would read, by the site model and the present measurements. */
export const headroomRow = z.strictObject({
  /** As of the limit state, such as `main.fuse.l1`. */
  limitId: z.string().max(120),
  title: z.string().max(160),
  unit: z.enum(['A', 'W']),
  now: z.number(),
  worst: z.number(),
  limit: z.number(),
  ok: z.boolean(),
})
export type HeadroomRow = z.infer<typeof headroomRow>

/** The newest result of a check, without its trace. */
export const checkSummary = z.strictObject({
  runId: checkRunId,
  verdict: checkVerdict,
  reason: checkReason,
  endedAtMs: atMs,
  by: z.string().max(200),
  /** Of the number that decides, or of the first that failed. */
  headline: checkMeasure.optional(),
  /** The map or the configuration has changed since. */
  outdated: z.boolean(),
  /** What a person may mark as verified because of it; empty unless it has passed. */
  proves: z.array(proofTarget).max(4),
})
export type CheckSummary = z.infer<typeof checkSummary>

export const check = z.strictObject({
  id: checkId,
  kind: checkKind,
  group: checkGroup,
  /** In English. */
  title: z.string().max(160),
  /** Device or circuit. */
  subjectId: siteId,
  subjectName: z.string().max(60),
  command: commandName.optional(),
  /** Writes to devices, or changes what automatic control holds: needs Armed. */
  writes: z.boolean(),
  /** By whose switching, where another device is switched. */
  byDeviceId: siteId.optional(),
  byDeviceName: z.string().max(60).optional(),
  /** What will be judged, `state: open`. */
  expects: z.array(checkMeasure).max(12),
  planned: z.array(plannedWrite).max(4),
  /** About how long it takes. */
  durationS: z.number().min(0),
  headroom: z.array(headroomRow).max(60),
  /** `ready`; `locked`: whoever asks is not armed; `blocked`: a condition is missing, see the reason. */
  state: z.enum(['ready', 'locked', 'blocked', 'running']),
  reason: checkReason,
  newest: checkSummary.optional(),
})
export type Check = z.infer<typeof check>

/** Numbers of one quantity over time, from one device. */
export const traceLane = z.strictObject({
  key: z.enum(['device', 'independent', 'l1', 'l2', 'l3', 'other']),
  deviceId: siteId,
  deviceName: z.string().max(60),
  point: z.string().max(60),
  unit: z.string().max(12),
  samples: z.array(z.strictObject({ tMs, value: z.number() })).max(4_000),
})
export type TraceLane = z.infer<typeof traceLane>

export const checkTrace = z.strictObject({
  /** Wall clock at time 0. */
  zeroAtMs: atMs,
  /** What the device was told, as steps; in the unit of the lane `device`. */
  command: z.array(z.strictObject({ tMs, value: z.number() })).max(400),
  lanes: z.array(traceLane).max(6),
  /** Allowed around the final value, for the step plot. */
  band: z.strictObject({ low: z.number(), high: z.number() }).optional(),
  /** Where on the first lane something was measured. */
  marks: z
    .array(
      z.strictObject({
        kind: z.enum(['dead', 'ramp-start', 'ramp-end', 'peak', 'settled', 'released', 'fallback', 'held']),
        tMs,
        value: z.number(),
      }),
    )
    .max(40),
})
export type CheckTrace = z.infer<typeof checkTrace>

/** One write as it was done, with what the device said. */
export const checkWrite = z.strictObject({
  atMs,
  deviceId: siteId,
  command: commandName,
  /** Absent when control was given back to the device. */
  value: z.number().optional(),
  unit: z.string().max(12),
  outcome: z.enum(['confirmed', 'written', 'failed', 'refused']),
  readBack: z.number().optional(),
  reason: words.optional(),
  purpose: z.enum(['test', 'renewal', 'restore']),
})
export type CheckWrite = z.infer<typeof checkWrite>

/** What a device was like before, and whether it is again. */
export const checkRestored = z.strictObject({
  deviceId: siteId,
  command: commandName,
  unit: z.string().max(12),
  /** The setpoint in force before the check, where it can be read. */
  before: z.number().optional(),
  /** Read back afterwards. */
  after: z.number().optional(),
  ok: z.boolean(),
  text: words,
})
export type CheckRestored = z.infer<typeof checkRestored>

/** One run of a check: what a file in workbench/checks holds, and what the report prints. Never edited after its end. */
export const checkRun = z.strictObject({
  format: z.literal(1),
  id: checkRunId,
  checkId,
  kind: checkKind,
  group: checkGroup,
  title: z.string().max(160),
  subjectId: siteId,
  subjectName: z.string().max(60),
  command: commandName.optional(),
  byDeviceId: siteId.optional(),
  byDeviceName: z.string().max(60).optional(),
  state: z.enum(['running', 'restoring', 'ended']),
  /** Undefined while it runs. */
  verdict: checkVerdict.optional(),
  reason: checkReason,
  /** Of a failed or interrupted run, or of a check that was not executed: taken as it is, by whom and why. The finding stays. */
  accepted: z.strictObject({ by: z.string().max(200), atMs, reason: z.string().max(200) }).optional(),
  startedAtMs: atMs,
  endedAtMs: atMs.optional(),
  /** When the device is given back to automatic control at the latest. */
  giveBackByMs: atMs.optional(),
  by: z.string().max(200),
  measures: z.array(checkMeasure).max(12),
  planned: z.array(plannedWrite).max(4),
  headroom: z.array(headroomRow).max(60),
  writes: z.array(checkWrite).max(400),
  restored: z.array(checkRestored).max(8),
  trace: checkTrace,
  /** What a person may mark as verified when it has passed. */
  proves: z.array(proofTarget).max(4),
  /** SHA-256 of the maps that it rests on, by device. */
  mapHashes: z.record(siteId, z.string().max(64)),
  /** SHA-256 of the site file. */
  siteHash: z.string().max(64),
  /** Of the deployment, where there is one. */
  generation: z.number().int().optional(),
  epoch: z.number().int(),
  version: z.string().max(60),
})
export type CheckRun = z.infer<typeof checkRun>

export const checks = z.strictObject({
  atMs,
  checks: z.array(check).max(5_000),
  /** The run under way. */
  running: checkRunId.optional(),
  /**
   * What the controlled devices alone come to when R-EMS stops and each does what it does by itself: with all of them loading and no
   * sun for import, with all sun and no load for export.
   */
  ifStopped: z.array(headroomRow).max(60),
  counts: z.strictObject({
    total: z.number().int(),
    passed: z.number().int(),
    failed: z.number().int(),
    accepted: z.number().int(),
    open: z.number().int(),
  }),
})
export type Checks = z.infer<typeof checks>

export const checkStartRequest = z.strictObject({
  checkId,
  /** How long read-only checks look, in place of their default. */
  durationS: z.number().int().min(5).max(3_600).optional().meta({ title: 'Looks for', unit: 's' }),
  /** The value that is tested, in the unit of the command, in place of the one that is proposed. */
  value: z.number().optional().meta({ title: 'Value' }),
})
export type CheckStartRequest = z.infer<typeof checkStartRequest>

export const checkAcceptRequest = z.strictObject({ reason: why })
export type CheckAcceptRequest = z.infer<typeof checkAcceptRequest>

/** What comes on the live topic `checks`: the run under way, a few times a second, and once more at its end. */
export const checkProgress = z.strictObject({
  /** Grows with every change of the list. */
  revision: z.number().int(),
  run: checkRun.optional(),
})
export type CheckProgress = z.infer<typeof checkProgress>
