import { z } from 'zod'
import { busWritten, manualWrite, wantedWrite } from './bus.ts'

/** What a write by a person would do, and what such writes have done. */

const word = z.number().int().min(0).max(65_535)
const bus = z.string().max(300).meta({ title: 'Bus' })
const unitId = z.number().int().min(0).max(255).meta({ title: 'Unit ID' })

export const writePreviewRequest = z.strictObject({ bus, unitId, write: wantedWrite })
export type WritePreviewRequest = z.infer<typeof writePreviewRequest>

/** Whether what is written wears the memory of the device out; unknown where no map says it. */
export const wear = z.strictObject({
  storage: z.enum(['volatile', 'non-volatile', 'unknown']),
  /** By hand and by control, since midnight UTC. */
  writesToday: z.number().int().min(0),
  dailyWrites: z.number().int().min(1).optional(),
})
export type Wear = z.infer<typeof wear>

export const writePreview = z.strictObject({
  /** Exactly what is to be sent to /api/v1/bus/write. */
  write: manualWrite,
  /** Of the command, or of the register. */
  title: z.string(),
  unit: z.string(),
  /** The bytes that would go over the wire, hex, one text per request. None while the device is not known well enough. */
  frames: z.array(z.string()).max(64),
  /** In the unit, where it can be read. */
  before: z.number().optional(),
  /** Registers (coils for a bit) that would change; null where they cannot be read. */
  registers: z.array(z.strictObject({ address: word, before: word.nullable(), after: word })).max(256),
  min: z.number().optional(),
  max: z.number().optional(),
  wear,
  /** Read afterwards, to see whether the device took it. */
  readBack: z.string().optional(),
  /** Measured; must follow. */
  effect: z
    .strictObject({
      point: z.string(),
      title: z.string(),
      unit: z.string(),
      tolerance: z.number(),
      withinMs: z.number(),
    })
    .optional(),
  /** Why it would be refused now. */
  obstacle: z.string().optional(),
})
export type WritePreview = z.infer<typeof writePreview>

export const ledgerQuery = z.strictObject({
  /** Only writes older than the entry with this number. */
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
})
export type LedgerQuery = z.infer<typeof ledgerQuery>

export const ledgerEntry = z.strictObject({
  /** Of the newest entry of the journal about it. */
  seq: z.number().int(),
  atMs: z.number().int(),
  principal: z.string(),
  deviceId: z.string(),
  /** Command or register. */
  what: z.string(),
  value: z.number(),
  /** What was there before, where it could be read. */
  before: z.number().optional(),
  unit: z.string(),
  /** unknown: the service ended before it was known. */
  outcome: z.enum([...busWritten.shape.outcome.options, 'unknown']),
  detail: z.string().optional(),
  frames: z.array(z.string()),
  /** The write that would put back what was there, to be looked at and confirmed like any other. */
  undo: writePreviewRequest.optional(),
})
export type LedgerEntry = z.infer<typeof ledgerEntry>

export const ledger = z.strictObject({
  /** Newest first. */
  entries: z.array(ledgerEntry),
  /** For the next page; absent when there is none. */
  next: z.number().int().optional(),
})
export type Ledger = z.infer<typeof ledger>

/** What the journal keeps of a write by a person beside its outcome. */
export const ledgerRecord = z.strictObject({
  bus,
  unitId,
  unit: z.string(),
  write: manualWrite,
  before: z.number().optional(),
})
export type LedgerRecord = z.infer<typeof ledgerRecord>
