import type { Reason } from '#contract/api.ts'
import { type Battery, type BatteryWish, economicWishes } from './battery.ts'
import { type Frame, bits } from './frame.ts'
import { type RowBand, clampTo, intoRowBand, rowBand, rowReason } from './limits.ts'
import { type Rows, addTo, tolerance, wattText } from './rows.ts'
import type { DeviceState } from './state.ts'
import { pricesAt } from './tariff.ts'
import type { StepInput } from './types.ts'

export interface BatteryMove {
  readonly battery: Battery
  /** > 0 discharge. */
  readonly valueW: number
  readonly memory: DeviceState
  /** Deciding rule first. */
  readonly reasons: readonly Reason[]
  /** Rows that decided. */
  readonly rows: readonly number[]
  readonly relieves: boolean
}

export interface BatteryContext {
  readonly frame: Frame
  readonly rows: Rows
  /** Everything but the batteries as decided; on return, with them. */
  readonly flow: Float64Array
  readonly batteries: readonly Battery[]
  readonly input: StepInput
  /** Why nobody knows what belongs together, in words. */
  readonly unknown: string | undefined
  readonly onItsOwn: boolean
  readonly importAllowedW: number
}

/**
 * Batteries, one after the other: what economics would like, as far as the ramp lets it, then the safety tier (limits of circuits,
 * then state of charge and temperature), then the physical tier (fuses, then what the battery can do). The later one has the last
 * word. While the island is on its own its batteries hold the grid themselves, and are left alone.
 */
export function decideBatteries(context: BatteryContext): {
  readonly moves: readonly BatteryMove[]
  readonly resting: ReadonlyMap<number, string>
} {
  const { frame, rows, flow, batteries, input, onItsOwn } = context
  const resting = new Map<number, string>()
  for (const { unit } of batteries) {
    addTo(flow, frame, rows, unit.index, presentOf(frame, unit.index))
    if (onItsOwn) resting.set(unit.index, 'the grid is on its own: the inverter of the battery holds it')
  }
  if (onItsOwn) return { moves: [], resting }
  const wishes = wishesOf(context)
  const moves = batteries.map((battery, at) => decide(context, battery, wishes[at]!))
  void input
  return { moves, resting }
}

const presentOf = ({ unitW, mask, voltageV }: Frame, unit: number): number =>
  unitW[unit]! / (bits(mask[unit]!) * voltageV)

function wishesOf({ frame, batteries, input, unknown, importAllowedW }: BatteryContext): readonly BatteryWish[] {
  const { model, layout, nodeW, unitW, alive } = frame
  const { economics, timeZone } = model.site
  const importW = layout.roots.reduce((sum, root) => sum + nodeW[root]!, 0)
  if (unknown !== undefined || Number.isNaN(importW)) {
    // S5: without its inputs the battery goes to zero, which neither loads nor unloads anything.
    const text = `holds 0 W: ${unknown ?? 'the exchange with the grid is unknown'}`
    return batteries.map(() => ({ value: 0, reason: { rule: 'input-missing', tier: 'safety', text } }))
  }
  const vehiclesW = layout.units.reduce(
    (sum, { index, device }) => sum + (device.config.role === 'charger' && alive[index] ? unitW[index]! : 0),
    0,
  )
  return economicWishes(
    batteries,
    {
      netW: importW + batteries.reduce((sum, { powerW }) => sum + powerW, 0),
      allowedImportW: importAllowedW,
      vehiclesW,
      prices: pricesAt(economics, input.atMs, timeZone),
      currency: economics.currency,
      chargeBelow: economics.chargeBelow ?? -Infinity,
      holdBelow: economics.holdBelow ?? -Infinity,
      wearPrice: economics.wearPrice,
    },
    input,
  )
}

function decide({ frame, rows, flow, input }: BatteryContext, battery: Battery, wish: BatteryWish): BatteryMove {
  const { unit, settings, memory, capability, allowed, powerW, atFloor, atCeiling } = battery
  const reasons: Reason[] = [wish.reason]
  const by: number[] = []
  const safe = wish.reason.tier === 'safety'
  let value = wish.value
  const stepW = settings.rampWPerS * input.elapsedS
  if (!safe && Math.abs(value - memory.last) > stepW) {
    value = memory.last + Math.sign(value - memory.last) * stepW
    reasons.unshift({
      rule: 'ramp',
      tier: 'safety',
      text: `moves by at most ${wattText(stepW)} in this cycle, towards ${wattText(wish.value)}`,
    })
  }
  const wanted = value
  const factor = bits(frame.mask[unit.index]!) * frame.voltageV
  const nowA = presentOf(frame, unit.index)
  const byRows = (tier: 'safety' | 'physical'): void => {
    const band = inWatt(rowBand(frame, rows, unit.index, flow, nowA, tier), factor)
    const moved = intoRowBand(band, value)
    if (moved.row < 0 || Math.abs(moved.value - value) < tolerance) return
    by.push(moved.row)
    reasons.unshift(
      rowReason(
        frame,
        frame.layout.rows[moved.row]!,
        flow[moved.row]! + ((-value - -powerW) / factor) * sign(frame, rows, unit.index, moved.row),
      ),
    )
    ;({ value } = moved)
  }
  const byBand = (band: typeof capability): void => {
    const clamped = clampTo(band, value)
    if (clamped.rule) reasons.unshift(clamped.rule)
    ;({ value } = clamped)
  }
  byRows('safety')
  byBand(allowed)
  byRows('physical')
  byBand(capability)
  // Towards rest, so that rounding never uses more than is left.
  value = by.length > 0 ? towards(value) : Math.round(value)
  addTo(flow, frame, rows, unit.index, -value / factor - nowA)
  return {
    battery,
    valueW: value,
    memory: {
      last: value,
      sinceS: memory.sinceS + input.elapsedS,
      ...(atFloor && { atFloor }),
      ...(atCeiling && { atCeiling }),
    },
    reasons,
    rows: by,
    relieves: by.length > 0 && value !== wanted,
  }
}

/** One watt per entry of a row in its own unit. */
function sign(frame: Frame, rows: Rows, unit: number, row: number): number {
  const { layout } = frame
  for (let entry = layout.start[unit]!; entry < layout.start[unit + 1]!; entry += 1)
    if (layout.entryRow[entry] === row) return rows.coef[entry]!
  return 0
}

const towards = (value: number): number => Math.round(value * 10) / 10

/** From consumption in ampere to discharge in watt: the ends change places. */
function inWatt({ min, max, minRow, maxRow }: RowBand, factor: number): RowBand {
  return { min: -max * factor, max: -min * factor, minRow: maxRow, maxRow: minRow }
}
