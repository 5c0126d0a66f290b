import { type Frame, bits } from './frame.ts'
import type { Flows } from './limits.ts'
import { type Column, type Constraint, cheapest } from './linear.ts'
import { type Rows, fuseShare } from './rows.ts'

/** A change of one unit that can relieve a row. */
export interface Option {
  readonly unit: number
  /** 1 where it takes more from its circuits (or gives less), -1 for the opposite. */
  readonly sign: 1 | -1
  /** Highest change, W. */
  readonly mostW: number
  /** Per W, in relation to other options. */
  readonly cost: number
}

export interface Relief {
  /** Change of each option, W. */
  readonly changesW: readonly number[]
  /** A row for whose sake each option changes, -1 for none. */
  readonly rows: readonly number[]
}

/** What an A of excess costs: a fuse over its rating, over the share that is planned with, and a limit of safety. */
const ratingCost = 1e6
const plannedCost = 1e4
const safetyCost = 10
/** Per W: cheaper than what a fuse needs, dearer than any limit of safety. */
export const reserveCost = 1
/** Per W: cheaper than any limit. */
export const changeCost = 1e-4
/** Less than this above a limit, in A, is left to the margin of control. */
const noticeableA = 0.002

interface Side {
  readonly row: number
  readonly sign: 1 | -1
  readonly limit: number
  readonly excessCost: number
  /** From the unit of the row to A. */
  readonly scale: number
}

/**
 * The smallest change of batteries and plants with which no limit is exceeded more than it has to be: first fuses, by their rating
 * and by what control plans with, then limits of safety. Several units on different phases and circuits depend on each other, so
 * this is a linear program over all of them. Rows enter it when they are exceeded.
 */
export function relief(frame: Frame, rows: Rows, flows: Flows, options: readonly Option[]): Relief {
  const sides = sidesOf(frame, rows)
  const active: Side[] = []
  const waiting = new Set(sides)
  let changesW = options.map(() => 0)
  const coefficients = (side: Side): number[] => options.map((option) => coefficient(frame, rows, option, side))
  const table = new Map<Side, readonly number[]>()
  for (;;) {
    const exceeded = [...waiting].filter((side) => {
      const over = overA(flows, side.row, side.sign, side.limit) * side.scale
      if (active.length === 0) return over > noticeableA
      const changed = table.get(side) ?? coefficients(side)
      table.set(side, changed)
      return changed.reduce((sum, value, at) => sum + value * changesW[at]!, over) > noticeableA
    })
    if (exceeded.length === 0) break
    for (const side of exceeded) {
      waiting.delete(side)
      active.push(side)
      if (!table.has(side)) table.set(side, coefficients(side))
    }
    const constraints = active.map(({ row, sign, limit, scale, excessCost }): Constraint => ({
      most: -overA(flows, row, sign, limit) * scale,
      excessCost,
    }))
    const columns = options.map(({ cost, mostW }, at): Column => ({
      cost,
      most: mostW,
      coefficients: active.map((side) => table.get(side)![at]!),
    }))
    changesW = cheapest(columns, constraints)
  }
  return { changesW, rows: options.map((_, at) => active.find((side) => table.get(side)![at]! < 0)?.row ?? -1) }
}

/** Whether more flows than limits allow. */
export const isExceeded = (frame: Frame, rows: Rows, flows: Flows): boolean =>
  sidesOf(frame, rows).some(({ row, sign, limit, scale }) => overA(flows, row, sign, limit) * scale > noticeableA)

const overA = ({ most, least }: Flows, row: number, sign: 1 | -1, limit: number): number =>
  sign > 0 ? most[row]! - limit : limit - least[row]!

function sidesOf({ layout, voltageV }: Frame, rows: Rows): Side[] {
  const sides: Side[] = []
  for (const { index: row, kind, tier } of layout.rows) {
    if (tier === 'economic' || kind === 'dim') continue
    const scale = kind === 'power' ? 1 / voltageV : 1
    for (const [limit, sign] of [
      [rows.hi[row]!, 1],
      [rows.lo[row]!, -1],
    ] as const) {
      if (Math.abs(limit) === Infinity) continue
      sides.push({ row, sign, limit, scale, excessCost: kind === 'fuse' ? plannedCost : safetyCost })
      if (kind === 'fuse') sides.push({ row, sign, limit: limit / fuseShare, scale, excessCost: ratingCost })
    }
  }
  return sides
}

/** What 1 W of an option adds on a side, in A. */
function coefficient(
  { layout, mask, voltageV }: Frame,
  rows: Rows,
  { unit, sign }: Option,
  { row, sign: side, scale }: Side,
): number {
  for (let entry = layout.start[unit]!; entry < layout.start[unit + 1]!; entry += 1)
    if (layout.entryRow[entry] === row)
      return (sign * side * scale * rows.coef[entry]!) / (bits(mask[unit]!) * voltageV)
  return 0
}
