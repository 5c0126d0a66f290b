import type { Reason } from '#contract/api.ts'
import { type Band, type Battery, type BatteryWish, type Exchange, economicWishes } from './battery.ts'
import { type Frame, bits } from './frame.ts'
import { type Flows, type RowBand, clampTo, intoRowBand, rowBand, rowReason, widened } from './limits.ts'
import { type PlantMove, kept, limitedTo, steady } from './pv.ts'
import { type Option, changeCost, isExceeded, relief, reserveCost } from './relief.ts'
import { type Rows, addTo, fuseShare, presentA, tolerance, wattText } from './rows.ts'
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
  readonly flows: Flows
  /** The same with vehicles and loads at what they still take, where they were told to take less. */
  readonly worst: Float64Array
  readonly batteries: readonly Battery[]
  readonly input: StepInput
  /** Why nobody knows what belongs together, in words. */
  readonly unknown: string | undefined
  readonly onItsOwn: boolean
  readonly importAllowedW: number
  /** What plants that can be curtailed add to each row. */
  readonly plantFlow: Float64Array
  /** Curtails plants for what is still exceeded once the batteries have taken what they may. */
  curtail(): PlantMove[]
}

/** A battery on the way to its decision. */
interface Draft {
  readonly battery: Battery
  /** Discharge in watt per ampere of each phase it uses. */
  readonly factor: number
  /** By economics, before ramp and limits. */
  readonly wishedW: number
  /** What would be exported with all batteries at rest. */
  readonly surplusW: number
  /** By economics and ramp, before circuits have their say. */
  startW: number
  valueW: number
  reasons: Reason[]
  readonly rows: Set<number>
  /** A circuit above it is not measured: it does not help others. */
  readonly blind: boolean
}

/**
 * What economics would like, as far as the ramp and the battery allow; then circuits have their say, each time over all
 * batteries: first those that do too much do less; then those that have energy, or room for surplus, help to keep a limit; and
 * last, for a fuse that no curtailed plant can keep, those at their reserve help as well. So the physical tier has the last word,
 * and no battery is drained for another's charging. Those on fewest phases go first, as they relieve a phase with the least energy.
 *
 * While the island is on its own its batteries hold the grid themselves, and are left alone.
 */
export function decideBatteries(context: BatteryContext): {
  readonly moves: readonly BatteryMove[]
  readonly plantMoves: readonly PlantMove[]
  readonly resting: ReadonlyMap<number, string>
} {
  const { frame, rows, flows, batteries, onItsOwn } = context
  const resting = new Map<number, string>()
  if (onItsOwn) {
    for (const { unit } of batteries) {
      resting.set(unit.index, 'the grid is on its own: the inverter of the battery holds it')
      for (const flow of [flows.most, flows.least]) addTo(flow, frame, rows, unit.index, presentA(frame, unit.index))
    }
    return { moves: [], plantMoves: context.curtail().map(steady), resting }
  }
  const drafts = drafted(context)
  const plantMoves = mended(context, drafts, context.curtail()).map(steady)
  return { moves: drafts.map((draft) => decided(context, draft)), plantMoves, resting }
}

/**
 * What is still exceeded needs batteries and plants together, or cannot be kept: then the smallest change from where all of them
 * started. An answer that was given before is thus given again.
 */
function mended(context: BatteryContext, drafts: readonly Draft[], plantMoves: readonly PlantMove[]): PlantMove[] {
  const { frame, rows, flows } = context
  if (!isExceeded(frame, rows, flows)) return [...plantMoves]
  const open = drafts.filter(({ blind }) => !blind)
  const options: Option[] = []
  for (const draft of open) {
    const { capability, allowed, unit } = draft.battery
    shift(context, unit.index, draft.valueW - draft.startW)
    draft.valueW = draft.startW
    draft.rows.clear()
    const own = Math.max(allowed.min, ownPower(draft).min)
    for (const sign of [1, -1] as const) {
      const reach = sign > 0 ? draft.valueW - capability.min : capability.max - draft.valueW
      const free = sign > 0 ? draft.valueW - own : allowed.max - draft.valueW
      const freeW = Math.max(0, Math.min(reach, free))
      options.push({ unit: unit.index, sign, mostW: freeW, cost: changeCost })
      options.push({ unit: unit.index, sign, mostW: Math.max(0, reach - freeW), cost: reserveCost })
    }
  }
  for (const { plant, givesW } of plantMoves) {
    shift(context, plant.unit.index, givesW - plant.countedW)
    options.push({ unit: plant.unit.index, sign: 1, mostW: plant.countedW, cost: 2 * changeCost })
  }
  const { changesW, rows: by } = relief(frame, rows, flows, options)
  for (const [at, draft] of open.entries()) {
    const [more, much, less, little] = changesW.slice(at * 4, at * 4 + 4)
    const changeW = less! + little! - more! - much!
    change(context, draft, draft.valueW + changeW, by[at * 4 + (changeW > 0 ? 2 : 0)] ?? -1)
  }
  return plantMoves.map((move, at) => {
    const { plant } = move
    const changeW = changesW[open.length * 4 + at] ?? 0
    if (changeW < resolutionW) return kept(move)
    const row = by[open.length * 4 + at] ?? -1
    const reason = rowReason(frame, frame.layout.rows[row]!, flows.least[row]!)
    shift(context, plant.unit.index, changeW)
    return limitedTo(move, plant.countedW - changeW, row, reason)
  })
}

/** Takes back a power that was given to all its rows: > 0 discharge and generation. */
function shift({ frame, rows, flows, worst }: BatteryContext, unit: number, watt: number): void {
  const changeA = watt / (bits(frame.mask[unit]!) * frame.voltageV)
  for (const flow of [flows.most, flows.least, worst]) addTo(flow, frame, rows, unit, changeA)
}

/** Those on the fewest phases first. */
const inOrder = (drafts: readonly Draft[]): Draft[] => drafts.toSorted((a, b) => a.factor - b.factor)

/**
 * What batteries do before plants are curtailed. When a circuit holds one of them, the others share what is left of the exchange
 * once more, so that the whole stays what economics want.
 */
function drafted(context: BatteryContext): Draft[] {
  const { frame, rows, flows, worst, batteries, plantFlow } = context
  const exchange = exchangeOf(context)
  let drafts: Draft[] = []
  const held = new Map<number, number>()
  for (let round = 0; round < Math.min(4, batteries.length); round += 1) {
    const before = drafts
    const wishes = wishesOf(context, exchange, held)
    const next = batteries.map((battery, at) => {
      const known = before[at]
      return known && held.has(battery.unit.index) ? known : draftOf(context, battery, wishes[at]!, exchange?.netW)
    })
    for (const [at, { battery, factor, valueW }] of next.entries()) {
      const changeA = ((before[at]?.valueW ?? 0) - valueW) / factor
      for (const flow of [flows.most, flows.least, worst]) addTo(flow, frame, rows, battery.unit.index, changeA)
    }
    drafts = next
    const order = inOrder(drafts)
    for (const draft of order) rest(context, draft)
    together(order, (draft) => {
      const ends = [draft.battery.capability, draft.battery.allowed, ownPower(draft)]
      help(context, draft, ['safety', 'physical'], ends)
    })
    // What a plant feeds in can be curtailed: it is no reason to take less from a battery that a fuse needs.
    for (const [row, flow] of plantFlow.entries()) flows.least[row]! -= flow
    together(order, (draft) => help(context, draft, ['physical'], [draft.battery.capability]))
    for (const [row, flow] of plantFlow.entries()) flows.least[row]! += flow
    const moved = drafts.filter((draft) => draft.rows.size > 0 && !held.has(draft.battery.unit.index))
    // Those that have to do more than they would come first: what they take, others need not.
    const forced = moved.filter(({ valueW, wishedW }) => Math.abs(valueW) > Math.abs(wishedW))
    const more = forced.length > 0 ? forced : moved
    if (more.length === 0 || held.size + more.length === batteries.length) break
    for (const { battery, valueW } of more) held.set(battery.unit.index, valueW)
  }
  return drafts
}

/** Less than this changes nothing, so that rounding never moves a setpoint to and fro. */
const resolutionW = 0.5

/** Rounds until nothing moves: what one does for a phase may be undone by another for a second one. */
const mostRounds = 24

function together(drafts: readonly Draft[], act: (draft: Draft) => void): void {
  for (let round = 0; round < mostRounds; round += 1) {
    let movedW = 0
    for (const draft of drafts) {
      const before = draft.valueW
      act(draft)
      movedW += Math.abs(draft.valueW - before)
    }
    if (movedW < 0.05) return
  }
}

/** A battery that may not charge from the grid helps an export limit only with what the site generates itself. */
function ownPower({ battery, surplusW }: Draft): Band {
  const rule: Reason = { rule: 'own-power', tier: 'safety', text: 'it may not charge from the grid' }
  const min = battery.settings.chargeFromGrid ? -Infinity : -surplusW
  return { min, max: Infinity, minRule: rule, maxRule: rule }
}

/** The exchange for economics; undefined while it is not known. */
function exchangeOf({ frame, batteries, input, unknown, importAllowedW }: BatteryContext): Exchange | undefined {
  const { model, layout, nodeW, unitW, alive } = frame
  const { economics, timeZone } = model.site
  const importW = layout.roots.reduce((sum, root) => sum + nodeW[root]!, 0)
  if (unknown !== undefined || Number.isNaN(importW)) return undefined
  const vehiclesW = layout.units.reduce(
    (sum, { index, device }) => sum + (device.config.role === 'charger' && alive[index] ? unitW[index]! : 0),
    0,
  )
  return {
    netW: importW + batteries.reduce((sum, { powerW }) => sum + powerW, 0),
    allowedImportW: importAllowedW,
    vehiclesW,
    off: economics.off,
    prices: pricesAt(economics, input.atMs, timeZone),
    currency: economics.currency,
    chargeBelow: economics.chargeBelow ?? -Infinity,
    holdBelow: economics.holdBelow ?? -Infinity,
    wearPrice: economics.wearPrice,
  }
}

/** `held` are powers of batteries that circuits hold, by unit. */
function wishesOf(
  { batteries, input, unknown }: BatteryContext,
  exchange: Exchange | undefined,
  held: ReadonlyMap<number, number>,
): readonly BatteryWish[] {
  if (exchange) return economicWishes(batteries, exchange, input, held)
  // S5: without its inputs the battery goes to zero, which neither loads nor unloads anything.
  const text = `holds 0 W: ${unknown ?? 'the exchange with the grid is unknown'}`
  return batteries.map(() => ({ value: 0, reason: { rule: 'input-missing', tier: 'safety', text } }))
}

/** The wish after ramp and capability. Without its inputs a battery goes to rest at once. */
function draftOf(
  { frame, rows, input, unknown }: BatteryContext,
  battery: Battery,
  wish: BatteryWish,
  netW = 0,
): Draft {
  const { unit, settings, memory, capability, allowed } = battery
  const factor = bits(frame.mask[unit.index]!) * frame.voltageV
  const blind = unknown ?? blindRow(frame, rows, unit.index)
  const draft: Draft = {
    battery,
    factor,
    wishedW: wish.value,
    surplusW: Math.max(0, -netW),
    startW: wish.value,
    valueW: wish.value,
    reasons: [wish.reason],
    rows: new Set(),
    blind: blind !== undefined,
  }
  if (blind !== undefined && draft.valueW !== 0) {
    draft.valueW = 0
    draft.reasons = [{ rule: 'input-missing', tier: 'safety', text: `holds 0 W: ${blind}` }]
  }
  const stepW = settings.rampWPerS * input.elapsedS
  if (wish.reason.tier !== 'safety' && blind === undefined && Math.abs(draft.valueW - memory.last) > stepW) {
    draft.valueW = memory.last + Math.sign(draft.valueW - memory.last) * stepW
    const text = `moves by at most ${wattText(stepW)} in this cycle, towards ${wattText(wish.value)}`
    draft.reasons.unshift({ rule: 'ramp', tier: 'safety', text })
  }
  for (const band of [allowed, capability]) clampDraft(draft, band)
  draft.startW = draft.valueW
  return draft
}

/** A limited circuit above the battery whose flow nobody knows, in words. */
function blindRow({ layout, model }: Frame, { known, declaredHi, declaredLo }: Rows, unit: number): string | undefined {
  for (let entry = layout.start[unit]!; entry < layout.start[unit + 1]!; entry += 1) {
    const row = layout.entryRow[entry]!
    if (!known[row] && (declaredHi[row]! < Infinity || declaredLo[row]! > -Infinity))
      return `the current of ${model.nodes[layout.rows[row]!.node]?.circuit.name} is unknown`
  }
  return undefined
}

function clampDraft(draft: Draft, band: Band): void {
  const { value, rule } = clampTo(band, draft.valueW)
  if (rule) sayFirst(draft, rule)
  draft.valueW = value
}

/** Each rule is named once; the one that acted last comes first. */
function sayFirst(draft: Draft, reason: Reason): void {
  draft.reasons = [reason, ...draft.reasons.filter(({ rule }) => rule !== reason.rule)]
}

/** A battery that does too much for a circuit does less; for more charging, only room that is measured counts (S4). */
function rest(context: BatteryContext, draft: Draft): void {
  const { flows, worst } = context
  const wishedW = draft.valueW
  const kept = Math.max(wishedW, Math.min(0, draft.battery.powerW))
  const towards = (limits: Flows, mostCharging: number): void => {
    for (const tier of ['safety', 'physical'] as const) {
      const { value, row } = intoRowBand(bandOf(context, draft, limits, tier), draft.valueW)
      const inside = Math.min(Math.max(value, Math.min(0, wishedW)), Math.max(0, wishedW))
      change(context, draft, Math.min(inside, mostCharging), row)
    }
  }
  if (wishedW < kept) towards({ ...flows, most: worst }, kept)
  towards(flows, Infinity)
}

/** What it can give or take so that a circuit stays inside its limits. */
function help(
  context: BatteryContext,
  draft: Draft,
  tiers: readonly ('safety' | 'physical')[],
  ends: readonly Band[],
): void {
  if (draft.blind) return
  for (const tier of tiers) {
    const moved = intoRowBand(bandOf(context, draft, context.flows, tier), draft.valueW)
    if (moved.row < 0) continue
    let { value } = moved
    let end: Reason | undefined
    for (const band of ends) {
      const inside = clampTo(band, value)
      end = inside.rule ?? end
      ;({ value } = inside)
    }
    // What it cannot do must not turn into the opposite.
    const [low, high] = [Math.min(draft.valueW, moved.value), Math.max(draft.valueW, moved.value)]
    change(context, draft, Math.min(Math.max(value, low), high), moved.row, end)
  }
}

/** From consumption in ampere to discharge in watt: the ends change places. */
function bandOf({ frame, rows }: BatteryContext, draft: Draft, flows: Flows, tier: 'safety' | 'physical'): RowBand {
  const { factor, valueW, battery } = draft
  const { index } = battery.unit
  const { min, max, minRow, maxRow } = widened(rowBand(frame, rows, index, flows, -valueW / factor, tier), () =>
    rowBand(frame, rows, index, flows, -valueW / factor, tier, 1 / fuseShare),
  )
  return { min: -max * factor, max: -min * factor, minRow: maxRow, maxRow: minRow }
}

function change(
  { frame, rows, flows, worst }: BatteryContext,
  draft: Draft,
  valueW: number,
  row: number,
  end?: Reason,
): void {
  if (row < 0 || Math.abs(valueW - draft.valueW) < resolutionW) return
  const { most, least } = flows
  const flow = draft.valueW < valueW ? most[row]! : least[row]!
  sayFirst(draft, rowReason(frame, frame.layout.rows[row]!, flow))
  if (end) sayFirst(draft, end)
  draft.rows.add(row)
  const changeA = (draft.valueW - valueW) / draft.factor
  for (const each of [most, least, worst]) addTo(each, frame, rows, draft.battery.unit.index, changeA)
  draft.valueW = valueW
}

function decided({ input }: BatteryContext, draft: Draft): BatteryMove {
  const { battery, reasons, rows } = draft
  const { memory, atFloor, atCeiling, capability } = battery
  // Rounding moves no setpoint to and fro. Plus zero: there is no negative rest.
  const same = draft.valueW !== 0 && Math.abs(draft.valueW - memory.last) < 1
  const roundW = same ? memory.last : Math.round(draft.valueW * 10) / 10 + 0
  const valueW = Math.min(Math.max(roundW, capability.min), capability.max)
  return {
    battery,
    valueW,
    memory: {
      last: valueW,
      sinceS: memory.sinceS + input.elapsedS,
      ...(atFloor && { atFloor }),
      ...(atCeiling && { atCeiling }),
    },
    reasons,
    rows: [...rows],
    relieves: rows.size > 0 && Math.abs(valueW - draft.wishedW) > tolerance,
  }
}
