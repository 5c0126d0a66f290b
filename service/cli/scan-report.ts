import { readFile } from 'node:fs/promises'
import type { z } from 'zod'
import type { ScannedUnit, ScanProgress, ScanResult } from '#contract/workbench-scan.ts'
import { UsageError } from '../args.ts'
import { tableOf } from '../runtime/workbench/tables.ts'
import { clean, table } from './table.ts'
import { exitCode, type Terminal } from './terminal.ts'

/** Options of every scan. */
export const scanFlags = {
  resume: { type: 'string' },
  csv: { type: 'boolean' },
  json: { type: 'boolean' },
} as const

export const scanUsage = `  --maps FOLDER     own point maps, in front of those of the package
  --no-identify     only who is there, not what it is
  --resume FILE     goes on where the scan ended whose --json is in the file
  --csv             rows for a spreadsheet
Ctrl-C ends it and shows what was found until then.
Exit code: 0 done, 1 the port or connection failed, 3 nothing was found, 5 refused or somebody else was heard.
`

/** A result that was printed earlier; undefined without a file. */
export async function readPrevious<Result>(
  file: string | undefined,
  schema: z.ZodType<Result>,
): Promise<Result | undefined> {
  if (file === undefined) return undefined
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`--resume: ${file} cannot be read`, { cause: error })
  })
  const parsed = schema.safeParse(jsonOf(text))
  if (!parsed.success) throw new UsageError(`--resume: ${file} does not hold the --json of such a scan`)
  return parsed.data
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Shows how far a scan is, in one line that is redrawn. */
export function showProgress({ interactive, err }: Terminal): (progress: ScanProgress) => void {
  let shownAtMs = 0
  return ({ phase, done, total, leftMs, text }) => {
    const nowMs = performance.now()
    if (!interactive || nowMs - shownAtMs < 200) return
    shownAtMs = nowMs
    const left = leftMs === null ? '' : `, ${Math.ceil(leftMs / 1000)} s left`
    const share = total === 0 ? 0 : Math.floor((100 * done) / total)
    err(`\r\u001b[K${phase} ${share} %${left}: ${clean(text)}`)
  }
}

export function printScan<Result extends ScanResult>(
  result: Result,
  { json, csv }: { readonly json?: boolean | undefined; readonly csv?: boolean | undefined },
  terminal: Terminal,
  describe: (result: Result) => string,
): void {
  if (terminal.interactive) terminal.err('\r\u001b[K')
  // What was not identified has no candidates: a program need not tell the two apart.
  const plain = (key: string, value: unknown): unknown => (key === 'candidates' ? (value ?? []) : value)
  if (json) return terminal.out(`${JSON.stringify(result, plain)}\n`)
  if (csv) return terminal.out(tableOf(result))
  const { notes, elapsedMs, floorMs, requests } = result
  const seconds = (ms: number): string => (ms / 1000).toFixed(1)
  const effort = `${requests} requests in ${seconds(elapsedMs)} s; ${seconds(floorMs)} s at the very least\n`
  terminal.out(`${describe(result)}${notes.map((note) => `${clean(note)}\n`).join('')}${effort}`)
}

/** The exit code of a scan; why it ended early is said on the way. */
export function endOfScan({ state, reason }: ScanResult, found: number, terminal: Terminal): number {
  if (state !== 'complete' && state !== 'cancelled') terminal.err(`r-emsctl scan: ${clean(reason ?? state)}\n`)
  switch (state) {
    case 'complete':
      return found > 0 ? exitCode.done : exitCode.noAnswer
    case 'cancelled':
      return exitCode.interrupted
    case 'foreign-traffic':
      return exitCode.refused
    default:
      return exitCode.failed
  }
}

export function describeUnits(units: readonly (ScannedUnit & { readonly bus?: string })[]): string {
  if (units.length === 0) return 'nobody answers\n'
  const rows = units.map(({ bus, unitId, status, latencyMs, alsoUnitIds, candidates }) => {
    const best = candidates?.[0]
    const also = alsoUnitIds.length > 0 ? ` (and ${alsoUnitIds.length} more IDs)` : ''
    return [
      ...(bus === undefined ? [] : [bus]),
      `${unitId}${also}`,
      status,
      latencyMs === null ? '' : latencyMs.toFixed(0),
      best ? [best.vendor, best.model].filter(Boolean).join(' ') : '',
      best?.serial ?? '',
      best ? `${Math.round(100 * best.confidence)} %` : '',
    ]
  })
  const place = units[0]?.bus === undefined ? [] : ['bus']
  return table([[...place, 'unit', 'status', 'ms', 'device', 'serial', 'sure'], ...rows])
}
