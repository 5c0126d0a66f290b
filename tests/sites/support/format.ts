import { z } from 'zod'
import { valueCurves } from '#contract/economics.ts'

/**
 * A file of cases: each is a site, the state of its plant, and a sequence of control cycles with what must come out.
 * After each cycle the devices do what they were told, unless they are listed under `ignores`.
 */

/** NaN and the infinities included, which devices do send. */
const anyNumber = z.custom<number>((value) => typeof value === 'number', { error: 'expected a number' })

const ampere3 = z.tuple([z.number(), z.number(), z.number()])

const plantDevice = z.strictObject({
  powerW: z.number().optional(),
  availableW: z.number().optional(),
  socPercent: z.number().optional(),
  temperatureC: z.number().optional(),
  chargeLimitW: z.number().optional(),
  dischargeLimitW: z.number().optional(),
  setpointA: z.number().optional(),
  phases: z.union([z.literal(1), z.literal(3)]).optional(),
  plugged: z.boolean().optional(),
  carA: z.number().optional(),
  carPhases: z.union([z.literal(1), z.literal(2), z.literal(3)]).optional(),
  setpointW: z.number().optional(),
  wantsW: z.number().optional(),
  points: z.record(z.string(), z.union([z.number(), z.string()])).optional(),
})

/** Instead of what the plant would answer. `null` is a point that was never read. */
const forcedReading = z.union([
  z.null(),
  anyNumber,
  z.string(),
  z.strictObject({
    value: z.union([anyNumber, z.string()]).optional(),
    quality: z.enum(['good', 'stale', 'bad']).default('good'),
    reason: z.string().optional(),
    ageMs: z.number().default(0),
  }),
])

/** All readings of a device: none were ever had, or they are this old. */
const forcedDevice = z.union([
  z.literal('dead'),
  z.strictObject({ ageMs: z.number() }),
  z.strictObject({ points: z.record(z.string(), forcedReading) }),
])

export const expectedValue = z.union([
  z.number(),
  z.literal('none'),
  z.strictObject({ about: z.number(), within: z.number().positive() }),
  z.strictObject({ min: z.number().optional(), max: z.number().optional(), orNone: z.literal(true).optional() }),
])
export type ExpectedValue = z.infer<typeof expectedValue>

const expectedReason = z.strictObject({
  rule: z.string().optional(),
  tier: z.enum(['physical', 'safety', 'economic']).optional(),
  /** Fragments of the sentence. */
  text: z.union([z.string(), z.array(z.string())]).optional(),
  /** It is the deciding one. */
  first: z.literal(true).optional(),
})
export type ExpectedReason = z.infer<typeof expectedReason>

const expectation = z.strictObject({
  /** By `device.command`. A plain number is met by up to 0.1 A less (setpoints have that resolution), or within 1.5 W. */
  setpoints: z.record(z.string(), expectedValue).optional(),
  /** By `device.command`: each must be in the chain of reasons. */
  reasons: z.record(z.string(), z.union([expectedReason, z.array(expectedReason)])).optional(),
  /** Sum of the setpoints of these, and each of the same size. */
  sums: z
    .array(z.strictObject({ of: z.array(z.string()).min(2), is: expectedValue, equal: z.boolean().default(false) }))
    .optional(),
  /** Exactly how many of these chargers or loads run. */
  running: z.array(z.strictObject({ of: z.array(z.string()).min(2), is: z.number().int() })).optional(),
  binding: z.array(z.string()).optional(),
  notBinding: z.array(z.string()).optional(),
  /** By limit; an empty object means that there are none at all. */
  violations: z
    .record(
      z.string(),
      z.strictObject({
        tier: z.enum(['physical', 'safety', 'economic']).optional(),
        excess: expectedValue.optional(),
        text: z.string().optional(),
      }),
    )
    .optional(),
  leftAlone: z.record(z.string(), z.string()).optional(),
  relieves: z.record(z.string(), z.boolean()).optional(),
  /** Predicted flow of a circuit once every device has done what it was told, largest phase in A or sum in W, > 0 import. */
  after: z
    .record(
      z.string(),
      z.strictObject({
        l1A: expectedValue.optional(),
        l2A: expectedValue.optional(),
        l3A: expectedValue.optional(),
        powerW: expectedValue.optional(),
      }),
    )
    .optional(),
})
export type Expectation = z.infer<typeof expectation>

const cycle = z.strictObject({
  /** Seconds since the cycle before; by default the cycle time of the site. */
  elapsed: z.number().min(0).optional(),
  /** How often this cycle is run; expectations are checked after the last, or after each when `always` is set. */
  times: z.number().int().min(1).max(5000).default(1),
  always: z.boolean().default(false),
  house: z.record(z.string(), ampere3).optional(),
  devices: z.record(z.string(), plantDevice).optional(),
  /** They stay in force until they are replaced by `as-is`. */
  readings: z.record(z.string(), z.union([forcedDevice, z.literal('as-is')])).optional(),
  ignores: z.array(z.string()).optional(),
  wishes: z
    .array(
      z.strictObject({
        device: z.string(),
        command: z.string(),
        value: z.number(),
        principal: z.string().default('operator'),
        reason: z.string().default('asked for'),
      }),
    )
    .optional(),
  plan: z.array(valueCurves).optional(),
  expect: expectation.optional(),
})
export type Cycle = z.infer<typeof cycle>

export const siteCase = z.strictObject({
  name: z.string().min(5).max(160),
  /** How the expected numbers are derived from the site, and what they guard against. */
  why: z.string().min(10),
  /** File under worlds/, without its ending. */
  site: z.string(),
  /** Merged into the site: objects by key, lists of things with an id by that id, null removes. */
  change: z.unknown().optional(),
  /** Which circuit a shared device hangs on at first. */
  placed: z.record(z.string(), z.string()).optional(),
  at: z.iso.datetime({ offset: true }).default('2026-03-02T12:00:00Z'),
  house: z.record(z.string(), ampere3).default({}),
  devices: z.record(z.string(), plantDevice).default({}),
  cycles: z.array(cycle).min(1),
})
export type SiteCase = z.infer<typeof siteCase>

export const caseFile = z.strictObject({
  title: z.string(),
  cases: z.array(siteCase).min(1),
})
