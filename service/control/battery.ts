import type { Reason } from '#contract/api.ts'
import type { BatterySettings } from '#contract/site-device.ts'
import { longAgoS, wishFor, wishReason } from './claims.ts'
import { type Frame, firstAt, whyNot } from './frame.ts'
import type { Unit } from './layout.ts'
import { wattText } from './rows.ts'
import type { DeviceState } from './state.ts'
import { type Prices, worthAt } from './tariff.ts'
import type { StepInput } from './types.ts'

/** A battery as it is now. Powers > 0 discharge. */
export interface Battery {
  readonly unit: Unit
  readonly settings: BatterySettings
  readonly memory: DeviceState
  readonly powerW: number
  /** NaN when unknown. */
  readonly soc: number
  readonly atFloor: boolean
  readonly atCeiling: boolean
  /** What it and its inverter can do at most, with the rule behind each end. */
  readonly capability: Band
  /** What its state of charge and temperature allow. */
  readonly allowed: Band
}

/** An interval of power and the rule behind each end. */
export interface Band {
  readonly min: number
  readonly max: number
  readonly minRule: Reason
  readonly maxRule: Reason
}

const socHysteresisPercent = 1

export function batteriesOf(frame: Frame): Battery[] {
  const batteries: Battery[] = []
  for (const unit of frame.layout.units) {
    const settings = unit.device.config.battery
    if (!unit.controlled || !frame.alive[unit.index] || !settings) continue
    batteries.push(batteryOf(frame, unit, settings))
  }
  return batteries
}

function batteryOf(frame: Frame, unit: Unit, settings: BatterySettings): Battery {
  const { readings, staleMs } = frame
  const points = readings.get(unit.device.config.id)
  const read = (metric: string): number => firstAt(points, `battery.${metric}`, metric, staleMs)
  const powerW = -frame.unitW[unit.index]!
  const setpointW = read('setpointW')
  const memory = frame.memory[unit.index] ?? { last: Number.isNaN(setpointW) ? powerW : setpointW, sinceS: longAgoS }
  const soc = read('socPercent')
  const { minSocPercent, maxSocPercent } = settings
  const atFloor = soc <= minSocPercent || (memory.atFloor === true && soc < minSocPercent + socHysteresisPercent)
  const atCeiling = soc >= maxSocPercent || (memory.atCeiling === true && soc > maxSocPercent - socHysteresisPercent)
  return {
    unit,
    settings,
    memory,
    powerW,
    soc,
    atFloor,
    atCeiling,
    capability: capabilityOf(settings, read('chargeLimitW'), read('dischargeLimitW')),
    allowed: intersect(
      socBand(settings, soc, atFloor, atCeiling, () => whyNot(points, 'socPercent', staleMs)),
      deratingBand(settings, read('temperatureC')),
    ),
  }
}

/** Site limits and, where reported, the device's own. */
function capabilityOf(settings: BatterySettings, chargeLimitW: number, dischargeLimitW: number): Band {
  const least = (own: number, reported: number): number => (reported >= 0 ? Math.min(own, reported) : own)
  const charge = least(settings.maxChargeW, chargeLimitW)
  const discharge = least(settings.maxDischargeW, dischargeLimitW)
  return {
    min: -charge,
    max: discharge,
    minRule: {
      rule: 'battery-charge-limit',
      tier: 'physical',
      text: `the battery can charge at most ${wattText(charge)}`,
    },
    maxRule: {
      rule: 'battery-discharge-limit',
      tier: 'physical',
      text: `the battery can discharge at most ${wattText(discharge)}`,
    },
  }
}

/** State-of-charge floor and ceiling. Unknown state of charge stops both directions (S5). */
function socBand(
  { minSocPercent, maxSocPercent }: BatterySettings,
  soc: number,
  atFloor: boolean,
  atCeiling: boolean,
  why: () => string,
): Band {
  if (Number.isNaN(soc)) {
    const rule: Reason = { rule: 'soc-unknown', tier: 'safety', text: `the state of charge is unknown (${why()})` }
    return { min: 0, max: 0, minRule: rule, maxRule: rule }
  }
  const now = `${Number(soc.toFixed(1))} %`
  return {
    min: atCeiling ? 0 : -Infinity,
    max: atFloor ? 0 : Infinity,
    minRule: {
      rule: 'soc-ceiling',
      tier: 'safety',
      text: `the battery is full at ${now} (charge up to ${maxSocPercent} %)`,
    },
    maxRule: { rule: 'soc-floor', tier: 'safety', text: `the reserve of ${minSocPercent} % is reached at ${now}` },
  }
}

/** Linear between the points of the curve; an unknown temperature allows what the worst one does (S5). */
function deratingBand({ derating, maxChargeW, maxDischargeW }: BatterySettings, temperatureC: number): Band {
  const percent = derating ? deratedPercent(derating, temperatureC) : Infinity
  const at = Number.isNaN(temperatureC) ? 'an unknown temperature' : `${Number(temperatureC.toFixed(1))} °C`
  const rule: Reason = {
    rule: 'derating',
    tier: 'safety',
    text: `at ${at} the battery may use ${Math.round(percent)} % of its power`,
  }
  const share = percent / 100
  return {
    min: percent >= 100 ? -Infinity : -maxChargeW * share,
    max: percent >= 100 ? Infinity : maxDischargeW * share,
    minRule: rule,
    maxRule: rule,
  }
}

function deratedPercent(curve: NonNullable<BatterySettings['derating']>, temperatureC: number): number {
  if (Number.isNaN(temperatureC)) return Math.min(...curve.map(({ percent }) => percent))
  const after = curve.findIndex((point) => point.temperatureC >= temperatureC)
  if (after === 0) return curve[0]!.percent
  if (after < 0) return curve.at(-1)!.percent
  const [a, b] = [curve[after - 1]!, curve[after]!]
  return a.percent + ((temperatureC - a.temperatureC) / (b.temperatureC - a.temperatureC)) * (b.percent - a.percent)
}

function intersect(a: Band, b: Band): Band {
  const low = a.min >= b.min ? a : b
  const high = a.max <= b.max ? a : b
  return { min: low.min, minRule: low.minRule, max: high.max, maxRule: high.maxRule }
}

/** What economics would like each battery to do, W > 0 discharge. */
export interface BatteryWish {
  value: number
  reason: Reason
}

/** The exchange of an island for economics, in watt. */
export interface Exchange {
  /** Import with all batteries at rest; NaN when the connection is not measured. */
  readonly netW: number
  /** Import that may flow in this quarter of an hour. */
  readonly allowedImportW: number
  /** What vehicles take now. */
  readonly vehiclesW: number
  /** Why economic control is off, or undefined. */
  readonly off: string | undefined
  readonly prices: Prices
  readonly currency: string
  readonly chargeBelow: number
  readonly holdBelow: number
  readonly wearPrice: number
}

/** Differences smaller than this leave the setpoints alone: meters disagree by as much, and batteries need not chase them. */
const deadbandW = 25

const economic = (rule: string, text: string): Reason => ({ rule, tier: 'economic', text })
const money = (price: number, currency: string): string => `${Number(price.toFixed(4))} ${currency}/kWh`

/**
 * The economic wishes of all batteries of an island. A wish of a person stands first; then, battery by battery, what its energy is
 * worth decides in which of three ways it acts: buy at full power, sell at full power, or bring the exchange to zero in the
 * directions that pay. Powers that circuits `held` are taken as they are, by unit. What those of the last kind have to cover is shared in proportion to what they can give or take.
 */
export function economicWishes(
  batteries: readonly Battery[],
  exchange: Exchange,
  input: StepInput,
  held: ReadonlyMap<number, number>,
): BatteryWish[] {
  const wishes: (BatteryWish | undefined)[] = batteries.map((battery) => {
    const value = held.get(battery.unit.index)
    return value === undefined
      ? fixedWish(battery, exchange, input)
      : { value, reason: economic('held', 'held by a circuit') }
  })
  let restW = exchange.netW
  for (const [at, wish] of wishes.entries()) if (wish) restW -= clamp(wish.value, reachOf(batteries[at]!))
  const open = batteries.map((battery, at) => (wishes[at] ? undefined : { battery, at })).filter((entry) => !!entry)
  shareExchange(open, restW, exchange, input, wishes)
  return wishes.map((wish) => wish ?? { value: 0, reason: economic('rest', 'rests') })
}

const clamp = (value: number, { min, max }: Pick<Band, 'min' | 'max'>): number => Math.min(Math.max(value, min), max)

/** What a battery may do at all. */
const reachOf = ({ capability, allowed }: Battery): { min: number; max: number } => ({
  min: Math.min(0, Math.max(capability.min, allowed.min)),
  max: Math.max(0, Math.min(capability.max, allowed.max)),
})

/** A wish that does not depend on the exchange. */
function fixedWish(battery: Battery, exchange: Exchange, input: StepInput): BatteryWish | undefined {
  const { id } = battery.unit.device.config
  const wish = wishFor(input, id, ['setPowerW'])
  if (wish) return { value: wish.value, reason: wishReason(wish) }
  const { off, prices, currency, chargeBelow, wearPrice } = exchange
  if (off !== undefined) return { value: 0, reason: economic('economics-off', `rests: ${off}`) }
  const { maxChargeW, maxDischargeW, chargeFromGrid } = battery.settings
  const worth = worthAt(input.plan, id, input.atMs, battery.soc)
  if (worth !== undefined) {
    if (chargeFromGrid && worth > prices.importPrice)
      return {
        value: -maxChargeW,
        reason: economic(
          'plan',
          `stored energy is worth ${money(worth, currency)}, more than import at ${money(prices.importPrice, currency)}`,
        ),
      }
    if (prices.exportPrice - wearPrice > worth)
      return {
        value: maxDischargeW,
        reason: economic(
          'plan',
          `stored energy is worth ${money(worth, currency)}, less than export at ${money(prices.exportPrice, currency)} and wear`,
        ),
      }
    return undefined
  }
  if (chargeFromGrid && prices.importPrice <= chargeBelow)
    return {
      value: -maxChargeW,
      reason: economic(
        'cheap-import',
        `import costs ${money(prices.importPrice, currency)}, at or below ${money(chargeBelow, currency)}`,
      ),
    }
  return undefined
}

interface Open {
  readonly battery: Battery
  readonly at: number
}

/** Brings the exchange to zero with those that may act in its direction. */
function shareExchange(
  open: readonly Open[],
  netW: number,
  exchange: Exchange,
  input: StepInput,
  wishes: (BatteryWish | undefined)[],
): void {
  if (Number.isNaN(netW)) return
  const { prices, currency, holdBelow, wearPrice, vehiclesW, allowedImportW } = exchange
  const held = open.map(({ battery }) => holdText(battery))
  const sum = open.reduce((total, { battery }) => total + battery.powerW, 0)
  const verb = netW - sum > 0 ? 'import' : 'export'
  const covers = economic('self-consumption', `covers ${wattText(Math.abs(netW - sum))} of grid ${verb}`)
  if (netW <= 0) {
    const takers = open.filter((_, at) => !held[at]?.charge)
    const reach = ({ battery }: Open): number => -reachOf(battery).min
    const shares = wanted(takers, inProportion(takers, -netW, reach, chargeWeight), -netW, reach)
    for (const [at, { at: index }] of takers.entries()) wishes[index] = { value: -shares[at]!, reason: covers }
  } else {
    const houseW = Math.max(0, netW - vehiclesW)
    const givers = open.filter((_, at) => !held[at]?.discharge)
    const reach = ({ battery }: Open): number => reachOf(battery).max
    const forHouse = inProportion(givers, Math.min(netW, houseW), reach, dischargeWeight)
    const served = forHouse.reduce((total, share) => total + share, 0)
    const more = inProportion(
      givers,
      netW - served,
      (entry) => (entry.battery.settings.supportsChargers ? reach(entry) - forHouse[givers.indexOf(entry)]! : 0),
      dischargeWeight,
    )
    const house = wanted(givers, forHouse, Math.min(netW, houseW), reach)
    for (const [at, { at: index }] of givers.entries())
      wishes[index] = { value: house[at]! + more[at]!, reason: covers }
    shavePeak(open, wishes, netW - allowedImportW)
  }
  for (const [at, { battery, at: index }] of open.entries()) {
    const reason = netW <= 0 ? held[at]?.charge : held[at]?.discharge
    if (reason) wishes[index] ??= { value: 0, reason }
    const wish = wishes[index]
    // Small differences of all of them together are noise.
    if (wish && Math.abs(sum - netW) < deadbandW && Math.abs(battery.memory.last - wish.value) < deadbandW)
      wishes[index] = {
        value: battery.memory.last,
        reason: economic('self-consumption', `grid exchange is ${wattText(netW - sum)}, close enough to zero`),
      }
  }

  function holdText({ unit, soc }: Battery): { charge?: Reason; discharge?: Reason } | undefined {
    const worth = worthAt(input.plan, unit.device.config.id, input.atMs, soc)
    if (worth !== undefined) {
      const value = `stored energy is worth ${money(worth, currency)}`
      return {
        ...(worth >= prices.importPrice - wearPrice && {
          discharge: economic(
            'plan',
            `${value}; import at ${money(prices.importPrice, currency)} and wear do not exceed it`,
          ),
        }),
        ...(worth <= prices.exportPrice && {
          charge: economic('plan', `${value}; export at ${money(prices.exportPrice, currency)} is not below it`),
        }),
      }
    }
    if (prices.importPrice > holdBelow) return undefined
    const text = `import costs ${money(prices.importPrice, currency)}, at or below ${money(holdBelow, currency)}: keeps its charge`
    return { discharge: economic('hold', text) }
  }
}

/** Discharges for what the quarter of an hour does not allow, whatever the price says. */
function shavePeak(open: readonly Open[], wishes: (BatteryWish | undefined)[], needW: number): void {
  const given = open.reduce((sum, { at }) => sum + (wishes[at]?.value ?? 0), 0)
  if (!(needW > given)) return
  const shares = inProportion(open, needW, ({ battery }) => reachOf(battery).max, dischargeWeight)
  for (const [index, { at }] of open.entries())
    if (shares[index]! > (wishes[at]?.value ?? 0))
      wishes[at] = {
        value: shares[index]!,
        reason: economic('peak', `covers ${wattText(needW)} above the 15-minute peak`),
      }
}

/** Batteries of more energy above their reserve give more, so that all reach it together. */
const dischargeWeight = ({ battery }: Open): number =>
  (battery.soc - battery.settings.minSocPercent) * battery.settings.maxDischargeW
const chargeWeight = ({ battery }: Open): number =>
  (battery.settings.maxSocPercent - battery.soc) * battery.settings.maxChargeW

/**
 * Asks those that are at their end for the rest as well: they will not give it, but the rule that holds them is then named. It
 * changes nothing for the others.
 */
function wanted(
  entries: readonly Open[],
  shares: readonly number[],
  amount: number,
  most: (entry: Open) => number,
): number[] {
  const left = amount - shares.reduce((sum, share) => sum + share, 0)
  return shares.map((share, at) => {
    const cap = most(entries[at]!)
    return share + (cap <= 0 ? amount : share >= cap - 1e-6 ? left : 0)
  })
}

/** Shares an amount by weight; what one cannot take goes to the others. */
export function inProportion<Entry>(
  entries: readonly Entry[],
  amount: number,
  most: (entry: Entry) => number,
  weight: (entry: Entry) => number,
): number[] {
  const shares = entries.map(() => 0)
  const caps = entries.map((entry) => Math.max(0, most(entry)))
  const weights = entries.map((entry, at) => (caps[at]! > 0 ? Math.max(weight(entry) || 0, 1e-9) : 0))
  let left = amount
  for (let round = 0; round <= entries.length && left > 1e-9; round += 1) {
    const total = weights.reduce((sum, value, at) => sum + (shares[at]! < caps[at]! ? value : 0), 0)
    if (total === 0) break
    const part = left
    for (const [at, value] of weights.entries()) {
      if (shares[at]! >= caps[at]!) continue
      const share = Math.min(caps[at]! - shares[at]!, (part * value) / total)
      shares[at]! += share
      left -= share
    }
  }
  return shares
}
