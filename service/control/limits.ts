import type { LimitState, Reason } from '#contract/api.ts'
import type { SafeSetpoint } from '#contract/setpoint.ts'
import { phaseNames } from '../domain/site-model.ts'
import type { Band, Battery } from './battery.ts'
import type { Frame } from './frame.ts'
import type { Row } from './layout.ts'
import { type Rows, ampereText, measuredOf, ruleOf, tolerance, wattText } from './rows.ts'
import type { Violation } from './types.ts'

/** An interval that rows leave to a unit, A per used phase, > 0 consumption; with the row behind each end, -1 for none. */
export interface RowBand {
  min: number
  max: number
  minRow: number
  maxRow: number
}

/**
 * What flows in each row as decided so far. A setpoint of a vehicle or a load is an upper end: nobody can count on it being
 * taken. So import is judged with what may be taken, and export with what is taken already.
 */
export interface Flows {
  readonly most: Float64Array
  readonly least: Float64Array
}

/**
 * What the rows of a tier leave to one unit that takes `nowA` in these flows, fuses `scale` times as large. Empty (`min` above `max`) where limits contradict
 * each other, or where others are over a limit in both directions.
 */
export function rowBand(
  frame: Frame,
  { lo, hi, coef }: Rows,
  unit: number,
  { most, least }: Flows,
  nowA: number,
  tier: Row['tier'],
  scale = 1,
): RowBand {
  const { layout } = frame
  const band: RowBand = { min: -Infinity, max: Infinity, minRow: -1, maxRow: -1 }
  for (let entry = layout.start[unit]!; entry < layout.start[unit + 1]!; entry += 1) {
    const row = layout.entryRow[entry]!
    const factor = coef[entry]!
    if (factor === 0 || layout.rows[row]!.tier !== tier) continue
    const part = layout.rows[row]!.kind === 'fuse' ? scale : 1
    const toHi = (hi[row]! * part - most[row]!) / factor + nowA
    const toLo = (lo[row]! * part - least[row]!) / factor + nowA
    const up = factor > 0 ? toHi : toLo
    const down = factor > 0 ? toLo : toHi
    if (up < band.max) {
      band.max = up
      band.maxRow = row
    }
    if (down > band.min) {
      band.min = down
      band.minRow = row
    }
  }
  return band
}

/** Where planned limits contradict each other, the ratings themselves may still leave something. */
export function widened(planned: RowBand, rated: () => RowBand): RowBand {
  if (planned.min <= planned.max) return planned
  const real = rated()
  if (real.min > real.max) return planned
  const middle = Math.min(Math.max((planned.min + planned.max) / 2, real.min), real.max)
  return { ...real, min: middle, max: middle }
}

/** Moves a value into a band; what contradicts is met half-way, so that both sides are violated least. */
export function intoRowBand({ min, max, minRow, maxRow }: RowBand, value: number): { value: number; row: number } {
  if (min > max) return { value: (min + max) / 2, row: value > (min + max) / 2 ? maxRow : minRow }
  if (value < min) return { value: min, row: minRow }
  if (value > max) return { value: max, row: maxRow }
  return { value, row: -1 }
}

/** Moves a value into a band; tells the rule that moved it. */
export function clampTo({ min, max, minRule, maxRule }: Band, value: number): { value: number; rule?: Reason } {
  if (min > max) return { value: (min + max) / 2, rule: minRule }
  if (value < min) return { value: min, rule: minRule }
  if (value > max) return { value: max, rule: maxRule }
  return { value }
}

/** A row that limits, for people: what flows and what may. */
export function rowReason(frame: Frame, row: Row, flow: number): Reason {
  const { model } = frame
  const circuit = model.nodes[row.node]?.circuit
  const direction = flow < 0 ? 'export' : 'import'
  const text = ((): string => {
    switch (row.kind) {
      case 'fuse':
        return `${phaseNames[row.phase]} of ${circuit?.name} would carry ${ampereText(Math.abs(flow))} of ${ampereText(circuit?.fuseA ?? 0)} in ${direction}`
      case 'power':
        return `${circuit?.name} would ${direction} ${wattText(Math.abs(flow))}, more than its limit`
      case 'unbalance':
        return `the unbalance of ${circuit?.name} would be ${ampereText(Math.abs(flow))} of ${ampereText(circuit?.maxUnbalanceA ?? 0)}`
      default:
        return `${model.site.signals[row.signal]?.name ?? 'a signal'} limits the dimmed devices`
    }
  })()
  return { rule: ruleOf[row.kind], tier: row.tier, text }
}

/** Limits that stay exceeded when everybody does what was decided: what cannot be met is met as far as possible, and said. */
export function violationsOf(frame: Frame, rows: Rows, { most, least }: Flows): Violation[] {
  const { layout, model } = frame
  const violations = new Map<string, Violation>()
  for (const row of layout.rows) {
    const at = row.index
    if (!rows.known[at] || row.tier === 'economic' || row.kind === 'dim') continue
    const { circuit } = model.nodes[row.node]!
    // Control plans with a share of the fuse; what is between that and its rating is no violation.
    const [lo, hi] = row.kind === 'fuse' ? [-circuit.fuseA!, circuit.fuseA!] : [rows.lo[at]!, rows.hi[at]!]
    const over = most[at]! - hi
    const under = lo - least[at]!
    const excess = Math.max(over, under)
    const slack = row.kind === 'power' ? 1 : 0.01
    if (!(excess > slack)) continue
    const limitId = idOf(circuit.id, row, under > over)
    if ((violations.get(limitId)?.excess ?? 0) >= excess) continue
    const { text } = rowReason(frame, row, under > over ? least[at]! : most[at]!)
    violations.set(limitId, { limitId, tier: row.tier, excess, text })
  }
  return [...violations.values()]
}

function idOf(circuitId: string, row: Row, down: boolean): string {
  if (row.kind === 'fuse') return `${circuitId}.fuse.${phaseNames[row.phase]?.toLowerCase()}`
  if (row.kind === 'unbalance') return `${circuitId}.unbalance`
  return `${circuitId}.${down ? 'export' : 'import'}`
}

/** Every limit of the island with what is measured now. `binding` are the rows that decided a setpoint. */
export function limitStates(
  frame: Frame,
  rows: Rows,
  binding: ReadonlySet<number>,
  batteries: readonly Battery[],
  bindingRules: ReadonlyMap<number, ReadonlySet<string>>,
): LimitState[] {
  const states = new Map<string, LimitState>()
  const put = (state: Omit<LimitState, 'violated' | 'value'>, value: number, slack: number): void => {
    const known = !Number.isNaN(value)
    const before = states.get(state.id)
    const next: LimitState = {
      ...state,
      binding: state.binding || before?.binding === true,
      violated: known && value > state.limit + slack,
      ...(known && { value }),
    }
    // Of the differences between phases, the largest stands for all.
    if (before && (before.value ?? -Infinity) >= (next.value ?? -Infinity))
      states.set(state.id, { ...before, binding: next.binding })
    else states.set(state.id, next)
  }
  for (const row of frame.layout.rows) {
    if (row.node < 0 || row.tier === 'economic') continue
    const { circuit } = frame.model.nodes[row.node]!
    const value = rows.known[row.index] ? measuredOf(frame, row) : Number.NaN
    const entry = { unit: row.kind === 'power' ? 'W' : 'A', kind: 'ceiling' as const, binding: binding.has(row.index) }
    const title = (what: string): string => `${circuit.name}: ${what}`
    if (row.kind === 'fuse')
      put(
        {
          ...entry,
          id: idOf(circuit.id, row, false),
          title: title(`fuse ${phaseNames[row.phase]}`),
          limit: circuit.fuseA!,
        },
        Math.abs(value),
        tolerance,
      )
    else if (row.kind === 'unbalance')
      put(
        { ...entry, id: idOf(circuit.id, row, false), title: title('unbalance'), limit: circuit.maxUnbalanceA! },
        Math.abs(value),
        tolerance,
      )
    else {
      const [lo, hi] = [rows.declaredLo[row.index]!, rows.declaredHi[row.index]!]
      if (hi < Infinity)
        put({ ...entry, id: `${circuit.id}.import`, title: title('import'), limit: hi }, Math.max(0, value), 1)
      if (lo > -Infinity)
        put(
          { ...entry, id: `${circuit.id}.export`, title: title('export'), limit: Math.abs(lo) },
          Math.max(0, -value),
          1,
        )
    }
  }
  return [...states.values(), ...batteries.flatMap((battery) => batteryLimits(battery, bindingRules))]
}

function batteryLimits(battery: Battery, bindingRules: ReadonlyMap<number, ReadonlySet<string>>): LimitState[] {
  const { unit, settings, soc, powerW } = battery
  const { id, name } = unit.device.config
  const rules = bindingRules.get(unit.index)
  const power = (key: string, what: string, limit: number, value: number): LimitState => ({
    id: `${id}.${key}`,
    title: `${name}: ${what}`,
    unit: 'W',
    kind: 'ceiling',
    limit,
    value,
    binding: rules?.has(`battery-${key}-limit`) === true,
    // Devices overshoot a little while they settle; 2 % is not a violation.
    violated: value > limit * 1.02,
  })
  return [
    {
      id: `${id}.reserve`,
      title: `${name}: reserve`,
      unit: '%',
      kind: 'floor',
      limit: settings.minSocPercent,
      binding: rules?.has('soc-floor') === true,
      violated: soc < settings.minSocPercent,
      ...(!Number.isNaN(soc) && { value: soc }),
    },
    power('charge', 'charge', settings.maxChargeW, Math.max(0, -powerW)),
    power('discharge', 'discharge', settings.maxDischargeW, Math.max(0, powerW)),
  ]
}

/**
 * The only place where a setpoint becomes safe: finite, and inside what its settings allow at all. What the circuits have left was
 * taken into account before.
 */
export function safeSetpoint(
  deviceId: string,
  command: string,
  value: number,
  relieves: boolean,
  range: { readonly min: number; readonly max: number },
): SafeSetpoint {
  if (!Number.isFinite(value)) throw new RangeError(`setpoint for ${deviceId} is not a finite number`)
  return { deviceId, command, value: Math.min(Math.max(value, range.min), range.max), relieves } as SafeSetpoint
}
