import { EdgeError } from '#contract/errors.ts'
import type { Inputs, Series, Session } from './series.ts'

const timeNames = new Set(['atms', 'time', 'timestamp', 'timestamp_utc'])
/** Column of a table of charging sessions, by the words it may go by. */
const sessionNames: Readonly<Record<string, string>> = {
  arrival: 'arrival',
  timestamp_arrival_utc: 'arrival',
  departure: 'departure',
  timestamp_departure_utc: 'departure',
  energywh: 'energyWh',
  energy_wh: 'energyWh',
  charger: 'charger',
  phases: 'phases',
  maxcurrenta: 'maxCurrentA',
}

const refuse = (file: string, line: number, message: string): EdgeError =>
  new EdgeError('config.invalid', `${file}, line ${line}: ${message}`)

/**
 * Reads a table with a header line and fields separated by commas.
 *   time series: `time` (or atMs, timestamp, timestamp_utc) and any number of columns named DEVICE.METRIC or
 *     CIRCUIT.powerW[.l1]; an empty field means not measured, the value before it goes on.
 *   charging sessions: `arrival`, `departure`, `energyWh`, and if wanted `charger`, `phases`, `maxCurrentA`.
 * `rename` gives a column another name; columns whose name has no dot are left out.
 * Throws EdgeError config.invalid with file and line.
 */
export function parseCsvInput(text: string, file: string, rename: ReadonlyMap<string, string>): Inputs {
  const lines = text.split(/\r?\n/)
  const header = (lines[0] ?? '').split(',').map((name) => unquoted(name))
  const sessionColumns = header.map((name) => sessionNames[name.toLowerCase()])
  if (['arrival', 'departure', 'energyWh'].every((name) => sessionColumns.includes(name)))
    return { series: new Map(), sessions: parseSessions(lines, sessionColumns, file) }
  const timeAt = header.findIndex((name) => timeNames.has(name.toLowerCase()))
  if (timeAt < 0)
    throw refuse(file, 1, `no column for the time (${[...timeNames].join(', ')}), and no arrival, departure, energyWh`)
  return { series: parseSeries(lines, { header, timeAt, file, rename }), sessions: [] }
}

function parseSeries(
  lines: readonly string[],
  table: { header: readonly string[]; timeAt: number; file: string; rename: ReadonlyMap<string, string> },
): ReadonlyMap<string, Series> {
  const { header, timeAt, file, rename } = table
  const columns = header.flatMap((name, at) => {
    const target = rename.get(name) ?? name
    return at !== timeAt && target.includes('.')
      ? [{ at, name: target, times: [] as number[], values: [] as number[] }]
      : []
  })
  if (columns.length === 0)
    throw refuse(file, 1, 'no column is named DEVICE.METRIC or CIRCUIT.powerW; --column OLD=NEW gives another name')
  let lastMs = Number.NEGATIVE_INFINITY
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line.trim() === '') continue
    const fields = line.split(',')
    const atMs = timeOf(fields[timeAt])
    if (Number.isNaN(atMs)) throw refuse(file, index + 1, `"${fields[timeAt] ?? ''}" is not a time`)
    if (atMs <= lastMs) throw refuse(file, index + 1, `${fields[timeAt] ?? ''} is not after the line before it`)
    lastMs = atMs
    for (const column of columns) {
      const field = unquoted(fields[column.at] ?? '')
      if (field === '') continue
      const value = Number(field)
      if (!Number.isFinite(value)) throw refuse(file, index + 1, `"${field}" in ${column.name} is not a number`)
      column.times.push(atMs)
      column.values.push(value)
    }
  }
  return new Map(
    columns.map(({ name, times, values }) => [
      name,
      { atMs: Float64Array.from(times), values: Float64Array.from(values) },
    ]),
  )
}

function parseSessions(lines: readonly string[], columns: readonly (string | undefined)[], file: string): Session[] {
  return lines.flatMap((line, index) => {
    if (index === 0 || line.trim() === '') return []
    const fields = line.split(',')
    const field = (name: string): string => unquoted(fields[columns.indexOf(name)] ?? '')
    const fromMs = timeOf(field('arrival'))
    const toMs = timeOf(field('departure'))
    const wantedWh = Number(field('energyWh') || Number.NaN)
    if (!(toMs > fromMs) || !(wantedWh >= 0)) throw refuse(file, index + 1, 'not an arrival, a later departure and Wh')
    const phases = Number(field('phases') || 3)
    if (phases !== 1 && phases !== 2 && phases !== 3) throw refuse(file, index + 1, 'phases are 1, 2 or 3')
    const charger = field('charger')
    const maxCurrentA = Number(field('maxCurrentA') || 32)
    if (!(maxCurrentA >= 6)) throw refuse(file, index + 1, 'maxCurrentA is below 6')
    return [{ fromMs, toMs, wantedWh, phases, maxCurrentA, ...(charger !== '' && { charger }) }]
  })
}

const unquoted = (field: string): string => field.trim().replaceAll(/^"|"$/g, '')

/** Milliseconds since 1970 as a number, or ISO 8601, in UTC where it does not say. */
function timeOf(text: string | undefined): number {
  const value = unquoted(text ?? '')
  if (/^\d{9,}(\.\d+)?$/.test(value)) return Number(value)
  return Date.parse(
    /([zZ]|[+-]\d\d:?\d\d)$/.test(value) || !value.includes(':') ? value : `${value.replace(' ', 'T')}Z`,
  )
}
