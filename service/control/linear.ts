/** One thing that can be done, with what a unit of it costs (never negative) and the constraints it enters. */
export interface Column {
  readonly cost: number
  readonly most: number
  /** By constraint, dense. */
  readonly coefficients: readonly number[]
}

/** A sum that shall be at most this; each unit above costs. */
export interface Constraint {
  readonly most: number
  readonly excessCost: number
}

const small = 1e-9

/**
 * The cheapest amounts, none negative and none above its column's most, so that the constraints hold as far as they can: a linear
 * program, solved by the dual simplex method. Doing nothing costs nothing, so it can start there; there is always an answer.
 */
export function cheapest(columns: readonly Column[], constraints: readonly Constraint[]): number[] {
  const bounded = columns.flatMap(({ most }, at) => (most < Infinity ? [at] : []))
  const width = columns.length + constraints.length
  const height = constraints.length + bounded.length
  const table = Array.from({ length: height }, () => new Float64Array(width))
  const right = new Float64Array(height)
  // Of equally cheap columns the first is taken, always.
  const cost = Float64Array.from({ length: width }, (_, at) =>
    at < columns.length ? columns[at]!.cost * (1 + at * 1e-6) : constraints[at - columns.length]!.excessCost,
  )
  for (const [row, { most }] of constraints.entries()) {
    right[row] = most
    for (const [at, { coefficients }] of columns.entries()) table[row]![at] = coefficients[row]!
    table[row]![columns.length + row] = -1
  }
  for (const [at, column] of bounded.entries()) {
    right[constraints.length + at] = columns[column]!.most
    table[constraints.length + at]![column] = 1
  }
  const free = Int32Array.from({ length: width }, (_, at) => at)
  const basic = Int32Array.from({ length: height }, (_, at) => width + at)
  for (let pivots = 0; pivots < 20 * (width + height); pivots += 1) {
    const row = lowest(right)
    if (row < 0) break
    const column = entering(table[row]!, cost)
    if (column < 0) break
    pivot(table, right, cost, row, column)
    const left = basic[row]!
    basic[row] = free[column]!
    free[column] = left
  }
  const amounts = columns.map(() => 0)
  for (const [row, variable] of basic.entries())
    if (variable < columns.length) amounts[variable] = Math.max(0, right[row]!)
  return amounts
}

function lowest(right: Float64Array): number {
  let row = -1
  let value = -small
  for (let at = 0; at < right.length; at += 1)
    if (right[at]! < value) {
      value = right[at]!
      row = at
    }
  return row
}

/** The column that keeps all costs from becoming negative. */
function entering(row: Float64Array, cost: Float64Array): number {
  let column = -1
  let ratio = Infinity
  for (let at = 0; at < row.length; at += 1) {
    if (row[at]! >= -small) continue
    const price = cost[at]! / -row[at]!
    if (price < ratio) {
      ratio = price
      column = at
    }
  }
  return column
}

function pivot(
  table: readonly Float64Array[],
  right: Float64Array,
  cost: Float64Array,
  row: number,
  column: number,
): void {
  const chosen = table[row]!
  const scale = chosen[column]!
  for (let at = 0; at < chosen.length; at += 1) chosen[at]! /= scale
  chosen[column] = 1 / scale
  right[row]! /= scale
  const eliminate = (line: Float64Array): number => {
    const factor = line[column]!
    if (factor === 0) return 0
    for (let at = 0; at < line.length; at += 1) line[at]! -= factor * chosen[at]!
    line[column] = -factor / scale
    return factor
  }
  for (let at = 0; at < table.length; at += 1) if (at !== row) right[at]! -= eliminate(table[at]!) * right[row]!
  eliminate(cost)
}
