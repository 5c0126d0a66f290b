import { phaseNames } from '../domain/site-model.ts'
import { type Frame, bits } from './frame.ts'
import type { Row } from './layout.ts'
import { type ActiveSignal, dimAllowanceW } from './signals.ts'

/** Share of a fuse that control may plan with; the rest covers measurement error and the time to the next cycle. */
export const fuseShare = 0.97

/** The limits of one cycle as numbers, one entry per row of the layout. */
export interface Rows {
  /** What flows without any unit that is controlled; 0 where it is not measured. */
  readonly base: Float64Array
  readonly known: Uint8Array
  /** What control plans with. Infinite where nothing limits, or where nobody knows what flows. */
  readonly lo: Float64Array
  readonly hi: Float64Array
  /** The same, whether or not it is known what flows. */
  readonly declaredLo: Float64Array
  readonly declaredHi: Float64Array
  /** Coefficient of each entry of the layout: what one ampere per used phase of its unit adds to the row. */
  readonly coef: Float64Array
}

/** Rounding noise of sums of measurements: nothing is decided by less. In the unit of the row. */
export const tolerance = 1e-6

/** `blind`: nobody knows what belongs to the island, so that no measurement means anything. */
export function rowsOf(frame: Frame, signals: readonly ActiveSignal[], blind: boolean): Rows {
  const { model, layout } = frame
  const { rows } = layout
  const count = rows.length
  const result: Rows = {
    base: new Float64Array(count),
    known: new Uint8Array(count).fill(1),
    lo: new Float64Array(count).fill(-Infinity),
    hi: new Float64Array(count).fill(Infinity),
    declaredLo: new Float64Array(count).fill(-Infinity),
    declaredHi: new Float64Array(count).fill(Infinity),
    coef: new Float64Array(layout.entryRow.length),
  }
  setCoefficients(frame, result)
  for (const row of rows) {
    if (row.node < 0) continue
    const { circuit } = model.nodes[row.node]!
    const at = row.index
    const base = measuredOf(frame, row) - presentOf(frame, row)
    if (blind || Number.isNaN(base)) result.known[at] = 0
    else result.base[at] = base
    if (row.kind === 'fuse') bound(result, at, fuseShare * circuit.fuseA!, fuseShare * circuit.fuseA!)
    else if (row.kind === 'unbalance') bound(result, at, circuit.maxUnbalanceA!, circuit.maxUnbalanceA!)
    else if (row.kind === 'power') {
      const isRoot = layout.roots.includes(row.node)
      const most = (kind: 'import' | 'export', own = Infinity): number =>
        signals.reduce(
          (limit, { signal }) =>
            isRoot && signal.kind === kind && onGrid(frame, row.node, signal.grid)
              ? Math.min(limit, signal.limitW ?? Infinity)
              : limit,
          own,
        )
      bound(result, at, most('export', circuit.maxExportW), most('import', circuit.maxImportW))
    }
  }
  for (const active of signals) setDim(frame, result, active)
  return result
}

function bound({ lo, hi, declaredLo, declaredHi, known }: Rows, at: number, down: number, up: number): void {
  declaredLo[at] = -down
  declaredHi[at] = up
  if (!known[at]) return
  lo[at] = -down
  hi[at] = up
}

const onGrid = ({ model }: Frame, node: number, grid: string | undefined): boolean =>
  grid === undefined || model.nodes[node]!.gridIndex === model.gridIndex.get(grid)

/** Anew for every cycle, because the phases a vehicle uses are only seen when it charges. */
export function setCoefficients({ layout, mask, voltageV }: Frame, { coef }: Rows): void {
  const { rows, entryRow, entryUnit } = layout
  for (let entry = 0; entry < coef.length; entry += 1)
    coef[entry] = coefficient(rows[entryRow[entry]!]!, mask[entryUnit[entry]!]!, voltageV)
}

export function coefficient(row: Row, mask: number, voltageV: number): number {
  if (row.kind === 'fuse') return (mask >> row.phase) & 1
  if (row.kind === 'unbalance') return ((mask >> row.phase) & 1) - ((mask >> row.minus) & 1)
  return bits(mask) * voltageV
}

/** What is measured now in a row; NaN when it is not. */
export function measuredOf({ layout, nodeA, nodeW }: Frame, row: Row): number {
  if (row.kind === 'fuse') return nodeA[row.node * 3 + row.phase]!
  if (row.kind === 'unbalance') return nodeA[row.node * 3 + row.phase]! - nodeA[row.node * 3 + row.minus]!
  if (row.kind === 'power') return nodeW[row.node]!
  return layout.roots.reduce((sum, root) => sum + nodeW[root]!, 0)
}

/** What all units of a row add to it now, as far as they are measured. */
function presentOf({ layout, unitA, unitW, alive }: Frame, row: Row): number {
  const { rowStart, rowEntry, entryUnit } = layout
  let sum = 0
  if (row.kind === 'peak') {
    for (const { index, controlled } of layout.units) if (controlled && alive[index]) sum += unitW[index]!
    return sum
  }
  for (let at = rowStart[row.index]!; at < rowStart[row.index + 1]!; at += 1) {
    const unit = entryUnit[rowEntry[at]!]!
    if (!alive[unit]) continue
    if (row.kind === 'fuse') sum += unitA[unit * 3 + row.phase]!
    else if (row.kind === 'unbalance') sum += unitA[unit * 3 + row.phase]! - unitA[unit * 3 + row.minus]!
    else sum += unitW[unit]!
  }
  return sum
}

/**
 * Dimming limits what the dimmable devices take from the grid, all of them together: what the site generates beyond its other loads
 * comes on top, and the house is none of its business.
 */
function setDim(frame: Frame, rows: Rows, { index, signal }: ActiveSignal): void {
  const { layout, nodeW, unitW, alive } = frame
  const row = layout.rows.find((entry) => entry.kind === 'dim' && entry.signal === index)
  if (!row) return
  const { rowStart, rowEntry, entryUnit } = layout
  let without = layout.roots.reduce((sum, root) => sum + nodeW[root]!, 0)
  for (let at = rowStart[row.index]!; at < rowStart[row.index + 1]!; at += 1) {
    const unit = entryUnit[rowEntry[at]!]!
    if (alive[unit]) without -= unitW[unit]!
  }
  const count = rowStart[row.index + 1]! - rowStart[row.index]!
  rows.hi[row.index] = dimAllowanceW(count, signal.limitW) + Math.max(0, Number.isNaN(without) ? 0 : -without)
}

/** Adds what a unit takes (A per used phase) to the flow of all its rows. */
export function addTo(flow: Float64Array, { layout }: Frame, { coef }: Rows, unit: number, ampere: number): void {
  const { start, entryRow } = layout
  for (let entry = start[unit]!; entry < start[unit + 1]!; entry += 1) flow[entryRow[entry]!]! += coef[entry]! * ampere
}

/** What a unit takes now, in A per used phase. */
export const presentA = ({ unitW, mask, voltageV }: Frame, unit: number): number =>
  unitW[unit]! / (bits(mask[unit]!) * voltageV)

/** A row in words, with what is left in it: "L2 of Feeder 2 has 3 A left". */
export function roomText(frame: Frame, row: Row, room: number): string {
  const { model } = frame
  const name = model.nodes[row.node]?.circuit.name ?? ''
  switch (row.kind) {
    case 'fuse':
      return `${phaseNames[row.phase]} of ${name} has ${ampereText(room)} left`
    case 'unbalance':
      return `the unbalance limit of ${name} leaves ${ampereText(room)} between ${phaseNames[row.phase]} and ${phaseNames[row.minus]}`
    case 'power':
      return `${name} has ${wattText(room)} left below its limit`
    case 'dim': {
      const signal = model.site.signals[row.signal]!
      return `${signal.name} leaves ${wattText(room)} to the dimmed devices`
    }
    case 'peak':
      return `${wattText(room)} are left in this quarter of an hour`
    default:
      return `${wattText(room)} of surplus`
  }
}

export const ampereText = (value: number): string => `${Math.round(Math.max(0, value) * 100) / 100} A`
export const wattText = (value: number): string => `${Math.round(value)} W`

/** Identifies the rule of a row in reasons, whatever the circuit. */
export const ruleOf: Readonly<Record<Row['kind'], string>> = {
  fuse: 'fuse',
  power: 'power-limit',
  unbalance: 'unbalance',
  dim: 'dim-signal',
  surplus: 'surplus',
  peak: 'peak',
}
