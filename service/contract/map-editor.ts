import { z } from 'zod'
import { linkState, registerFunction } from './api.ts'
import { mostMapText } from './map-limits.ts'
import { byteOrder, confidence, deviceKind, wordOrder } from './point-map.ts'
import { mapId } from './site-device.ts'

/** Point maps as a person edits them: their texts, what is wrong with them, and what they make of the registers of a device. */

const atMs = z.number().meta({ title: 'Time', unit: 'ms since 1970' })
const count = z.number().int().min(0)
const line = z.number().int().min(1).meta({ title: 'Line, from 1' })
const name = z.string().max(200)
const sentence = z.string().max(1000)
export const mapText = z.string().max(mostMapText).meta({ title: 'The YAML of a point map' })

/** Of a text as it is kept; empty while there is none. A save names the one that it replaces. */
export const mapRevision = z.string().regex(/^([0-9a-f]{16})?$/)

/** shipped: as it came with R-EMS; edited: the site has its own text of a shipped map; own: written for this site. */
export const mapState = z.enum(['shipped', 'edited', 'own'])
export type MapState = z.infer<typeof mapState>

/** A device of the site that is read by a map. */
export const mapUser = z.strictObject({
  device: z.string(),
  name: z.string(),
  bus: z.string(),
  unitId: z.number().int().min(0).max(255),
  link: linkState,
  /** Points whose sign a person has verified for this site. */
  signs: z.array(name),
  /** Commands that a person has verified for this site. */
  commands: z.array(name),
})
export type MapUser = z.infer<typeof mapUser>

export const mapSummary = z.strictObject({
  id: mapId,
  maker: name,
  model: name,
  kind: deviceKind.nullable(),
  state: mapState,
  /** A text with errors is kept for further work, and no device uses it. */
  draft: z.boolean(),
  /** A change waits to be confirmed, because control is enabled. */
  staged: z.boolean(),
  /** What runs was deployed, and is another text: this one has to be deployed as well. */
  undeployed: z.boolean(),
  users: z.array(mapUser),
  /** Why it cannot be used, in one sentence; null when it can. */
  problem: sentence.nullable(),
})
export type MapSummary = z.infer<typeof mapSummary>

export const mapList = z.strictObject({ maps: z.array(mapSummary).max(5000) })
export type MapList = z.infer<typeof mapList>

export const mapDocument = mapSummary.extend({
  text: mapText,
  revision: mapRevision,
  /** The text that came with R-EMS; null for a map of the site's own. */
  shipped: mapText.nullable(),
})
export type MapDocument = z.infer<typeof mapDocument>

export const mapSave = z.strictObject({ text: mapText, base: mapRevision })
export type MapSave = z.infer<typeof mapSave>

export const mapSaved = z.strictObject({
  revision: mapRevision,
  /** saved: good, and a file of the site's pointmaps folder. draft: it has errors and is kept aside. */
  outcome: z.enum(['saved', 'draft']),
  /** Whether devices use the text now; staged until control is enabled again, or until it is deployed. */
  use: z.enum(['in-use', 'staged', 'no-device']),
  /** An earlier text was kept under this name. */
  backup: z.string().nullable(),
})
export type MapSaved = z.infer<typeof mapSaved>

/** Replaces characters `from` to `to` of the text. */
export const textEdit = z.strictObject({ from: count, to: count, insert: z.string().max(2000) })
export type TextEdit = z.infer<typeof textEdit>

export const mapProblem = z.strictObject({
  line,
  column: z.number().int().min(1),
  severity: z.enum(['error', 'warning']),
  message: sentence,
  /** Keys from the top, such as points.powerW.address. */
  path: z.string().max(500),
  allowed: z.array(z.string().max(200)).max(100).optional(),
  fix: z.strictObject({ title: z.string().max(200), edits: z.array(textEdit).min(1).max(10) }).optional(),
})
export type MapProblem = z.infer<typeof mapProblem>

/** A point as it stands in the text. */
export const mapLine = z.strictObject({
  name,
  title: z.string(),
  unit: z.string(),
  /** Null for a point that another map, which this one extends, has described. */
  line: line.nullable(),
  derived: z.boolean(),
  function: registerFunction.optional(),
  address: z.number().int().min(0).max(65_535).optional(),
  type: z.string().optional(),
  wordOrder: wordOrder.optional(),
  byteOrder: byteOrder.optional(),
  /** A scale below 0 turns the sign of the device into ours. */
  scale: z.number().optional(),
  pollGroup: z.string().optional(),
  confidence: confidence.optional(),
  source: z.string().optional(),
  note: z.string().optional(),
})
export type MapLine = z.infer<typeof mapLine>

export const plannedRead = z.strictObject({
  group: z.enum(['fast', 'normal', 'slow', 'once']),
  everyMs: z.number().nullable(),
  function: registerFunction,
  address: z.number().int(),
  count: count.meta({ title: 'Registers, or bits' }),
  /** Registers of these that a point needs. */
  used: count,
  /** By the time that the wire takes, with the answer time below; null where that is not known. */
  idealMs: z.number().nullable(),
  points: z.array(name),
  /** First line of its points; null when all are inherited. */
  line: line.nullable(),
})
export type PlannedRead = z.infer<typeof plannedRead>

export const readPlan = z.strictObject({
  /** Settings of the line that the ideal is computed for; null for Modbus TCP. */
  line: z.strictObject({ baud: z.number(), format: z.string(), turnaroundMs: z.number() }).nullable(),
  reads: z.array(plannedRead).max(2000),
  /** Per poll group: requests as planned and at least needed. */
  groups: z.array(z.strictObject({ group: z.string(), requests: count, leastRequests: count })),
})
export type ReadPlan = z.infer<typeof readPlan>

/** One thing that differs from the shipped map, in meaning. */
export const mapChange = z.strictObject({
  kind: z.enum(['added', 'removed', 'changed']),
  path: z.string().max(500),
  before: z.string().max(300).optional(),
  after: z.string().max(300).optional(),
  line: line.nullable(),
})
export type MapChange = z.infer<typeof mapChange>

export const mapCheckRequest = z.strictObject({
  id: mapId,
  text: mapText,
  /** The device whose line the plan is computed for. */
  device: z.string().max(60).optional(),
})
export type MapCheckRequest = z.infer<typeof mapCheckRequest>

export const mapChecked = z.strictObject({
  /** Asks for the values of this text; null when it has errors, and the values of the last good one go on. */
  key: z.string().nullable(),
  problems: z.array(mapProblem).max(200),
  points: z.array(mapLine).max(5000),
  plan: readPlan.nullable(),
  /** Against the shipped map; null when there is none, or this text has errors. */
  changes: z.array(mapChange).max(500).nullable(),
  /** Of the changes that are too many to show. */
  changesLeftOut: count,
})
export type MapChecked = z.infer<typeof mapChecked>

export const mapValue = z.strictObject({
  name,
  value: z.union([z.number(), z.string(), z.array(z.string())]).optional(),
  /** not-read: nobody has asked the device for its registers yet. */
  quality: z.enum(['good', 'stale', 'bad', 'not-read']),
  reason: z.string().optional(),
  atMs: atMs.optional(),
  raw: z.array(z.number().int().min(0).max(65_535)).optional(),
})
export type MapValue = z.infer<typeof mapValue>

export const mapValuesQuery = z.strictObject({
  key: z.string().regex(/^[0-9a-f]{16}$/),
  device: z.string().max(60),
})

/** What a text makes of the bytes that a device has sent last. Nothing is read for it. */
export const mapValues = z.strictObject({
  device: z.string(),
  /** recorded: from a snapshot, because nothing was read since the service started. */
  from: z.enum(['live', 'recorded', 'nothing']),
  /** When the snapshot was taken. */
  recordedAtMs: atMs.nullable(),
  link: linkState,
  nowMs: atMs,
  values: z.array(mapValue).max(5000),
  /** Requests that went over the bus while this was asked for. */
  measured: z
    .array(
      z.strictObject({
        function: registerFunction,
        address: z.number().int(),
        count,
        /** Median of request to answer. */
        ms: z.number().nullable(),
        asked: count,
        refused: count,
      }),
    )
    .max(2000),
})
export type MapValues = z.infer<typeof mapValues>

/** What a new map is made of. */
export const mapOrigin = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('empty') }),
  /** A scan of registers, or what was heard on a bus. */
  z.strictObject({ kind: z.literal('job'), job: z.string().max(80), unitId: z.number().int().min(0).max(255) }),
  /** The text of another map. */
  z.strictObject({ kind: z.literal('copy'), map: mapId }),
])
export type MapOrigin = z.infer<typeof mapOrigin>

export const newMap = z.strictObject({
  maker: z.string().trim().min(1).max(80),
  model: z.string().trim().min(1).max(80),
  deviceKind,
  origin: mapOrigin,
})
export type NewMap = z.infer<typeof newMap>

/** A text to begin with. Nothing is kept before somebody saves it. */
export const mapProposal = z.strictObject({ id: mapId, text: mapText, notes: z.array(sentence).max(50) })
export type MapProposal = z.infer<typeof mapProposal>

export const earlierMap = z.strictObject({ name: z.string().max(80), atMs, bytes: count })
export const earlierMaps = z.strictObject({ texts: z.array(earlierMap).max(100) })
export type EarlierMaps = z.infer<typeof earlierMaps>
export const earlierName = z.string().regex(/^\d{8}T\d{9}-[0-9a-f]{8}$/)
