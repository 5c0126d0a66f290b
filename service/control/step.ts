import type { Reason } from '#contract/api.ts'
import { holds, islandOf, placeOf, staleAfterMs } from '../domain/island.ts'
import type { SiteModel } from '../domain/site-model.ts'
import { allocate } from './allocate.ts'
import { type Consumer, consumersOf, fromAmpere } from './claims.ts'
import { type BatteryMove, decideBatteries } from './decide-batteries.ts'
import { type Battery, batteriesOf } from './battery.ts'
import { type Frame, bits, freeze } from './frame.ts'
import { type Layout, type Unit, layoutOf } from './layout.ts'
import { type Flows, limitStates, safeSetpoint, violationsOf } from './limits.ts'
import { type Move, holdRises, moved, nowPhases } from './motion.ts'
import { type Plant, type PlantMove, curtailed, plantsOf } from './pv.ts'
import { allowedImportW, countImport } from './quarter.ts'
import { type Rows, addTo, presentA, rowsOf, tolerance } from './rows.ts'
import { activeSignals } from './signals.ts'
import type { DeviceState, GridState } from './state.ts'
import type { Decision, StepInput, StepResult } from './types.ts'

export { type GridState, initialState } from './state.ts'

/**
 * One control step of one grid: pure and deterministic. Physical limits, then safety, then economics; a lower tier never overrides
 * a higher one, and there is always an answer. A grid that follows another through a closed tie decides nothing.
 *
 * In this order: what is measured; what vehicles and loads may take (house before car before battery); how far they may move in this
 * cycle; batteries; plants that must be curtailed; what stays exceeded.
 */
export function step(model: SiteModel, gridId: string, state: GridState, input: StepInput): StepResult<GridState> {
  const gridIndex = model.gridIndex.get(gridId)
  if (gridIndex === undefined) throw new RangeError(`the site has no grid ${gridId}`)
  const { readings } = input
  const island = islandOf(model, gridIndex, readings)
  if (island.grids[0] !== gridIndex) return following(model, gridId, island.grids[0]!, state)
  const places = new Map<number, number | undefined>()
  const place = (device: number): number | undefined => {
    if (!places.has(device)) places.set(device, placeOf(model, device, readings))
    return places.get(device)
  }
  const layout = layoutOf(model, island.grids, place)
  const unknown =
    island.unknownTie === undefined ? undefined : `whether the tie ${island.unknownTie} is closed is unknown`
  const alone = model.grids[gridIndex]!.grid.island
  const staleMs = staleAfterMs(model.grids[gridIndex]!.cycleMs)
  const onItsOwn = alone !== undefined && holds(alone, readings, staleMs) === true
  const context = { model, layout, staleMs, state, input, unknown, onItsOwn }
  // Sun that has to be curtailed, and batteries that have to charge, cannot be counted on: then all is shared again without.
  let solution = solve(context)
  for (let round = 0; round < mostRounds && countedTooMuch(solution); round += 1)
    solution = solve(context, expected(solution))
  const { frame, rows, flows, moves, batteries, batteryMoves, plantMoves, quarter } = solution

  const decisions = new Map<number, Decision[]>()
  const devices: Record<string, DeviceState> = {}
  const binding = new Set<number>()
  const bindingRules = new Map<number, Set<string>>()
  const decide = (
    unit: Unit,
    command: string,
    value: number,
    relieves: boolean,
    reasons: readonly Reason[],
    most: number,
    least = 0,
  ): void => {
    const { id } = unit.device.config
    const list = decisions.get(unit.index) ?? []
    decisions.set(unit.index, list)
    list.push({
      setpoint: safeSetpoint(id, command, value, relieves, { min: least, max: most }),
      reasons,
      dependsOn: layout.dependsOn(unit.index),
    })
  }
  for (const move of moves) {
    const { unit } = move.consumer
    devices[unit.device.config.id] = move.memory
    if (move.row >= 0) binding.add(move.row)
    decideConsumer(frame, move, decide)
  }
  for (const { battery, valueW, memory, reasons, rows: by, relieves } of batteryMoves.moves) {
    const { unit, settings } = battery
    devices[unit.device.config.id] = memory
    for (const row of by) binding.add(row)
    bindingRules.set(unit.index, new Set(reasons.map(({ rule }) => rule)))
    decide(
      unit,
      unit.device.controlled!.command,
      valueW,
      relieves,
      reasons,
      settings.maxDischargeW,
      -settings.maxChargeW,
    )
  }
  for (const { plant, limitW, memory, reasons, row, relieves } of plantMoves) {
    const { unit, ratedW } = plant
    devices[unit.device.config.id] = memory
    if (row >= 0) binding.add(row)
    const { command } = unit.device.controlled!
    const inPercent = command === 'limitPowerPercent'
    decide(
      unit,
      command,
      inPercent ? floorTo((limitW / ratedW) * 100, 10) : Math.round(limitW),
      relieves,
      reasons,
      inPercent ? 100 : ratedW,
    )
  }
  return {
    state: {
      devices,
      measured: measuredSince(frame, unknown !== undefined),
      meters: frame.meters,
      ...(quarter && { quarter }),
    },
    decisions: layout.sorted.flatMap((unit) => decisions.get(unit.index) ?? []),
    limits: limitStates(frame, rows, binding, batteries, bindingRules),
    violations: violationsOf(frame, rows, flows),
    leftAlone: leftAlone(frame, place, decisions, batteryMoves.resting),
  }
}

const mostRounds = 60

interface Context {
  readonly model: SiteModel
  readonly layout: Layout
  readonly staleMs: number
  readonly state: GridState
  readonly input: StepInput
  readonly unknown: string | undefined
  readonly onItsOwn: boolean
}

interface Solution {
  readonly frame: Frame
  readonly rows: Rows
  readonly flows: Flows
  readonly moves: readonly Move[]
  readonly batteries: readonly Battery[]
  readonly batteryMoves: ReturnType<typeof decideBatteries>
  readonly plantMoves: readonly PlantMove[]
  readonly quarter: GridState['quarter']
}

/** Decides all of an island. `counted` are the powers that a first attempt has shown, by unit. */
function solve(
  { model, layout, staleMs, state, input, unknown, onItsOwn }: Context,
  counted?: ReadonlyMap<number, number>,
): Solution {
  const frame = freeze(model, layout, input.readings, state, staleMs)
  const signals = activeSignals(frame)
  const rows = rowsOf(frame, signals, unknown !== undefined)
  const batteries = batteriesOf(frame)
  const plants = plantsOf(frame, input, counted)
  const quarter = planQuarter(frame, rows, input)
  const consumers = consumersOf(frame, rows, input, signals, unknown)
  planSurplus(frame, rows, consumers, batteries, plants)
  const { flows, moves, worst } = serve(frame, rows, consumers, batteries, plants, input, counted)
  const plantFlow = new Float64Array(rows.base.length)
  for (const plant of plants) addTo(plantFlow, frame, rows, plant.unit.index, -toA(frame, plant.unit, plant.countedW))
  const batteryMoves = decideBatteries({
    frame,
    rows,
    flows,
    worst,
    batteries,
    input,
    unknown,
    onItsOwn,
    importAllowedW: quarter
      ? allowedImportW(quarter, input.atMs, model.site.economics.peakImportW ?? Infinity)
      : Infinity,
    plantFlow,
    curtail: () => curtailed(frame, rows, plants, flows, input),
  })
  const { plantMoves } = batteryMoves
  return { frame, rows, flows, moves, batteries, batteryMoves, plantMoves, quarter }
}

/** Powers of plants and of batteries that a circuit makes charge, by unit: > 0 generation and discharge. */
const expected = ({ plantMoves, batteryMoves, frame, rows, flows }: Solution): ReadonlyMap<number, number> =>
  new Map([
    ...plantMoves.map(({ plant, givesW }) => [plant.unit.index, givesW] as const),
    ...batteryMoves.moves
      .filter((move) => isForced(move) || (move.valueW < 0 && importsTooMuch(frame, rows, flows, move.battery.unit)))
      .map(({ battery, valueW }) => [battery.unit.index, valueW] as const),
  ])

const isForced = ({ valueW, rows }: BatteryMove): boolean => valueW < 0 && rows.length > 0

/** Whether vehicles and loads counted on sun that is held back, or on room for import that a battery needs. */
function countedTooMuch({ plantMoves, batteryMoves, rows, flows, frame }: Solution): boolean {
  if (plantMoves.some(({ plant, givesW }) => givesW < plant.countedW - tolerance)) return true
  return batteryMoves.moves.some(
    ({ valueW, battery }) => valueW < 0 && importsTooMuch(frame, rows, flows, battery.unit),
  )
}

function importsTooMuch({ layout }: Frame, { hi }: Rows, { most }: Flows, { index }: Unit): boolean {
  for (let entry = layout.start[index]!; entry < layout.start[index + 1]!; entry += 1) {
    const row = layout.entryRow[entry]!
    const { tier, kind } = layout.rows[row]!
    // Rounded setpoints may be above by as much.
    const slack = kind === 'fuse' || kind === 'unbalance' ? 0.01 : 2
    if (tier !== 'economic' && most[row]! > hi[row]! + slack) return true
  }
  return false
}

/** A grid that is joined to one before it: that one decides about everything here. */
function following(model: SiteModel, gridId: string, leader: number, state: GridState): StepResult<GridState> {
  const { grid } = model.grids[leader]!
  const gridIndex = model.gridIndex.get(gridId)
  const leftAlone = model.devices
    .filter(
      ({ controlled, places }) =>
        controlled && places.length === 1 && model.nodes[places[0]!.node]!.gridIndex === gridIndex,
    )
    .map(({ config }) => ({ deviceId: config.id, text: `controlled with ${grid.name}, as the tie is closed` }))
  return { state: { devices: {}, measured: state.measured }, decisions: [], limits: [], violations: [], leftAlone }
}

/** Counts the quarter of an hour and limits the import that vehicles and loads may cause in it. */
function planQuarter(frame: Frame, rows: Rows, input: StepInput): GridState['quarter'] {
  const { layout, model, nodeW, state } = frame
  const { peakImportW } = model.site.economics
  if (peakImportW === undefined) return undefined
  const importW = layout.roots.reduce((sum, root) => sum + nodeW[root]!, 0)
  const quarter = countImport(state.quarter, input.atMs, input.elapsedS, importW, peakImportW)
  if (rows.known[layout.peakRow])
    rows.hi[layout.peakRow] = Math.max(0, allowedImportW(quarter, input.atMs, peakImportW))
  return quarter
}

/**
 * What claims in surplus mode may take together: the export there would be without them and with the batteries at rest, as cars
 * come before batteries. Sun that a curtailed plant holds back counts; else nothing would ever start to use it.
 */
function planSurplus(
  frame: Frame,
  rows: Rows,
  consumers: readonly Consumer[],
  batteries: readonly Battery[],
  plants: readonly Plant[],
): void {
  const { layout, nodeW, unitW } = frame
  let importW = layout.roots.reduce((sum, root) => sum + nodeW[root]!, 0)
  for (const { claim, unit } of consumers) if (!claim || claim.surplus) importW -= unitW[unit.index]!
  for (const { powerW } of batteries) importW += powerW
  for (const { availableW, powerW } of plants) importW -= availableW - powerW
  rows.hi[layout.surplusRow] = Number.isNaN(importW) ? 0 : -importW
}

/** Shares what is left between vehicles and loads, and moves them as far as they may in this cycle. */
function serve(
  frame: Frame,
  rows: Rows,
  consumers: readonly Consumer[],
  batteries: readonly Battery[],
  plants: readonly Plant[],
  input: StepInput,
  counted?: ReadonlyMap<number, number>,
): { flows: Flows; worst: Float64Array; moves: Move[] } {
  const others = rows.base.slice()
  for (const plant of plants) addTo(others, frame, rows, plant.unit.index, -toA(frame, plant.unit, plant.countedW))
  for (const { unit } of consumers) addTo(others, frame, rows, unit.index, frame.excessA[unit.index]!)
  // A battery may stop charging for a vehicle; it discharges for one only where it may, and only what it gives by itself.
  const promised = others.slice()
  for (const { unit, settings, powerW, allowed, capability } of batteries) {
    const supports = settings.supportsChargers && powerW > 0
    const givesW = counted?.get(unit.index) ?? (supports ? Math.min(powerW, allowed.max, capability.max) : 0)
    addTo(promised, frame, rows, unit.index, -toA(frame, unit, givesW))
  }
  const room = new Float64Array(rows.base.length)
  for (let row = 0; row < room.length; row += 1) room[row] = rows.hi[row]! - promised[row]!
  allocate(
    frame,
    rows,
    consumers.map(({ claim }) => claim).filter((claim) => claim !== undefined),
    promised,
  )
  const moves = consumers.map((consumer) => moved(frame, room, consumer, input.elapsedS))
  const worst = others.slice()
  for (const { unit } of batteries) addTo(worst, frame, rows, unit.index, presentA(frame, unit.index))
  holdRises(frame, rows, moves, worst)
  const flows = { most: others, least: others.slice() }
  const later = others.slice()
  for (const { consumer, valueA } of moves) {
    const { index } = consumer.unit
    const now = presentA(frame, index) - frame.excessA[index]!
    addTo(flows.most, frame, rows, index, valueA)
    addTo(flows.least, frame, rows, index, Math.min(valueA, now))
    addTo(later, frame, rows, index, Math.max(valueA, now))
  }
  return { flows, worst: later, moves }
}

const toA = ({ mask, voltageV }: Frame, { index }: Unit, watt: number): number => watt / (bits(mask[index]!) * voltageV)

const floorTo = (value: number, steps: number): number => Math.floor(value * steps + tolerance) / steps

type Decide = (
  unit: Unit,
  command: string,
  value: number,
  relieves: boolean,
  reasons: readonly Reason[],
  most: number,
) => void

function decideConsumer(frame: Frame, { consumer, valueA, relieves, reasons }: Move, decide: Decide): void {
  const { unit } = consumer
  const { charger, load } = unit.device.config
  const command = unit.device.controlled!.command
  if (charger) {
    decide(unit, command, floorTo(valueA, 1000), relieves, reasons, charger.maxCurrentA)
    const phases = nowPhases(frame, unit.index)
    if (phases !== undefined) decide(unit, 'setPhases', phases, false, [phaseReason(phases, reasons)], 3)
  } else if (load) {
    const watt = Math.floor(fromAmpere(frame, unit, valueA) + tolerance)
    const isSwitch = command === 'switchOn'
    decide(unit, command, isSwitch ? Number(watt > 0) : watt, relieves, reasons, isSwitch ? 1 : load.maxW)
  }
}

function phaseReason(phases: 1 | 3, [first]: readonly Reason[]): Reason {
  return {
    rule: 'phases',
    tier: phases === 1 ? (first?.tier ?? 'economic') : 'economic',
    text: phases === 1 ? `charges on one phase: ${first?.text ?? ''}` : 'charges on three phases',
  }
}

/** Circuits whose limits could be seen at least once since the start. */
function measuredSince({ model, layout, nodeA, nodeW, state }: Frame, blind: boolean): readonly string[] {
  if (blind) return state.measured
  const seen = new Set(state.measured)
  const before = seen.size
  for (const node of layout.nodes) {
    const { circuit, phases, limited } = model.nodes[node]!
    if (!limited || seen.has(circuit.id)) continue
    const ampere = phases.every((phase) => !Number.isNaN(nodeA[node * 3 + phase]!))
    if (ampere && !Number.isNaN(nodeW[node]!)) seen.add(circuit.id)
  }
  return seen.size === before ? state.measured : [...seen]
}

function leftAlone(
  { model, layout, alive }: Frame,
  place: (device: number) => number | undefined,
  decisions: ReadonlyMap<number, readonly Decision[]>,
  resting: ReadonlyMap<number, string>,
): StepResult<GridState>['leftAlone'] {
  const list: { deviceId: string; text: string }[] = []
  for (const { index, controlled, device } of layout.units) {
    const deviceId = device.config.id
    if (decisions.has(index)) continue
    if (resting.has(index)) list.push({ deviceId, text: resting.get(index)! })
    else if (controlled) list.push({ deviceId, text: alive[index] ? 'it is not controlled' : 'it does not answer' })
    else if (isMeant(device)) list.push({ deviceId, text: 'its point map has no command for its role' })
  }
  for (const { index, controlled, config, places } of model.devices)
    if (
      controlled &&
      place(index) === undefined &&
      layout.grids.includes(model.nodes[places[0]?.node ?? -1]?.gridIndex ?? -1)
    )
      list.push({
        deviceId: config.id,
        text: 'nobody knows on which circuit it is: not exactly one of its conditions holds',
      })
  return list
}

const isMeant = ({ config }: Layout['units'][number]['device']): boolean =>
  config.role === 'charger' ? config.charger !== undefined : config.pv?.curtailable === true || config.role !== 'pv'
