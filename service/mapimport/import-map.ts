import { basename } from 'node:path'
import type { MapFormat, MapImportOptions, MapImportReport, MapImportResult } from '#contract/map-import.ts'
import { largestMapFileBytes } from '#contract/map-import.ts'
import type { PointMap } from '#contract/point-map.ts'
import { problemsText } from '../domain/yaml-source.ts'
import { checkPointMap } from '../pointmap/load.ts'
import { type Assembled, assemble } from './assemble.ts'
import { findDelimiter, readDelimited, readWorkbook } from './delimited.ts'
import { type Detected, detectFormat, withoutRegisters } from './detect.ts'
import { readEdgex } from './edgex.ts'
import { emitDraft } from './emit.ts'
import { readEvcc } from './evcc.ts'
import { readHomeAssistant } from './home-assistant.ts'
import { isSigned } from './names.ts'
import { readSolarman } from './solarman.ts'
import { readSunspecJson } from './sunspec-json.ts'
import { readTable } from './table.ts'
import { readTelegraf } from './telegraf.ts'
import { decodeFile, isArchive, isOldWorkbook } from './text.ts'
import { readThingsboard } from './thingsboard.ts'
import {
  type Assumption,
  type ForeignMap,
  isRefusal,
  mostListed,
  oneLine,
  type Refusal,
  type Understood,
} from './types.ts'
import { chooseUnit } from './unit.ts'

type Reader = (text: string, file: string) => Understood

const readers: Partial<Record<MapFormat, Reader>> = {
  evcc: readEvcc,
  telegraf: readTelegraf,
  'home-assistant': readHomeAssistant,
  'ha-solarman': readSolarman,
  solarman: readSolarman,
  edgex: readEdgex,
  thingsboard: readThingsboard,
  'sunspec-json': readSunspecJson,
}

/** A file as a draft of a map with a report; or why not, in one sentence. Never throws for what a file contains. */
export async function importMap(source: {
  readonly bytes: Uint8Array
  readonly name: string
  readonly options: MapImportOptions
}): Promise<MapImportResult> {
  const { bytes, options } = source
  const file = oneLine(basename(source.name.replaceAll('\\', '/')), 120) || 'file'
  if (bytes.length === 0) return refused({ place: file, reason: 'the file is empty' })
  if (bytes.length > largestMapFileBytes)
    return refused({ place: file, reason: `the file is larger than ${largestMapFileBytes / 1_000_000} MB` })
  if (isOldWorkbook(bytes))
    return refused({ place: file, reason: 'workbooks of the old kind (.xls) cannot be read; save it as .xlsx or CSV' })
  if (isArchive(bytes)) {
    const rows = await readWorkbook(bytes, options.sheet)
    if (typeof rows === 'string') return refused({ place: file, reason: rows })
    const detected = told(options) ?? { format: 'table', confidence: 0.9, reason: 'The file is a workbook.' }
    const table: MapFormat = readers[detected.format] ? 'table' : detected.format
    return conclude(readTable(rows, file, table, options), {
      file,
      detected: { ...detected, format: table },
      encoding: 'xlsx',
      options,
    })
  }
  const decoded = decodeFile(bytes)
  if ('reason' in decoded) return refused({ place: file, reason: decoded.reason })
  const { text, encoding } = decoded
  if (text.trim() === '') return refused({ place: file, reason: 'the file is empty' })
  const delimiter = findDelimiter(text)
  const detected = told(options) ?? detectFormat(text, file, delimiter)
  if (!detected)
    return refused({
      place: file,
      reason:
        withoutRegisters(text) ?? 'it is none of the formats that can be read, nor a table; say which with the format',
    })
  const reader = readers[detected.format]
  const understood = reader
    ? reader(text, file)
    : readTable(readDelimited(text, delimiter ?? ','), file, detected.format, options)
  const more: Assumption[] = decoded.assumed === undefined ? [] : [{ about: 'encoding', text: decoded.assumed }]
  return conclude(understood, { file, detected, encoding, options }, more)
}

const told = ({ format }: MapImportOptions): Detected | undefined =>
  format === 'auto' ? undefined : { format, confidence: 1, reason: 'The format was given.' }

function refused(at: Refusal['refused'], report?: MapImportReport): MapImportResult {
  return { verdict: 'refused', place: at.place, reason: sentence(at.reason), ...(report && { report }) }
}

const sentence = (text: string): string => oneLine(text, 600)

interface About {
  readonly file: string
  readonly detected: Detected
  readonly encoding: string
  readonly options: MapImportOptions
}

function conclude(understood: Understood, about: About, more: readonly Assumption[] = []): MapImportResult {
  if (isRefusal(understood)) {
    const report =
      understood.table &&
      reportOf(about, undefined, { points: [], skipped: [], kept: [], assumptions: more, table: understood.table })
    return refused(understood.refused, report)
  }
  const foreign = chooseUnit(understood, about.options)
  const result = assemble(foreign, headOf(foreign, about))
  const assumptions = [...more, ...foreign.assumptions, ...guesses(foreign, result, about.options)]
  const report = reportOf(about, result, { ...foreign, assumptions })
  if (result.points.length === 0) {
    const [first] = result.skipped
    const why = first
      ? `nothing of it can be read; the first entry: ${first.original}: ${first.reason}`
      : 'there are no registers in it'
    return refused({ place: first?.place ?? about.file, reason: why }, report)
  }
  const draft = emitDraft(result, {
    file: about.file,
    format: about.detected.format,
    assumptions: assumptions.map(({ text }) => text),
    kept: foreign.kept,
  })
  const check = checkPointMap(draft, 'imported/draft.yaml', () => undefined)
  if (check.problems)
    return refused(
      { place: about.file, reason: `the draft does not pass the checks of maps: ${problemsText(check.problems, 1)}` },
      report,
    )
  return { verdict: 'imported', draft, report }
}

function headOf(foreign: ForeignMap, { file, options }: About): Pick<PointMap, 'maker' | 'model' | 'kind'> {
  const name = file.replace(/\.[A-Za-z0-9]{1,5}$/, '')
  return {
    maker: options.maker ?? (oneLine(foreign.maker ?? '', 60) || 'Unknown maker'),
    model: options.model ?? (oneLine(foreign.model ?? '', 120) || oneLine(name, 120) || 'Unknown model'),
    kind: options.kind ?? foreign.kind ?? kindOf(foreign),
  }
}

/** From what is read; a person corrects it. */
function kindOf({ points }: ForeignMap): PointMap['kind'] {
  const text = points
    .slice(0, 1500)
    .map(({ original, within, wanted }) => `${within ?? ''} ${wanted ?? ''} ${original}`)
    .join('\n')
    .toLowerCase()
  const battery = /battery|\bsoc\b|\bbms\b|\bbat/.test(text)
  const sun = /\bpv|solar|mppt/.test(text)
  if (/heat ?pump|compressor|flow temperature/.test(text)) return 'heat-pump'
  if (battery) return sun ? 'hybrid-inverter' : 'battery'
  if (sun) return 'pv-inverter'
  return /voltage|power|energy|current/.test(text) ? 'meter' : 'gateway'
}

function guesses(foreign: ForeignMap, { points }: Assembled, options: MapImportOptions): Assumption[] {
  const list: Assumption[] = []
  if (options.kind === undefined && foreign.kind === undefined)
    list.push({ about: 'other', text: `The kind of device was guessed from what is read.` })
  if (!foreign.maker && options.maker === undefined)
    list.push({ about: 'name', text: 'The file does not name the maker.' })
  const signed = points.map(({ name }) => name).filter(isSigned)
  if (signed.length > 0 && !foreign.signsKnown)
    list.push({
      about: 'sign',
      text: `The signs of ${signed.slice(0, 6).join(', ')}${signed.length > 6 ? ' and others' : ''} are those of the file; here import and discharge are positive.`,
    })
  const wide = points.filter(({ point }) => /^(u?int|float|acc)(32|48|64)$/.test(point.type ?? ''))
  if (foreign.table && wide.length > 0 && wide.every(({ point }) => point.wordOrder === undefined))
    list.push({ about: 'wordOrder', text: 'Values of several registers were taken with the high word first.' })
  return list
}

type Lists = Pick<ForeignMap, 'skipped' | 'kept' | 'assumptions' | 'table'> & { readonly points: readonly unknown[] }

function reportOf({ file, detected, encoding }: About, result: Assembled | undefined, lists: Lists): MapImportReport {
  const points = result?.points ?? []
  const skipped = result?.skipped ?? lists.skipped
  const own = points.flatMap(({ from, kept }) =>
    kept.map(([key, value]) => ({ place: from.place, key, value: oneLine(value, 200) })),
  )
  const kept = [...lists.kept.map((entry) => ({ ...entry, value: oneLine(entry.value, 200) })), ...own]
  return {
    file,
    format: detected.format,
    confidence: detected.confidence,
    reason: detected.reason,
    encoding,
    points: points.map(({ name, from, point }) => ({
      place: from.place,
      name,
      original: oneLine(from.original, 120),
      ...(from.originalAddress !== undefined && { originalAddress: oneLine(from.originalAddress, 60) }),
      ...(typeof point.address === 'number' && { address: point.address }),
      ...(typeof point.address === 'object' && { address: point.address[0]! }),
      ...(point.function && { function: point.function }),
      ...(point.type && { type: point.type }),
    })),
    skipped: skipped.slice(0, mostListed).map(({ place, original, reason }) => ({
      place,
      original: oneLine(original, 120),
      reason: oneLine(reason, 400),
    })),
    kept: kept.slice(0, mostListed),
    assumptions: lists.assumptions.map(({ about, text }) => ({ about, text: oneLine(text, 400) })),
    counts: { points: points.length, derived: result?.derived.length ?? 0, skipped: skipped.length, kept: kept.length },
    ...(lists.table && { table: lists.table }),
  }
}
