import type { Site } from '#contract/site.ts'
import type { SiteDevice } from '#contract/site-device.ts'
import type { CaptureStep } from '../capture/format.ts'
import { createStepDecoder } from '../capture/decode.ts'
import type { Readings } from '../domain/measured.ts'
import { conditionPoints } from './conditions.ts'
import type { Inputs, Series, Session } from './series.ts'
import { phaseIndex, phaseOf, topologyOf } from './topology.ts'

/** Gathers from a capture what control could not influence: loads, sun, vehicles, signals. */
export interface InputGatherer {
  add(step: CaptureStep): void
  /** A stretch of the capture has ended; the next begins with everything. */
  restart(): void
  inputs(): Inputs
  socPercent(): number | undefined
}

/** A load that moved less is still the same. */
const deadbandW = 5
const deepestWh = 500

interface Growing {
  readonly atMs: number[]
  readonly values: number[]
}

interface Stay {
  fromMs: number
  toMs: number
  energyWh: number
  phases: number
  /** Largest current below what was offered: the vehicle's own limit. */
  ownLimitA: number | undefined
}

export function createInputGatherer(site: Site): InputGatherer {
  const topology = topologyOf(site)
  const devices = site.devices.map((device) => ({ device, node: topology.places(device)[0]?.node ?? 0 }))
  const metered = topology.nodes.filter(({ circuit }) => circuit.meter !== undefined)
  /** The nearest circuit with a meter, upwards. */
  const region = topology.nodes.map(
    ({ index }) => topology.path(index).find((at) => topology.nodes[at]?.circuit.meter !== undefined) ?? -1,
  )
  const points = conditionPoints(site)
  const series = new Map<string, Growing>()
  const stays = new Map<string, Stay[]>()
  const open = new Map<string, Stay>()
  let decoders = new Map<string, ReturnType<typeof createStepDecoder>>()
  let soc: number | undefined

  function put(name: string, atMs: number, value: number, deadband: number): void {
    let entry = series.get(name)
    if (!entry) series.set(name, (entry = { atMs: [], values: [] }))
    const last = entry.values.at(-1)
    if (last !== undefined && Math.abs(last - value) <= deadband) return
    if ((entry.atMs.at(-1) ?? -1) >= atMs) return
    entry.atMs.push(atMs)
    entry.values.push(value)
  }

  function loads(atMs: number, readings: Readings): void {
    const baseW = new Float64Array(3 * topology.nodes.length)
    const known = topology.nodes.map(() => true)
    for (const { index, circuit } of metered) {
      const meter = site.devices.find(({ id }) => id === circuit.meter)
      const seesW = meter && phaseW(meter, readings, 1)
      if (!seesW) {
        known[index] = false
        continue
      }
      const above = region[topology.nodes[index]?.parent ?? -1] ?? -1
      for (let phase = 0; phase < 3; phase++) {
        baseW[3 * index + phase]! += seesW[phase]!
        if (above >= 0) baseW[3 * above + phase]! -= seesW[phase]!
      }
    }
    for (const { device, node } of devices) {
      const sign = consumption[device.role]
      const at = region[node] ?? -1
      if (sign === undefined || at < 0) continue
      const drawsW = phaseW(device, readings, sign)
      if (drawsW) for (let phase = 0; phase < 3; phase++) baseW[3 * at + phase]! -= drawsW[phase]!
      else known[at] = false
    }
    for (const { index, circuit, grid } of metered) {
      if (!known[index]) continue
      for (const phase of grid.phases)
        put(`${circuit.id}.loadW.${phase}`, atMs, baseW[3 * index + phaseIndex[phase]]!, deadbandW)
    }
  }

  function vehicle(device: SiteDevice, atMs: number, elapsedS: number, readings: Readings): void {
    const powerW = numberOf(readings, device.id, 'powerW')
    const plugged = numberOf(readings, device.id, 'plugged') ?? (powerW === undefined ? undefined : Number(powerW > 0))
    if (plugged === undefined) return
    let stay = open.get(device.id)
    if (plugged === 0) {
      open.delete(device.id)
      return
    }
    if (!stay) {
      stay = { fromMs: atMs, toMs: atMs, energyWh: 0, phases: 0, ownLimitA: undefined }
      open.set(device.id, stay)
      stays.set(device.id, [...(stays.get(device.id) ?? []), stay])
    }
    stay.toMs = atMs + elapsedS * 1000
    stay.energyWh += ((powerW ?? 0) * elapsedS) / 3600
    const amps = [1, 2, 3].map((terminal) => numberOf(readings, device.id, `currentA.l${terminal}`) ?? 0)
    stay.phases = Math.max(stay.phases, amps.filter((value) => value > 0.5).length)
    const offeredA = numberOf(readings, device.id, 'setpointA') ?? 0
    const drawnA = Math.max(...amps)
    if (drawnA > 5 && drawnA < offeredA - 1) stay.ownLimitA = Math.max(stay.ownLimitA ?? 0, drawnA)
  }

  return {
    restart() {
      decoders = new Map()
    },
    add(step) {
      let decoder = decoders.get(step.g)
      if (!decoder) decoders.set(step.g, (decoder = createStepDecoder()))
      const { atMs, elapsedS, readings } = decoder.decode(step)
      if (step.g !== site.grids[0]?.id && readings.size === 0) return
      loads(atMs, readings)
      for (const device of site.devices) {
        if (device.role === 'pv') {
          const powerW = numberOf(readings, device.id, 'powerW')
          if (powerW !== undefined) put(`${device.id}.powerW`, atMs, Math.max(0, powerW), deadbandW)
        } else if (device.role === 'charger') vehicle(device, atMs, elapsedS, readings)
        else if (device.role === 'battery') soc ??= numberOf(readings, device.id, 'socPercent')
        for (const point of points.get(device.id)?.keys() ?? []) {
          const value = numberOf(readings, device.id, point)
          if (value !== undefined) put(`${device.id}.${point}`, atMs, value, 0)
        }
      }
    },
    socPercent: () => soc,
    inputs: () => ({
      series: new Map([...series].map(([name, entry]) => [name, frozen(entry)])),
      sessions: [...stays].flatMap(([charger, list]) => list.map((stay) => sessionOf(charger, stay))),
    }),
  }
}

const consumption: Readonly<Partial<Record<SiteDevice['role'], 1 | -1>>> = { pv: -1, battery: -1, charger: 1, load: 1 }

function numberOf(readings: Readings, deviceId: string, point: string): number | undefined {
  const reading = readings.get(deviceId)?.get(point)
  return reading?.quality === 'good' && typeof reading.value === 'number' ? reading.value : undefined
}

/** What a device draws from each phase of the grid; undefined when it is not measured. */
function phaseW(device: SiteDevice, readings: Readings, sign: 1 | -1): Float64Array | undefined {
  const total = numberOf(readings, device.id, 'powerW')
  if (total === undefined) return undefined
  const terminals = device.phases.length
  const powers = device.phases.map((_phase, at) => numberOf(readings, device.id, `powerW.${phaseOf(at)}`))
  const amps = device.phases.map((_phase, at) => numberOf(readings, device.id, `currentA.${phaseOf(at)}`))
  const sumA = amps.reduce<number>((sum, value) => sum + (value ?? 0), 0)
  const result = new Float64Array(3)
  for (const [at, phase] of device.phases.entries()) {
    const byCurrent = sumA > 0 && device.role === 'charger' ? (total * (amps[at] ?? 0)) / sumA : total / terminals
    result[phaseIndex[phase]] = sign * (powers[at] ?? byCurrent)
  }
  return result
}

const frozen = ({ atMs, values }: Growing): Series => ({
  atMs: Float64Array.from(atMs),
  values: Float64Array.from(values),
})

const sessionOf = (charger: string, { fromMs, toMs, energyWh, phases, ownLimitA }: Stay): Session => ({
  charger,
  fromMs,
  toMs,
  wantedWh: Math.max(energyWh, energyWh > 0 ? deepestWh : 0),
  phases: phases === 1 ? 1 : phases === 2 ? 2 : 3,
  maxCurrentA: Math.max(6, ownLimitA ?? 32),
})
