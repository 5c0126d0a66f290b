import type { Site } from '#contract/site.ts'
import type { Condition } from '#contract/site-device.ts'
import type { AgedReading } from '../domain/measured.ts'
import { type ChargerModel, createChargerModel } from './charger-model.ts'
import { conditionPoints, holds } from './conditions.ts'
import { assignSessions, seededSessions } from './ev.ts'
import { createHouse, type LoadSteps } from './house.ts'
import { createReadings, type Model, type Readings } from './model.ts'
import { constantSeries, createSampler, type Inputs, type Sampler } from './series.ts'
import {
  type BatteryModel,
  createBatteryModel,
  createLoadModel,
  createMeterModel,
  createPvModel,
  createSensorModel,
  type LoadModel,
  type MeterModel,
  type PvModel,
} from './storage-models.ts'
import { type Place, type Topology, topologyOf } from './topology.ts'

export interface WorldOptions {
  readonly inputs: Inputs
  readonly seed: number
  readonly fromMs: number
  readonly toMs: number
  readonly steps?: LoadSteps
  /** Energy of a battery as hours at its larger power. */
  readonly batteryHours: number
  readonly socPercent: number
}

/** A site made of physics: what flows, what is measured, and devices that do what they are told. */
export interface World {
  readonly topology: Topology
  /** What flows through each circuit towards its loads, W, three values per circuit. */
  readonly nodeW: Float64Array
  readonly readings: ReadonlyMap<string, ReadonlyMap<string, AgedReading>>
  readonly batteries: readonly BatteryModel[]
  readonly pvs: readonly PvModel[]
  readonly chargers: readonly ChargerModel[]
  readonly loads: readonly LoadModel[]
  readonly turnedAway: number
  advance(atMs: number, dtS: number): void
  measure(atMs: number): void
  age(nowMs: number): void
  /** Whether a condition holds, in truth and not as measured. */
  holds(condition: Condition, atMs: number): boolean
  command(deviceId: string, name: string, value: number): void
}

export function createWorld(site: Site, options: WorldOptions): World {
  const { inputs, seed } = options
  const topology = topologyOf(site)
  const sampler = (name: string, otherwise?: number): Sampler => {
    const series = inputs.series.get(name) ?? (otherwise === undefined ? undefined : constantSeries(otherwise))
    return series ? createSampler(series) : { at: () => undefined }
  }
  const chargerIds = site.devices.filter(({ role }) => role === 'charger').map(({ id }) => id)
  const sessions =
    inputs.sessions.length > 0
      ? inputs.sessions.filter((session) => session.toMs > options.fromMs && session.fromMs < options.toMs)
      : seededSessions(seed, chargerIds, options.fromMs, options.toMs)
  const { byCharger, turnedAway } = assignSessions(sessions, chargerIds)
  const points = conditionPoints(site)

  const all: Model[] = []
  const stores: Readings[] = []
  const batteries: BatteryModel[] = []
  const pvs: PvModel[] = []
  const chargers: ChargerModel[] = []
  const loads: LoadModel[] = []
  const meters = new Map<string, MeterModel>()
  const places: { model: Model; places: readonly Place[] }[] = []
  const keep = <M extends Model>(model: M): M => {
    all.push(model)
    return model
  }
  for (const [index, device] of site.devices.entries()) {
    const readings = createReadings()
    stores.push(readings)
    const own = sampler(`${device.id}.powerW`)
    switch (device.role) {
      case 'battery':
        batteries.push(
          keep(
            createBatteryModel(device, readings, {
              hours: options.batteryHours,
              socPercent: options.socPercent,
              temperatureC: sampler(`${device.id}.temperatureC`, 25),
            }),
          ),
        )
        break
      case 'pv':
        pvs.push(keep(createPvModel(device, readings, { seed: seed + index, availableW: own })))
        break
      case 'charger': {
        const volts = topology.nodes[topology.places(device)[0]?.node ?? 0]?.grid.nominalVoltageV ?? 230
        chargers.push(keep(createChargerModel(device, readings, byCharger.get(device.id) ?? [], volts)))
        break
      }
      case 'load':
        loads.push(keep(createLoadModel(device, readings, own)))
        break
      case 'grid-meter':
      case 'meter':
        meters.set(device.id, keep(createMeterModel(device, readings)))
        break
      default: {
        const given = new Map<string, { sampler: Sampler; otherwise: number | string }>()
        for (const name of inputs.series.keys())
          if (name.startsWith(`${device.id}.`))
            given.set(name.slice(device.id.length + 1), { sampler: sampler(name), otherwise: 0 })
        for (const [point, otherwise] of points.get(device.id) ?? [])
          given.set(point, { sampler: sampler(`${device.id}.${point}`), otherwise })
        keep(createSensorModel(device.id, readings, given))
      }
    }
    // What a condition looks at is there on any device, a relay input of a meter for example.
    for (const [point, otherwise] of points.get(device.id) ?? [])
      if (!readings.map.has(point))
        readings.slot(point, sampler(`${device.id}.${point}`).at(options.fromMs) ?? otherwise)
    const model = all.at(-1)
    if (model && !meters.has(device.id)) places.push({ model, places: topology.places(device) })
  }

  const nodeW = new Float64Array(3 * topology.nodes.length)
  const house = createHouse(topology, inputs, { seed, ...(options.steps && { steps: options.steps }) })
  const metered = topology.nodes.flatMap((node) => {
    const meter = node.circuit.meter === undefined ? undefined : meters.get(node.circuit.meter)
    return meter ? [{ meter, at: 3 * node.index }] : []
  })
  const byId = new Map(all.map((model) => [model.id, model]))
  const truth = new Map<string, Sampler>()
  function conditionHolds(condition: Condition, atMs: number): boolean {
    const name = `${condition.device}.${condition.point}`
    let given = truth.get(name)
    if (!given) truth.set(name, (given = sampler(name)))
    return holds(condition, given.at(atMs) ?? points.get(condition.device)?.get(condition.point))
  }

  function flow(atMs: number): void {
    nodeW.fill(0)
    house(atMs, nodeW)
    for (const { model, places: possible } of places) {
      const place =
        possible.length === 1
          ? possible[0]
          : possible.find(({ when }) => when === undefined || conditionHolds(when, atMs))
      if (!place) continue
      const at = 3 * place.node
      nodeW[at]! += model.phaseW[0]!
      nodeW[at + 1]! += model.phaseW[1]!
      nodeW[at + 2]! += model.phaseW[2]!
    }
    for (let index = topology.nodes.length - 1; index >= 0; index--) {
      const parent = topology.nodes[index]!.parent
      if (parent < 0) continue
      for (let phase = 0; phase < 3; phase++) nodeW[3 * parent + phase]! += nodeW[3 * index + phase]!
    }
    for (const tie of site.ties) {
      if (!conditionHolds(tie.closed, atMs)) continue
      const [leader, follower] = tie.between.map((id) => topology.roots.get(id))
      if (leader === undefined || follower === undefined) continue
      // Through the tie, the first of the grids feeds both.
      for (let phase = 0; phase < 3; phase++) {
        nodeW[3 * leader + phase]! += nodeW[3 * follower + phase]!
        nodeW[3 * follower + phase] = 0
      }
    }
    for (const { meter, at } of metered) for (let phase = 0; phase < 3; phase++) meter.seesW[phase] = nodeW[at + phase]!
  }

  return {
    topology,
    nodeW,
    readings: new Map(all.map((model) => [model.id, model.readings])),
    batteries,
    pvs,
    chargers,
    loads,
    turnedAway,
    advance(atMs, dtS) {
      for (const model of all) model.advance(atMs, dtS)
      flow(atMs)
    },
    measure(atMs) {
      for (const model of all) model.measure(atMs)
    },
    age(nowMs) {
      for (const store of stores) store.age(nowMs)
    },
    holds: conditionHolds,
    command(deviceId, name, value) {
      byId.get(deviceId)?.command(name, value)
    },
  }
}
