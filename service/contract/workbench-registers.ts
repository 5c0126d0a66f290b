import { z } from 'zod'
import { busAddress } from './workbench.ts'
import { heardFrame } from './workbench-listen.ts'

/** What registers of a unit read now, what they read before, and the frames that went over a bus. */

const unitId = z.number().int().min(0).max(255).meta({ title: 'Unit ID' })
const address = z.number().int().min(0).max(65_535).meta({ title: 'Address, zero-based' })
const word = z.number().int().min(0).max(65_535)
const count = z.number().int().min(0)
const atMs = z.number().meta({ title: 'Time', unit: 'ms since 1970' })
/** The function that reads: 1 coils, 2 discrete inputs, 3 holding, 4 input registers. */
export const readFunction = z.literal([1, 2, 3, 4])
export type ReadFunction = z.infer<typeof readFunction>

/** Registers that one watch follows at most. */
export const mostWatched = 10_000

export const registerRange = z
  .strictObject({ fn: readFunction, address, count: z.number().int().min(1).max(mostWatched) })
  .refine((range) => range.address + range.count <= 65_536, 'reaches past 65535')
export type RegisterRange = z.infer<typeof registerRange>

export const watchRequest = z.strictObject({
  bus: busAddress,
  unitId,
  ranges: z
    .array(registerRange)
    .min(1)
    .max(500)
    .refine((ranges) => ranges.reduce((sum, range) => sum + range.count, 0) <= mostWatched, {
      message: `more than ${mostWatched} registers`,
    }),
  everyMs: z
    .number()
    .int()
    .min(250)
    .max(60_000)
    .default(1000)
    .meta({ title: 'Every register at most every', unit: 'ms' }),
})
export type WatchRequest = z.infer<typeof watchRequest>

export const watchId = z.string().regex(/^[0-9a-f]{8}$/)

/** Registers of a watch that a point of the map of the device is made of. */
export const watchedPoint = z.strictObject({
  fn: readFunction,
  address,
  count: z.number().int().min(1),
  name: z.string(),
  title: z.string(),
  unit: z.string(),
  type: z.string(),
  wordOrder: z.enum(['big', 'little']),
  byteOrder: z.enum(['big', 'little']),
  /** Null where another register says it. */
  scale: z.number().nullable(),
  offset: z.number(),
})
export type WatchedPoint = z.infer<typeof watchedPoint>

/** Neighbouring registers as they were read together. */
export const watchedBlock = z.strictObject({ fn: readFunction, address, words: z.array(word), atMs })
export type WatchedBlock = z.infer<typeof watchedBlock>

/** A register that the unit refuses; it is not asked again. */
export const refusedRegister = z.strictObject({ fn: readFunction, address, code: z.number().int() })
export type RefusedRegister = z.infer<typeof refusedRegister>

/** What has been read since the last update; for a new reader, the newest of everything. */
export const watchUpdate = z.strictObject({
  id: watchId,
  state: z.enum(['reading', 'silent', 'ended']),
  /** Why nothing comes. */
  problem: z.string().optional(),
  requests: count,
  failures: count,
  /** Time that it took to read everything once; null before. */
  roundMs: z.number().min(0).nullable(),
  blocks: z.array(watchedBlock),
  refused: z.array(refusedRegister),
})
export type WatchUpdate = z.infer<typeof watchUpdate>

/** Registers that the service reads again and again, as long as somebody says that it is still wanted. */
export const registerWatch = z.strictObject({
  id: watchId,
  request: watchRequest,
  startedBy: z.string(),
  startedAtMs: atMs,
  /** Through the queue of a bus that the service polls, or on a connection of its own. */
  shared: z.boolean(),
  points: z.array(watchedPoint),
  latest: watchUpdate,
})
export type RegisterWatch = z.infer<typeof registerWatch>

const addressKey = z.string().regex(/^\d{1,5}$/)

/** Registers of one function, by zero-based address, so that versions of a file differ where a register does. */
export const snapshotTable = z.strictObject({
  fn: readFunction,
  words: z.record(addressKey, word),
  /** Those that moved while the baseline was taken: their changes afterwards mean nothing. */
  moved: z.array(address),
})
export type SnapshotTable = z.infer<typeof snapshotTable>

export const snapshotId = z.string().regex(/^\d{8}-\d{6}-snapshot(-\d+)?$/)
const line = z
  .string()
  .max(80)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, 'one line of visible characters')

/** What registers of a unit read at one time. A file of the site folder, and what r-emsctl snapshot writes. */
export const registerSnapshot = z.strictObject({
  kind: z.literal('snapshot'),
  id: snapshotId.optional(),
  name: line,
  bus: z.string().max(300),
  unitId,
  takenAtMs: atMs,
  takenBy: z.string(),
  /** How often each register was read before, at least, and for how long. One reading shows no movement. */
  baseline: z.strictObject({ readings: count, overMs: z.number().min(0) }),
  tables: z.array(snapshotTable).max(4),
  refused: z.array(refusedRegister),
})
export type RegisterSnapshot = z.infer<typeof registerSnapshot>

export const snapshotSummary = registerSnapshot
  .omit({ tables: true, refused: true })
  .extend({ id: snapshotId, registers: count, moved: count })
export type SnapshotSummary = z.infer<typeof snapshotSummary>
export const snapshotList = z.strictObject({ snapshots: z.array(snapshotSummary) })
export type SnapshotList = z.infer<typeof snapshotList>

export const newSnapshot = z.strictObject({
  watch: watchId,
  name: line.default(''),
  /** What moved so long before is noise. */
  baselineMs: z.number().int().min(0).max(600_000).default(10_000).meta({ title: 'Baseline', unit: 'ms' }),
})
export type NewSnapshot = z.infer<typeof newSnapshot>

/** What differs between two snapshots of a unit. */
export const registerDiff = z.strictObject({
  before: z.strictObject({ bus: z.string(), unitId, takenAtMs: atMs }),
  after: z.strictObject({ bus: z.string(), unitId, takenAtMs: atMs }),
  /** Registers that both have. */
  compared: count,
  changed: z.array(z.strictObject({ fn: readFunction, address, before: word, after: word })),
  /** Moved in the baseline already: hidden. */
  masked: z.array(z.strictObject({ fn: readFunction, address })),
  onlyBefore: count,
  onlyAfter: count,
})
export type RegisterDiff = z.infer<typeof registerDiff>

/** The newest frames of a bus that this service uses. They are kept while somebody asks. */
export const busFrames = z.strictObject({
  bus: z.string(),
  frames: z.array(heardFrame),
  /** To ask for what comes after these. */
  next: count,
  /** Frames that were gone before they were asked for. */
  missed: count,
})
export type BusFrames = z.infer<typeof busFrames>

export const tappedBuses = z.strictObject({ buses: z.array(z.string()) })
export type TappedBuses = z.infer<typeof tappedBuses>
