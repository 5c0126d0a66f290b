import { readFileSync, statSync, writeFileSync } from 'node:fs'
import {
  largestMapFileBytes,
  mapFormat,
  type MapImportOptions,
  mapImportOptions,
  type MapImportResult,
} from '#contract/map-import.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { importMap } from '../mapimport/import-map.ts'
import { oneLine } from '../mapimport/types.ts'
import { plural, table } from './table.ts'
import { CommandFailure, exitCode, type Terminal } from './terminal.ts'

const flags = {
  format: { type: 'string' },
  out: { type: 'string' },
  columns: { type: 'string' },
  base: { type: 'string' },
  numbers: { type: 'string' },
  'decimal-mark': { type: 'string' },
  'title-row': { type: 'string' },
  sheet: { type: 'string' },
  function: { type: 'string' },
  'word-order': { type: 'string' },
  'byte-order': { type: 'string' },
  unit: { type: 'string' },
  maker: { type: 'string' },
  model: { type: 'string' },
  kind: { type: 'string' },
  json: { type: 'boolean' },
  maps: { type: 'string', multiple: true },
} as const

/** Of the contract by the name of the flag. */
const keys: Readonly<Record<string, keyof MapImportOptions>> = {
  format: 'format',
  columns: 'columns',
  base: 'base',
  numbers: 'numbers',
  'decimal-mark': 'decimalMark',
  'title-row': 'titleRow',
  sheet: 'sheet',
  function: 'function',
  'word-order': 'wordOrder',
  'byte-order': 'byteOrder',
  unit: 'unitId',
  maker: 'maker',
  model: 'model',
  kind: 'kind',
}

/** Reads a map of another program or a table, writes the draft and says what was left out. */
export async function importFile(args: string[], { out, err }: Terminal): Promise<number> {
  const { values, positionals } = parseCommandLine({ args, options: flags, strict: true, allowPositionals: true })
  if (positionals.length === 0) throw new UsageError('name the file to import')
  const options = parseOptions(values)
  if (positionals.length > 1) return importMany(positionals, options, values.json === true, out)
  const [path] = positionals as [string]
  const result = await importPath(path, options)
  if (result.verdict === 'imported' && values.out !== undefined) write(values.out, result.draft)
  if (values.json) out(`${JSON.stringify(values.out === undefined ? result : withoutDraft(result))}\n`)
  else if (result.verdict === 'refused') err(`${oneLine(result.place)}: ${oneLine(result.reason, 600)}\n`)
  else {
    if (values.out === undefined) out(result.draft)
    err(summary(result, values.out))
  }
  return result.verdict === 'imported' ? exitCode.done : exitCode.failed
}

function parseOptions(values: Readonly<Record<string, unknown>>): MapImportOptions {
  const given = Object.entries(keys).flatMap(([flag, key]) =>
    values[flag] === undefined ? [] : [[key, values[flag]] as const],
  )
  const parsed = mapImportOptions.safeParse(Object.fromEntries(given))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const key = issue?.path[0]
  const flag = Object.keys(keys).find((name) => keys[name] === key) ?? 'format'
  const allowed = flag === 'format' ? `; choose auto, ${mapFormat.options.join(', ')}` : ''
  throw new UsageError(`--${flag}: "${String(values[flag])}" is not allowed${allowed}`)
}

async function importPath(path: string, options: MapImportOptions): Promise<MapImportResult> {
  let bytes: Uint8Array
  try {
    // Before it is read: a file can be larger than memory.
    if (statSync(path).size > largestMapFileBytes)
      return {
        verdict: 'refused',
        place: path,
        reason: `the file is larger than ${largestMapFileBytes / 1_000_000} MB`,
      }
    bytes = readFileSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new UsageError(
      `${path} ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown reason'})`}`,
      { cause: error },
    )
  }
  return importMap({ bytes, name: path, options })
}

function withoutDraft(result: MapImportResult): object {
  if (result.verdict === 'refused') return result
  const { draft: _, ...rest } = result
  return rest
}

function write(path: string, text: string): void {
  if (!path.endsWith('.yaml')) throw new UsageError('--out: the name of a point map ends in .yaml')
  try {
    writeFileSync(path, text, { flag: 'wx' })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why =
      code === 'EEXIST' ? 'exists already; choose another name' : `cannot be written (${code ?? 'unknown reason'})`
    throw new CommandFailure(exitCode.failed, `${path} ${why}`, { cause: error })
  }
}

function summary({ report }: Extract<MapImportResult, { verdict: 'imported' }>, path: string | undefined): string {
  const { counts } = report
  const lines = [
    `${oneLine(report.file)}: ${report.format}. ${report.reason}`,
    `${plural(counts.points, 'point')} imported, ${counts.derived} computed, ${counts.skipped} left out, ${plural(counts.kept, 'key')} kept as comments${path === undefined ? '' : `, written to ${path}`}`,
    ...report.assumptions.map(({ text }) => `assumed: ${oneLine(text, 400)}`),
    ...report.skipped
      .slice(0, 20)
      .map(
        ({ place, original, reason }) => `left out: ${oneLine(place)} ${oneLine(original)}: ${oneLine(reason, 600)}`,
      ),
    ...(counts.skipped > 20 ? [`and ${counts.skipped - 20} more; see --json`] : []),
  ]
  return `${lines.join('\n')}\n`
}

/** Several files: only the table of what came of each. */
async function importMany(
  paths: readonly string[],
  options: MapImportOptions,
  json: boolean,
  out: Terminal['out'],
): Promise<number> {
  const rows: {
    file: string
    format: string
    points: number
    derived: number
    skipped: number
    verdict: string
    reason: string
  }[] = []
  for (const path of paths) {
    const result = await importPath(path, options)
    const { report } = result
    rows.push({
      file: path,
      format: report?.format ?? '',
      points: result.verdict === 'imported' ? result.report.counts.points : 0,
      derived: report?.counts.derived ?? 0,
      skipped: report?.counts.skipped ?? 0,
      verdict: result.verdict,
      reason: result.verdict === 'refused' ? `${result.place}: ${result.reason}` : '',
    })
  }
  if (json) out(`${JSON.stringify({ files: rows })}\n`)
  else {
    const cells = rows.map(({ file, format, points, derived, skipped, verdict, reason }) => [
      oneLine(file),
      format,
      String(points),
      String(derived),
      String(skipped),
      reason === '' ? verdict : `${verdict}: ${oneLine(reason, 600)}`,
    ])
    out(table([['file', 'format', 'points', 'computed', 'left out', 'verdict'], ...cells], [2, 3, 4]))
  }
  return rows.every(({ verdict }) => verdict === 'imported') ? exitCode.done : exitCode.failed
}
