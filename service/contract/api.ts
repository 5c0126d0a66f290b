import { z } from 'zod'
import { quality, reading } from './reading.ts'
import { deviceRole } from './site-device.ts'

const atMs = z.number().meta({ title: 'Time', unit: 'ms since 1970' })

/** RFC 9457 problem document; every refused request gets one. */
export const problem = z.strictObject({
  type: z.string().meta({ description: 'Stable error code, see contract/errors' }),
  title: z.string(),
  status: z.number().int(),
  /** What was wrong with this request. */
  detail: z.string().optional(),
  /** One sentence: what to do. */
  action: z.string().optional(),
  /** The fields that were refused, and what they may hold. */
  errors: z
    .array(
      z.strictObject({
        path: z.string().meta({ title: 'Field', examples: ['query.points', 'body.reason'] }),
        message: z.string(),
        allowed: z.array(z.string()).optional(),
      }),
    )
    .max(50)
    .optional(),
})
export type Problem = z.infer<typeof problem>

/** One thing that is wrong now, and what to do about it. */
export const fault = z.strictObject({
  code: z.string(),
  severity: z.enum(['warning', 'error']),
  /** One sentence: what is wrong. */
  message: z.string(),
  /** One sentence: what to do. */
  action: z.string(),
  deviceId: z.string().optional(),
  sinceMs: atMs,
})
export type Fault = z.infer<typeof fault>

/** What everybody may know. */
export const liveness = z.strictObject({ status: z.enum(['ok', 'degraded']) })

export const health = z.strictObject({
  status: z.enum(['ok', 'degraded']),
  version: z.string(),
  uptimeS: z.number(),
  faults: z.array(fault).max(200),
})
export type Health = z.infer<typeof health>

const distribution = z.strictObject({ p50: z.number(), p99: z.number(), max: z.number() })

export const cycleStats = z.strictObject({
  periodMs: z.number(),
  count: z.number().int().meta({ title: 'Cycles completed since start' }),
  overruns: z.number().int().meta({ title: 'Deadlines skipped because a cycle ran too long' }),
  latenessMs: distribution.meta({ title: 'Start after the deadline, over the last 1,000 cycles', unit: 'ms' }),
  durationMs: distribution.meta({ title: 'Compute time, over the last 1,000 cycles', unit: 'ms' }),
})
export type CycleStats = z.infer<typeof cycleStats>

export const controlState = z.strictObject({
  enabled: z.boolean(),
  dryRun: z.boolean(),
  /** Why control is as it is, in words. */
  reason: z.string(),
})
export type ControlState = z.infer<typeof controlState>

/**
 * production: real devices only. simulation: only the simulated plant is written to. hybrid: real devices with simulated ones
 * beside them. replay: no device at all, the readings come from a capture.
 */
export const mode = z.enum(['production', 'simulation', 'hybrid', 'replay'])
export type Mode = z.infer<typeof mode>

export const status = z.strictObject({
  site: z.string(),
  version: z.string(),
  mode,
  demo: z.boolean(),
  startedAtMs: atMs,
  nowMs: atMs,
  control: controlState,
  cycle: cycleStats,
  devices: z.strictObject({ total: z.number().int(), online: z.number().int() }),
  requestsPerS: z.number().meta({ title: 'Requests on all buses', unit: '1/s' }),
  faults: z.array(fault).max(200),
})
export type Status = z.infer<typeof status>

export const linkState = z.enum(['connecting', 'online', 'degraded', 'silent'])
export type LinkState = z.infer<typeof linkState>

export const link = z.strictObject({
  state: linkState,
  /** Why, when it is not online. */
  reason: z.string().optional(),
  latencyMs: z.number().optional().meta({ title: 'Median answer time', unit: 'ms' }),
  lastAnswerAtMs: atMs.optional(),
  requests: z.number().int().meta({ title: 'Requests sent' }),
  failures: z.number().int().meta({ title: 'Requests without a valid answer' }),
})
export type Link = z.infer<typeof link>

export const registerFunction = z.enum(['holding', 'input', 'coil', 'discrete'])

/** One point of a device as the map describes it, with its newest reading. */
export const devicePoint = z.strictObject({
  name: z.string(),
  title: z.string(),
  unit: z.string(),
  /** Absent for derived points and before a SunSpec walk. */
  address: z.number().int().min(0).max(65_535).optional(),
  function: registerFunction.optional(),
  type: z.string(),
  pollGroup: z.string(),
  reading: reading.optional(),
})
export type DevicePoint = z.infer<typeof devicePoint>

export const pollGroup = z.strictObject({
  name: z.string(),
  everyMs: z.number().optional().meta({ title: 'Period; absent for once after connecting', unit: 'ms' }),
  requests: z.array(
    z.strictObject({
      function: registerFunction,
      address: z.number().int(),
      count: z.number().int().meta({ title: 'Registers in this request' }),
    }),
  ),
})
export type PollGroup = z.infer<typeof pollGroup>

export const device = z.strictObject({
  id: z.string(),
  name: z.string(),
  role: deviceRole,
  map: z.string(),
  connection: z.string(),
  unitId: z.number().int(),
  /** Devices on one bus share this. */
  bus: z.string(),
  simulated: z.boolean(),
  vendor: z.string().optional(),
  model: z.string().optional(),
  serial: z.string().optional(),
  firmware: z.string().optional(),
  link,
  pollGroups: z.array(pollGroup),
  points: z.array(devicePoint),
  commands: z.array(
    z.strictObject({
      name: z.string(),
      title: z.string(),
      unit: z.string(),
      min: z.number().optional(),
      max: z.number().optional(),
    }),
  ),
})
export type Device = z.infer<typeof device>

export const devices = z.strictObject({ atMs, devices: z.array(device) })
export type Devices = z.infer<typeof devices>

export const perPhase = z.strictObject({
  l1: z.number().optional(),
  l2: z.number().optional(),
  l3: z.number().optional(),
})
export type PerPhase = z.infer<typeof perPhase>

/** A power with where it comes from and whether it can be trusted. */
export const flow = z.strictObject({
  powerW: z.number().optional(),
  quality,
  reason: z.string().optional(),
  deviceIds: z.array(z.string()),
  atMs: atMs.optional(),
})
export type Flow = z.infer<typeof flow>

export const limitState = z.strictObject({
  id: z.string(),
  title: z.string(),
  unit: z.string(),
  value: z.number().optional(),
  limit: z.number(),
  /** A floor (state of charge) is violated below, a ceiling above. */
  kind: z.enum(['ceiling', 'floor']),
  binding: z.boolean().meta({ title: 'This limit decided a setpoint in this cycle' }),
  violated: z.boolean(),
})
export type LimitState = z.infer<typeof limitState>

/** A rule that had a say in a setpoint, with its numbers in the sentence. */
export const reason = z.strictObject({
  rule: z.string(),
  tier: z.enum(['physical', 'safety', 'economic']),
  text: z.string(),
})
export type Reason = z.infer<typeof reason>

export const setpointState = z.strictObject({
  deviceId: z.string(),
  command: z.string(),
  unit: z.string(),
  value: z.number(),
  /** What became of it: on the wire and read back, on its way, recorded only, or refused and why. */
  outcome: z.enum(['confirmed', 'written', 'unchanged', 'recorded', 'refused', 'failed']),
  outcomeReason: z.string().optional(),
  /** Deciding rule first. */
  reasons: z.array(reason).min(1).max(20),
})
export type SetpointState = z.infer<typeof setpointState>

/**
 * The newest cycle as one consistent snapshot. grid > 0 import, battery > 0 discharge, pv >= 0, load >= 0:
 * grid + pv + battery = load.
 */
export const powerFlow = z.strictObject({
  atMs,
  cycle: z.number().int(),
  durationMs: z.number(),
  latenessMs: z.number(),
  grid: flow.extend({ currentA: perPhase, voltageV: perPhase, frequencyHz: z.number().optional() }),
  pv: flow,
  battery: flow.extend({ socPercent: z.number().optional() }),
  load: flow,
  /** The chargers' part of the load; absent on a site without any. */
  chargers: flow.optional(),
  weather: z.strictObject({ irradianceWm2: z.number().optional(), temperatureC: z.number().optional() }).optional(),
  limits: z.array(limitState),
  setpoints: z.array(setpointState),
  control: controlState,
})
export type PowerFlow = z.infer<typeof powerFlow>

/** Latest time a JavaScript date can hold. */
const lastMs = 8_640_000_000_000_000
const isoTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/

/** A time as text, parsed to milliseconds since 1970. A date without a time is midnight UTC. */
export const instant = z
  .string()
  .max(40)
  .transform((text, context): number => {
    const ms = /^\d{1,16}$/.test(text) ? Number(text) : isoTime.test(text) ? Date.parse(text) : Number.NaN
    if (ms >= 0 && ms <= lastMs) return ms
    context.addIssue({
      code: 'custom',
      message: 'not a time',
      params: { allowed: ['2026-03-01T12:00:00Z', '2026-03-01T13:00:00+01:00', '2026-03-01', '1772366400000'] },
    })
    return z.NEVER
  })

export const measurementQuery = z.strictObject({
  device: z.string().min(1).max(40),
  metric: z.string().min(1).max(60),
  from: instant.optional().meta({ description: 'ISO 8601 or milliseconds since 1970; default one hour before `to`' }),
  to: instant.optional().meta({ description: 'ISO 8601 or milliseconds since 1970; default now' }),
  /** At most this many points; above it, the series is averaged into equal steps. */
  points: z.coerce.number().int().min(2).max(10_000).default(1_000),
})
export type MeasurementQuery = z.infer<typeof measurementQuery>

export const measurements = z.strictObject({
  device: z.string(),
  metric: z.string(),
  unit: z.string(),
  fromMs: atMs,
  toMs: atMs,
  /** Width of one step, absent when every stored sample is returned. */
  stepMs: z.number().optional(),
  series: z.array(z.strictObject({ atMs, value: z.number() })),
})
export type Measurements = z.infer<typeof measurements>

export const siteEvent = z.strictObject({
  id: z.number().int(),
  atMs,
  severity: z.enum(['info', 'warning', 'error']),
  code: z.string(),
  message: z.string(),
  deviceId: z.string().optional(),
})
export type SiteEvent = z.infer<typeof siteEvent>

export const eventQuery = z.strictObject({
  /** Only events older than this ID, for paging back. */
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  device: z.string().max(40).optional(),
  severity: z.enum(['info', 'warning', 'error']).optional(),
})
export type EventQuery = z.infer<typeof eventQuery>

export const events = z.strictObject({ events: z.array(siteEvent) })
export type Events = z.infer<typeof events>

export const controlRequest = z.strictObject({
  enabled: z.boolean(),
  dryRun: z.boolean().default(false),
  reason: z.string().min(3).max(200),
})
export type ControlRequest = z.infer<typeof controlRequest>
