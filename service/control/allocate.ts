import { type Frame, bits } from './frame.ts'
import { type Rows, coefficient, tolerance } from './rows.ts'

/** What a charger or a load asks for, and what it is given. All currents are A per used phase. */
export interface Claim {
  readonly unit: number
  /** 1 is served first. */
  readonly priority: number
  /** Nothing, or at least this. */
  readonly minA: number
  readonly maxA: number
  /** Takes only what would be exported. */
  readonly surplus: boolean
  /** It runs and has not run for its shortest time: only physical and safety limits may stop it. */
  readonly keep: boolean
  readonly running: boolean
  /** It runs and its turn is not over: those of the same priority that wait do not displace it yet. */
  readonly inTurn: boolean
  /** Is offered a current that its vehicle does not take: last in line. */
  readonly idle: boolean
  readonly waitS: number
  /** The phases if it charges on one only; 0 when it has no choice. */
  readonly oneMask: number
  /** The phases if it charges on all three again; 0 when it does not or may not yet. */
  readonly threeMask: number
  /** The share, 0 or between the ends. */
  given: number
  /** Row that holds it, -1 when nothing but itself does. */
  row: number
}

/** Extra room that must be there before a charger returns to three phases. */
const threePhaseMarginA = 1

/**
 * Shares what the limits leave between claims. By priority; within one, max-min fair: all rise together, and one stops when the
 * first limit above it is reached, while the others go on. A claim is at nothing or at its lowest value and more; when not all
 * can have their lowest value, a charger first goes to one phase, then those that have waited longest run.
 *
 * `flow` is what flows in each row with every claim at nothing; on return, with every claim as given.
 */
export function allocate(frame: Frame, rows: Rows, claims: readonly Claim[], flow: Float64Array): void {
  const order = claims.toSorted(byTurn)
  const shares = createShares(frame, rows, flow)
  for (const claim of order) if (claim.keep) admit(frame, shares, claim)
  for (let from = 0; from < order.length;) {
    const { priority } = order[from]!
    let to = from
    while (to < order.length && order[to]!.priority === priority) to += 1
    const level = order.slice(from, to)
    for (const claim of level) if (claim.given === 0) admit(frame, shares, claim)
    fill(
      frame,
      shares,
      level.filter(({ given }) => given > 0),
    )
    from = to
  }
}

/** Who is asked first. Deterministic: equal ones keep the order of the site. */
function byTurn(a: Claim, b: Claim): number {
  return (
    a.priority - b.priority ||
    Number(a.idle) - Number(b.idle) ||
    Number(b.inTurn) - Number(a.inTurn) ||
    b.waitS - a.waitS ||
    Number(b.running) - Number(a.running) ||
    a.unit - b.unit
  )
}

interface Shares {
  readonly rows: Rows
  readonly flow: Float64Array
  /** Rows at their end: 1 the upper, 2 the lower. Only those who push there stop. */
  readonly full: Uint8Array
}

const createShares = ({ layout }: Frame, rows: Rows, flow: Float64Array): Shares => ({
  rows,
  flow,
  full: new Uint8Array(layout.rows.length),
})

const roomOf = ({ rows, flow }: Shares, row: number, coef: number): number =>
  coef > 0 ? rows.hi[row]! - flow[row]! : flow[row]! - rows.lo[row]!

/** Whether a row counts for a claim at all: surplus only for those that live on it. */
function counts({ layout }: Frame, claim: Claim, row: number): boolean {
  return row !== layout.surplusRow || claim.surplus
}

/** Gives a claim its lowest value on the phases that have room for it, or names the row that has not. */
function admit(frame: Frame, shares: Shares, claim: Claim): void {
  const { mask } = frame
  const now = mask[claim.unit]!
  if (claim.threeMask !== 0 && blocking(frame, shares, claim, claim.threeMask, claim.minA + threePhaseMarginA) < 0)
    use(frame, shares.rows, claim.unit, claim.threeMask, 3)
  const row = blocking(frame, shares, claim, mask[claim.unit]!, claim.minA)
  if (row >= 0) {
    claim.row = row
    if (claim.oneMask === 0 || claim.oneMask === now) return
    const onOne = blocking(frame, shares, claim, claim.oneMask, claim.minA)
    if (onOne >= 0) {
      claim.row = onOne
      return
    }
    use(frame, shares.rows, claim.unit, claim.oneMask, 1)
  }
  take(frame, shares, claim, claim.minA)
}

/** Changes the phases of a unit. */
function use(frame: Frame, { coef }: Rows, unit: number, phases: number, told: 1 | 3): void {
  const { layout, mask, voltageV, claimedPhases } = frame
  mask[unit] = phases
  claimedPhases[unit] = told
  for (let entry = layout.start[unit]!; entry < layout.start[unit + 1]!; entry += 1)
    coef[entry] = coefficient(layout.rows[layout.entryRow[entry]!]!, phases, voltageV)
}

/** The first row without room for this current, -1 when there is room. */
function blocking(frame: Frame, shares: Shares, claim: Claim, mask: number, ampere: number): number {
  const { layout, voltageV } = frame
  for (let entry = layout.start[claim.unit]!; entry < layout.start[claim.unit + 1]!; entry += 1) {
    const row = layout.rows[layout.entryRow[entry]!]!
    if (!counts(frame, claim, row.index) || (claim.keep && row.tier === 'economic')) continue
    const coef = coefficient(row, mask, voltageV)
    if (coef !== 0 && roomOf(shares, row.index, coef) < Math.abs(coef) * ampere - tolerance) return row.index
  }
  return -1
}

function take(frame: Frame, { rows, flow }: Shares, claim: Claim, ampere: number): void {
  const { layout } = frame
  claim.given += ampere
  for (let entry = layout.start[claim.unit]!; entry < layout.start[claim.unit + 1]!; entry += 1) {
    const row = layout.entryRow[entry]!
    if (counts(frame, claim, row)) flow[row]! += rows.coef[entry]! * ampere
  }
}

/** Raises all claims of a level together from their lowest values. */
function fill(frame: Frame, shares: Shares, claims: readonly Claim[]): void {
  const { layout } = frame
  const { rows, flow, full } = shares
  full.fill(0)
  const up = new Float64Array(layout.rows.length)
  const down = new Float64Array(layout.rows.length)
  const rate = (claim: Claim, sign: 1 | -1): void => {
    for (let entry = layout.start[claim.unit]!; entry < layout.start[claim.unit + 1]!; entry += 1) {
      const row = layout.entryRow[entry]!
      if (!counts(frame, claim, row)) continue
      const coef = rows.coef[entry]!
      if (coef > 0) up[row]! += sign * coef
      else down[row]! -= sign * coef
    }
  }
  /** Those that have not started to rise yet, by their lowest value. */
  const waiting = claims.filter(({ maxA, minA }) => maxA > minA).toSorted((a, b) => b.minA - a.minA)
  const rising = new Set<Claim>()
  let level = waiting.at(-1)?.minA ?? 0
  while (rising.size > 0 || waiting.length > 0) {
    while (waiting.length > 0 && waiting.at(-1)!.minA <= level) {
      const claim = waiting.pop()!
      rising.add(claim)
      rate(claim, 1)
    }
    let next = waiting.at(-1)?.minA ?? Infinity
    for (const { maxA } of rising) if (maxA < next) next = maxA
    let delta = next - level
    for (let row = 0; row < up.length; row += 1) delta = Math.min(delta, stepTo(shares, row, up[row]!, down[row]!))
    delta = Math.max(0, delta)
    level += delta
    for (let row = 0; row < up.length; row += 1) flow[row]! += (up[row]! - down[row]!) * delta
    for (let row = 0; row < up.length; row += 1)
      full[row] = stepTo(shares, row, up[row]!, down[row]!) > tolerance ? 0 : up[row]! > down[row]! ? 1 : 2
    for (const claim of rising) {
      const held = fullRow(frame, shares, claim)
      if (held < 0 && claim.maxA > level) continue
      claim.given = Math.min(claim.maxA, level)
      claim.row = held
      rising.delete(claim)
      rate(claim, -1)
    }
  }
}

/** How far all may rise until a row is at its end. */
function stepTo({ rows, flow }: Shares, row: number, up: number, down: number): number {
  const net = up - down
  // Rates are sums of small whole numbers or of watts; what cancels leaves rounding noise.
  if (net > tolerance) return Math.max(0, rows.hi[row]! - flow[row]!) / net
  if (net < -tolerance) return Math.max(0, flow[row]! - rows.lo[row]!) / -net
  return Infinity
}

function fullRow(frame: Frame, { full, rows }: Shares, claim: Claim): number {
  const { layout } = frame
  for (let entry = layout.start[claim.unit]!; entry < layout.start[claim.unit + 1]!; entry += 1) {
    const row = layout.entryRow[entry]!
    const coef = rows.coef[entry]!
    if (full[row] === (coef > 0 ? 1 : 2) && coef !== 0 && counts(frame, claim, row)) return row
  }
  return -1
}

/** Watt of a claim per ampere. */
export const wattPerAmpere = ({ mask, voltageV }: Frame, unit: number): number => bits(mask[unit]!) * voltageV
