import { phases } from '#contract/metrics.ts'
import { type AgedReading, type Readings } from '../domain/measured.ts'
import type { SiteModel } from '../domain/site-model.ts'
import type { Layout, Unit } from './layout.ts'
import type { DeviceState, GridState, MeterState } from './state.ts'

/**
 * The measured island of one cycle in numbers. Powers and currents count > 0 towards consumption here; NaN is what is not
 * measured. The variable of every unit is its current per used phase (`A`), so that fuses see it as it is.
 */
export interface Frame {
  readonly model: SiteModel
  readonly layout: Layout
  readonly readings: Readings
  readonly staleMs: number
  readonly state: GridState
  /** Phase voltage of the island. */
  readonly voltageV: number
  /** Current per unit and phase as measured: `unit * 3 + phase`. */
  readonly unitA: Float64Array
  readonly unitW: Float64Array
  /** 1 where the device answers with what control needs. */
  readonly alive: Uint8Array
  readonly memory: readonly (DeviceState | undefined)[]
  /** Current per node of the site and phase: `node * 3 + phase`. */
  readonly nodeA: Float64Array
  readonly nodeW: Float64Array
  /** What the units below each node take, as far as they are measured, and how many are. */
  readonly belowA: Float64Array
  readonly belowW: Float64Array
  readonly below: Uint32Array
  /** What each meter has shown, by circuit: the memory of the next cycle. */
  readonly meters: Record<string, MeterState>
  /** Phases that a unit loads, as bits. */
  readonly mask: Uint8Array
  /** Phases it is told to use, 1 or 3; 0 for devices that have no choice. */
  readonly phases: Uint8Array
  /** The same as decided in this cycle, where it changes. */
  readonly claimedPhases: Uint8Array
  /** What a vehicle or load takes beyond what it was told, A per used phase; 0 while it may still be on its way. */
  readonly excessA: Float64Array
}

/** A current below is measurement noise, not a vehicle that charges. */
const noticeableA = 1

const phasePoints = (metric: string): readonly string[] => phases.map((phase) => `${metric}.${phase}`)
const currentPoints = phasePoints('currentA')
const powerPoints = phasePoints('powerW')
const voltagePoints = phasePoints('voltageV')
const gridPoints = (points: readonly string[]): readonly string[] => points.map((point) => `grid.${point}`)
const gridCurrentPoints = gridPoints(currentPoints)
const gridPowerPoints = gridPoints(powerPoints)
const gridVoltagePoints = gridPoints(voltagePoints)

type Points = ReadonlyMap<string, AgedReading> | undefined

/** The number a point was read with in time, else NaN (S5: unknown is not zero). */
export function numberAt(points: Points, name: string, staleMs: number): number {
  const reading = points?.get(name)
  if (!reading || reading.quality === 'bad' || reading.ageMs > staleMs) return Number.NaN
  return typeof reading.value === 'number' && Number.isFinite(reading.value) ? reading.value : Number.NaN
}

/** The first of two names that was read. */
export function firstAt(points: Points, name: string, other: string, staleMs: number): number {
  const value = numberAt(points, name, staleMs)
  return Number.isNaN(value) ? numberAt(points, other, staleMs) : value
}

/** Why a point gives no number, in words. */
export function whyNot(points: Points, name: string, staleMs: number): string {
  const reading = points?.get(name)
  if (!reading) return 'not measured yet'
  if (reading.quality === 'bad') return reading.reason ?? 'not measured'
  if (reading.ageMs > staleMs) return `${(reading.ageMs / 1000).toFixed(1)} s old`
  return 'not a number'
}

export function freeze(model: SiteModel, layout: Layout, readings: Readings, state: GridState, staleMs: number): Frame {
  const { units } = layout
  const frame: Frame = {
    model,
    layout,
    readings,
    staleMs,
    state,
    voltageV: voltageOf(model, layout, readings, staleMs),
    unitA: new Float64Array(units.length * 3),
    unitW: new Float64Array(units.length).fill(Number.NaN),
    alive: new Uint8Array(units.length),
    memory: units.map(({ device }) => state.devices[device.config.id]),
    nodeA: new Float64Array(model.nodes.length * 3).fill(Number.NaN),
    nodeW: new Float64Array(model.nodes.length).fill(Number.NaN),
    belowA: new Float64Array(model.nodes.length * 3),
    belowW: new Float64Array(model.nodes.length),
    below: new Uint32Array(model.nodes.length),
    meters: {},
    mask: new Uint8Array(units.length),
    phases: new Uint8Array(units.length),
    claimedPhases: new Uint8Array(units.length),
    excessA: new Float64Array(units.length),
  }
  for (const unit of units) readUnit(frame, unit)
  // Children come after their parents, so that from behind every sum finds its parts.
  for (const node of layout.nodes.toReversed()) readNode(frame, node)
  for (const root of layout.roots) if (model.nodes[root]!.meter >= 0) catchUp(frame, root)
  return frame
}

/** Mean of the measured phases of the leading connection; the nominal voltage where they are missing or implausible. */
function voltageOf(model: SiteModel, layout: Layout, readings: Readings, staleMs: number): number {
  const { grid, root } = model.grids[layout.grids[0]!]!
  const meter = model.devices[model.nodes[root]!.meter]
  const points = meter && readings.get(meter.config.id)
  let sum = 0
  let count = 0
  for (const [at] of grid.phases.entries()) {
    const volt = firstAt(points, gridVoltagePoints[at]!, voltagePoints[at]!, staleMs)
    if (volt > 0.8 * grid.nominalVoltageV && volt < 1.2 * grid.nominalVoltageV) {
      sum += volt
      count += 1
    }
  }
  return count > 0 ? sum / count : grid.nominalVoltageV
}

function readUnit(frame: Frame, unit: Unit): void {
  const { readings, staleMs, voltageV, memory } = frame
  const { index, terminals, device } = unit
  const points = readings.get(device.config.id)
  let mask = 0
  for (const terminal of terminals) mask |= 1 << terminal
  frame.mask[index] = mask
  switch (device.config.role) {
    case 'charger':
      readCharger(frame, unit, points)
      return
    case 'battery':
      spread(frame, unit, -firstAt(points, 'battery.powerW', 'powerW', staleMs), voltageV)
      return
    case 'pv':
      // An inverter at night draws a few watts; the building bears them.
      spread(frame, unit, -Math.max(0, firstAt(points, 'pv.powerW', 'powerW', staleMs)), voltageV)
      return
    default: {
      const powerW = numberAt(points, 'powerW', staleMs)
      const on = numberAt(points, 'on', staleMs)
      const assumedW = on > 0 ? ((memory[index]?.last || device.config.load?.maxW) ?? 0) : on
      spread(frame, unit, Number.isNaN(powerW) ? assumedW : powerW, voltageV)
    }
  }
}

/** Power evenly on all terminals. */
function spread(frame: Frame, { index, terminals }: Unit, powerW: number, voltageV: number): void {
  frame.unitW[index] = powerW
  frame.alive[index] = Number.isNaN(powerW) ? 0 : 1
  for (const terminal of terminals) frame.unitA[index * 3 + terminal] = powerW / (terminals.length * voltageV)
}

/**
 * A charger measures each of its phases. A vehicle that uses fewer phases than the charger offers loads only those, which is seen
 * as soon as it charges and remembered while it is plugged in.
 */
function readCharger(frame: Frame, unit: Unit, points: Points): void {
  const { staleMs, voltageV, unitA, mask } = frame
  const { index, terminals, device } = unit
  const memory = frame.memory[index]
  const setpointA = numberAt(points, 'setpointA', staleMs)
  const powerW = numberAt(points, 'powerW', staleMs)
  let sumA = 0
  let seen = 0
  let measured = false
  for (const [at, terminal] of terminals.entries()) {
    const first = numberAt(points, currentPoints[at]!, staleMs)
    const ampere = Number.isNaN(first) && terminals.length === 1 ? numberAt(points, 'currentA', staleMs) : first
    if (Number.isNaN(ampere)) continue
    measured = true
    unitA[index * 3 + terminal] = ampere
    sumA += ampere
    if (ampere >= noticeableA) seen |= 1 << terminal
  }
  frame.alive[index] = measured || !Number.isNaN(powerW) || !Number.isNaN(setpointA) ? 1 : 0
  const charger = device.config.charger
  if (charger?.switchesPhases && device.commands.has('setPhases')) {
    const told = memory?.phases ?? numberAt(points, 'phases', staleMs)
    frame.phases[index] = told === 1 ? 1 : 3
  }
  const offered = frame.phases[index] === 1 ? 1 << terminals[0]! : mask[index]!
  const used = (seen || memory?.usedPhases || 0) & offered
  mask[index] = used || offered
  if (!measured) {
    const watt = Number.isNaN(powerW) ? setpointA * voltageV * bits(mask[index]) : powerW
    for (let phase = 0; phase < 3; phase += 1)
      if (mask[index] & (1 << phase)) unitA[index * 3 + phase] = watt / (bits(mask[index]) * voltageV)
    frame.unitW[index] = watt
    return
  }
  frame.unitW[index] = Number.isNaN(powerW) ? sumA * voltageV : powerW
}

/** Number of phases in a mask. */
export const bits = (mask: number): number => (mask & 1) + ((mask >> 1) & 1) + ((mask >> 2) & 1)

function readNode(frame: Frame, node: number): void {
  const { model, layout, nodeA, nodeW, unitA, unitW, alive, readings, staleMs } = frame
  const { meter, children, phases: present } = model.nodes[node]!
  sumBelow(frame, node)
  if (meter >= 0) {
    readMeter(frame, node, readings.get(model.devices[meter]!.config.id), staleMs)
    if (!layout.roots.includes(node)) catchUp(frame, node)
    return
  }
  const parts = layout.unitsOfNode[node]!
  let watt = 0
  for (const child of children) watt += nodeW[child]!
  for (const unit of parts) watt += alive[unit] ? unitW[unit]! : Number.NaN
  nodeW[node] = children.length + parts.length > 0 ? watt : Number.NaN
  for (const phase of present) {
    let ampere = children.length + parts.length > 0 ? 0 : Number.NaN
    for (const child of children) ampere += nodeA[child * 3 + phase]!
    for (const unit of parts)
      if (alive[unit]) ampere += unitA[unit * 3 + phase]!
      else if (layout.units[unit]!.terminals.includes(phase)) ampere = Number.NaN
    nodeA[node * 3 + phase] = ampere
  }
}

/** Adds up what is known to be taken below a node. */
function sumBelow({ model, layout, unitA, unitW, alive, belowA, belowW, below }: Frame, node: number): void {
  for (const child of model.nodes[node]!.children) {
    below[node]! += below[child]!
    belowW[node]! += belowW[child]!
    for (let phase = 0; phase < 3; phase += 1) belowA[node * 3 + phase]! += belowA[child * 3 + phase]!
  }
  for (const unit of layout.unitsOfNode[node]!) {
    if (!alive[unit]) continue
    below[node]! += 1
    belowW[node]! += unitW[unit]!
    for (let phase = 0; phase < 3; phase += 1) belowA[node * 3 + phase]! += unitA[unit * 3 + phase]!
  }
}

/**
 * While a meter shows nothing new, what its devices have changed since is added to what it showed. Else an old value less new
 * devices would leave more room in each cycle in which they rise, and none of it would be there.
 */
function catchUp({ model, layout, state, nodeA, nodeW, belowA, belowW, below, meters }: Frame, node: number): void {
  const { circuit, phases: present } = model.nodes[node]!
  // Between joined grids nobody knows how what is taken is shared: all of it counts on each of them.
  const nodes = layout.roots.length > 1 && layout.roots.includes(node) ? layout.roots : [node]
  const sum = (of: (at: number) => number): number => nodes.reduce((total, at) => total + of(at), 0)
  const ampere = present.map((phase) => nodeA[node * 3 + phase]!)
  const watt = nodeW[node]!
  if (Number.isNaN(watt) || ampere.some(Number.isNaN)) return
  const devicesA = present.map((phase) => sum((at) => belowA[at * 3 + phase]!))
  const devicesW = sum((at) => belowW[at]!)
  const devices = sum((at) => below[at]!)
  const before = state.meters?.[circuit.id]
  const old =
    before !== undefined &&
    before.watt === watt &&
    before.devices === devices &&
    ampere.every((value, at) => value === before.ampere[at]) &&
    // Nothing flows through an open breaker, whatever happens behind it.
    (watt !== 0 || ampere.some((value) => value !== 0))
  meters[circuit.id] = old ? before : { ampere, watt, devicesA, devicesW, devices }
  if (!old) return
  nodeW[node] = watt + (devicesW - before.devicesW)
  for (const [at, phase] of present.entries())
    nodeA[node * 3 + phase] = ampere[at]! + (devicesA[at]! - before.devicesA[at]!)
}

/** Signed phase currents from the magnitude and the sign of the phase power; the power alone when there is no current. */
function readMeter(frame: Frame, node: number, points: Points, staleMs: number): void {
  const { model, nodeA, nodeW, voltageV } = frame
  const { meter, phases: present } = model.nodes[node]!
  const { terminals } = model.devices[meter]!
  let sumW = 0
  for (const phase of present) {
    const at = terminals.indexOf(phase)
    const alone = terminals.length === 1
    let watt = at < 0 ? Number.NaN : firstAt(points, gridPowerPoints[at]!, powerPoints[at]!, staleMs)
    let ampere = at < 0 ? Number.NaN : firstAt(points, gridCurrentPoints[at]!, currentPoints[at]!, staleMs)
    if (alone && at === 0) {
      if (Number.isNaN(watt)) watt = firstAt(points, 'grid.powerW', 'powerW', staleMs)
      if (Number.isNaN(ampere)) ampere = firstAt(points, 'grid.currentA', 'currentA', staleMs)
    }
    sumW += watt
    if (Number.isNaN(ampere)) nodeA[node * 3 + phase] = watt / voltageV
    // Without a direction the current is taken as import: the side on which the fuse usually blows.
    else nodeA[node * 3 + phase] = watt < 0 ? -Math.abs(ampere) : Math.abs(ampere)
  }
  const total = firstAt(points, 'grid.powerW', 'powerW', staleMs)
  nodeW[node] = Number.isNaN(total) ? sumW : total
}
