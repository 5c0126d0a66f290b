import { z } from 'zod'
import { registerFunction } from './api.ts'
import { byteOrder, deviceKind, wordOrder } from './point-map.ts'

/** Maps of other programs and tables of registers: what an import may be told, and what it answers. */

/** Largest file that is read. */
export const largestMapFileBytes = 12_000_000

/** What a file is written in. Spreadsheets, CSV and pasted tables of no program in particular are `table`. */
export const mapFormat = z.enum([
  'evcc',
  'telegraf',
  'home-assistant',
  'ha-solarman',
  'solarman',
  'edgex',
  'thingsboard',
  'volttron',
  'python-protocol-gateway',
  'growatt-csv',
  'sunspec-json',
  'table',
])
export type MapFormat = z.infer<typeof mapFormat>

/** What a column of a table can hold. */
export const importColumn = z.enum([
  'address',
  'name',
  'title',
  'type',
  'function',
  'unit',
  'scale',
  'offset',
  'count',
  'wordOrder',
  'values',
  'sentinels',
  'access',
  'note',
])
export type ImportColumn = z.infer<typeof importColumn>

/**
 * How addresses of a table count. `0`: as on the wire. `1`: the first register is 1. `modicon`: 40001 or 400001 is the
 * first holding register, 30001 the first input register, 10001 the first discrete input, 1 the first coil.
 */
export const addressBase = z.enum(['auto', '0', '1', 'modicon'])
export type AddressBase = z.infer<typeof addressBase>

/** Settings of an import, all of them text so that they can stand in an address and on a command line. */
export const mapImportOptions = z.strictObject({
  format: z.union([z.literal('auto'), mapFormat]).default('auto'),
  /**
   * Which column of a table is what: `address=3;name=Register name;unit=Unit`. A column is a number from 1, a letter as in
   * a spreadsheet, or its title. What is not named is found by its title; `unit=` with nothing leaves it out.
   */
  columns: z.string().max(1000).default(''),
  base: addressBase.default('auto'),
  /** Whether addresses without a mark (0x, h) are decimal or hexadecimal. */
  numbers: z.enum(['auto', 'decimal', 'hexadecimal']).default('auto'),
  /** The mark before the decimals. */
  decimalMark: z.enum(['auto', 'point', 'comma']).default('auto'),
  /** Row of the titles, from 1; 0 when there are none. */
  titleRow: z.coerce.number().int().min(0).max(1000).optional(),
  /** Sheet of a workbook: a number from 1 or its name. */
  sheet: z.string().max(100).default('1'),
  /** For entries that do not say it themselves. */
  function: registerFunction.optional(),
  wordOrder: wordOrder.optional(),
  byteOrder: byteOrder.optional(),
  /** Of several units (or usages) in one file, which one; all by default. */
  unitId: z.coerce.number().int().min(0).max(255).optional(),
  maker: z.string().min(1).max(60).optional(),
  model: z.string().min(1).max(120).optional(),
  kind: deviceKind.optional(),
})
export type MapImportOptions = z.infer<typeof mapImportOptions>

/** Query of POST /api/v1/workbench/map-imports; the body is the file as application/octet-stream. */
export const mapImportQuery = mapImportOptions.extend({
  /** Name of the file, for messages and as a hint what it is; `pasted.tsv` for what was typed or pasted. */
  name: z.string().min(1).max(200),
})
export type MapImportQuery = z.infer<typeof mapImportQuery>

/** Something of the file, where it stands: `file:line`, `file:line:column` or `file:row`. */
const noted = { place: z.string() } as const

/** What a person has to know about a choice that the file did not make. */
export const importAssumption = z.strictObject({
  about: z.enum([
    'format',
    'encoding',
    'base',
    'function',
    'type',
    'wordOrder',
    'sign',
    'scale',
    'unit',
    'name',
    'other',
  ]),
  text: z.string(),
})

export const importedPoint = z.strictObject({
  ...noted,
  /** Name in the new map. */
  name: z.string(),
  /** What the file calls it. */
  original: z.string(),
  /** The address as the file writes it; absent for SunSpec points. */
  originalAddress: z.string().optional(),
  /** On the wire, from 0; absent for SunSpec points. */
  address: z.number().int().optional(),
  function: registerFunction.optional(),
  type: z.string().optional(),
})
export type ImportedPoint = z.infer<typeof importedPoint>

export const skippedEntry = z.strictObject({ ...noted, original: z.string(), reason: z.string() })
export type SkippedEntry = z.infer<typeof skippedEntry>

export const keptKey = z.strictObject({ ...noted, key: z.string(), value: z.string() })
export type KeptKey = z.infer<typeof keptKey>

/** How a table was understood, so that a person can correct it. */
export const importTable = z.strictObject({
  titles: z.array(z.string()),
  /** The first rows below the titles. */
  sample: z.array(z.array(z.string())),
  rows: z.number().int(),
  titleRow: z.number().int(),
  delimiter: z.string().optional(),
  sheets: z.array(z.string()).optional(),
  /** Number of the column from 1 by what it holds. */
  columns: z.partialRecord(importColumn, z.number().int()),
  base: addressBase,
  numbers: z.enum(['decimal', 'hexadecimal']),
  decimalMark: z.enum(['point', 'comma']),
})
export type ImportTable = z.infer<typeof importTable>

export const mapImportReport = z.strictObject({
  file: z.string(),
  format: mapFormat,
  /** How sure it is that this is the format, 0..1; 1 when it was told. */
  confidence: z.number().min(0).max(1),
  reason: z.string(),
  encoding: z.string(),
  /** Every point of the map; `counts` holds the true numbers where a list is cut. */
  points: z.array(importedPoint),
  skipped: z.array(skippedEntry),
  /** Keys of the file that have no place in a map. They stand in the draft as comments. */
  kept: z.array(keptKey),
  assumptions: z.array(importAssumption),
  counts: z.strictObject({
    points: z.number().int(),
    derived: z.number().int(),
    skipped: z.number().int(),
    kept: z.number().int(),
  }),
  table: importTable.optional(),
})
export type MapImportReport = z.infer<typeof mapImportReport>

/** A draft that passes `map lint`, or the one sentence why there is none. */
export const mapImportResult = z.discriminatedUnion('verdict', [
  z.strictObject({ verdict: z.literal('imported'), draft: z.string(), report: mapImportReport }),
  z.strictObject({
    verdict: z.literal('refused'),
    ...noted,
    reason: z.string(),
    /** What could be understood, such as a table whose columns are to be named. */
    report: mapImportReport.optional(),
  }),
])
export type MapImportResult = z.infer<typeof mapImportResult>

/** What a map can be written as. */
export const mapExportFormat = z.enum(['csv', 'home-assistant'])
export type MapExportFormat = z.infer<typeof mapExportFormat>

/** Body of POST /api/v1/workbench/map-exports: the text of a map. */
export const mapExportRequest = z.strictObject({
  format: mapExportFormat,
  /** YAML of a point map, as in the editor. */
  text: z.string().min(1).max(1_000_000),
  /** Name of the file, for messages. */
  name: z.string().min(1).max(200),
})
export type MapExportRequest = z.infer<typeof mapExportRequest>

export const mapExportResult = z.strictObject({
  /** Name to save it under. */
  name: z.string(),
  text: z.string(),
  /** What the other format cannot say, each with the point and the reason. */
  left: z.array(z.strictObject({ point: z.string(), reason: z.string() })),
})
export type MapExportResult = z.infer<typeof mapExportResult>
