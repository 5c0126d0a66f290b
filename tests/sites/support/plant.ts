import type { Circuit, Grid, Site } from '#contract/site.ts'
import type { SiteDevice } from '#contract/site-device.ts'
import { type Phase, phases } from '#contract/metrics.ts'
import type { AgedReading } from '../../../service/domain/measured.ts'

/**
 * What the devices of a site do, by plain physics: unity power factor, nominal voltage, and devices that do at once what
 * they are told. It shares nothing with control, so that a mistake there is not repeated here.
 */
export interface PlantDevice {
  /** Battery > 0 discharge, PV >= 0 generation, load >= 0. */
  powerW?: number | undefined
  /** What the sun would give, PV only. */
  availableW?: number | undefined
  socPercent?: number | undefined
  temperatureC?: number | undefined
  chargeLimitW?: number | undefined
  dischargeLimitW?: number | undefined
  /** Charger: the current it offers, and the phases it was told to use. */
  setpointA?: number | undefined
  phases?: number | undefined
  plugged?: boolean | undefined
  /** What the vehicle takes at most, per phase, and on how many phases. */
  carA?: number | undefined
  carPhases?: number | undefined
  setpointW?: number | undefined
  /** What a load would take if it were let. */
  wantsW?: number | undefined
  /** Further points as they are read. */
  points?: Readonly<Record<string, number | string>> | undefined
}

export interface PlantState {
  /** Current of everything that is no device, per circuit and phase in A. */
  readonly house: Record<string, readonly [number, number, number]>
  readonly devices: Record<string, PlantDevice>
}

export type PerPhase = Record<Phase, number>
export const zero = (): PerPhase => ({ l1: 0, l2: 0, l3: 0 })

/** The current below which no vehicle charges (IEC 61851). */
const lowestA = 6

/** Consumption of a device at each of its terminals, in W; negative when it feeds in. */
export function terminalW(device: SiteDevice, now: PlantDevice, voltageV: number): number[] {
  const terminals = device.phases.length
  if (device.role === 'charger') {
    const used = Math.min(terminals, now.phases ?? terminals, now.carPhases ?? terminals)
    const offered = now.plugged === false ? 0 : (now.setpointA ?? 0)
    const taken = offered >= lowestA ? Math.min(offered, now.carA ?? Infinity) : 0
    return device.phases.map((_, at) => (at < used ? taken * voltageV : 0))
  }
  const sign = device.role === 'load' ? 1 : device.role === 'battery' || device.role === 'pv' ? -1 : 0
  return device.phases.map(() => (sign * (now.powerW ?? 0)) / terminals)
}

/** The same on the phases of the grid. */
export function consumptionW(device: SiteDevice, now: PlantDevice, voltageV: number): PerPhase {
  const result = zero()
  for (const [at, watt] of terminalW(device, now, voltageV).entries()) result[device.phases[at]!] += watt
  return result
}

/** Circuits at which a device hangs; several when its place depends on a condition. */
export function circuitsOf(site: Site, device: SiteDevice): readonly string[] {
  if (typeof device.circuit === 'string') return [device.circuit]
  if (device.circuit) return device.circuit.map(({ circuit }) => circuit)
  return [site.grids[0]!.connection.id]
}

export function* circuitsBelow(circuit: Circuit): Generator<Circuit> {
  yield circuit
  for (const child of circuit.circuits ?? []) yield* circuitsBelow(child)
}

export interface CircuitFlow {
  readonly grid: Grid
  readonly circuit: Circuit
  /** > 0 import. */
  readonly powerW: PerPhase
}

/** Power through every circuit of a site, from its house load and all devices below. `placed` says where shared devices are. */
export function circuitFlows(
  site: Site,
  state: PlantState,
  placed: Readonly<Record<string, string>> = {},
): Map<string, CircuitFlow> {
  const flows = new Map<string, CircuitFlow>()
  for (const grid of site.grids) visit(grid, grid.connection)
  return flows

  function visit(grid: Grid, circuit: Circuit): PerPhase {
    const powerW = zero()
    const house = state.house[circuit.id]
    for (const [at, phase] of phases.entries()) powerW[phase] += (house?.[at] ?? 0) * grid.nominalVoltageV
    for (const device of site.devices) {
      if ((placed[device.id] ?? circuitsOf(site, device)[0]) !== circuit.id) continue
      const own = consumptionW(device, state.devices[device.id] ?? {}, grid.nominalVoltageV)
      for (const phase of phases) powerW[phase] += own[phase]
    }
    for (const child of circuit.circuits ?? []) {
      const below = visit(grid, child)
      for (const phase of phases) powerW[phase] += below[phase]
    }
    flows.set(circuit.id, { grid, circuit, powerW })
    return powerW
  }
}

/** What all devices would answer if they were read now. */
export function plantReadings(
  site: Site,
  state: PlantState,
  atMs: number,
  placed: Readonly<Record<string, string>> = {},
): Map<string, Map<string, AgedReading>> {
  const flows = circuitFlows(site, state, placed)
  const result = new Map<string, Map<string, AgedReading>>()
  for (const device of site.devices) {
    const points = new Map<string, AgedReading>()
    result.set(device.id, points)
    const put = (name: string, value: number | string | undefined) => {
      if (value !== undefined) points.set(name, { value, quality: 'good', atMs, ageMs: 0 })
    }
    const now = state.devices[device.id] ?? {}
    const flow =
      [...flows.values()].find(({ circuit }) => circuit.meter === device.id) ??
      flows.get(placed[device.id] ?? circuitsOf(site, device)[0]!)
    const voltageV = flow?.grid.nominalVoltageV ?? 230
    const isMeter = device.role === 'grid-meter' || device.role === 'meter'
    const measuredW = isMeter
      ? device.phases.map((phase) => flow?.powerW[phase] ?? 0)
      : terminalW(device, now, voltageV).map((watt) =>
          device.role === 'battery' || device.role === 'pv' ? -watt : watt,
        )
    if (isMeter || device.role === 'charger') {
      for (const [at, watt] of measuredW.entries()) {
        put(`powerW.${phases[at]!}`, watt)
        put(`currentA.${phases[at]!}`, Math.abs(watt) / voltageV)
        put(`voltageV.${phases[at]!}`, voltageV)
      }
    }
    if (isMeter || ['charger', 'load', 'battery', 'pv'].includes(device.role))
      put(
        'powerW',
        measuredW.reduce((sum, watt) => sum + watt, 0),
      )
    if (device.role === 'charger') {
      const charging = measuredW.some((watt) => watt > 0)
      const plugged = now.plugged !== false
      put('plugged', plugged ? 1 : 0)
      put('charging', charging ? 1 : 0)
      put('connectorState', plugged ? (charging ? 'C' : 'B') : 'A')
      put('setpointA', now.setpointA ?? 0)
      put('phases', now.phases)
    }
    if (device.role === 'load') put('on', (now.powerW ?? 0) > 0 ? 1 : 0)
    if (device.role === 'load' || device.role === 'battery') put('setpointW', now.setpointW ?? now.powerW ?? 0)
    put('socPercent', now.socPercent)
    put('temperatureC', now.temperatureC)
    put('chargeLimitW', now.chargeLimitW)
    put('dischargeLimitW', now.dischargeLimitW)
    for (const [name, value] of Object.entries(now.points ?? {})) put(name, value)
  }
  return result
}

/** Devices do what they are told: the state after one setpoint. */
export function follow(device: SiteDevice, now: PlantDevice, command: string, value: number): PlantDevice {
  switch (`${device.role}.${command}`) {
    case 'charger.setCurrentA':
      return { ...now, setpointA: value }
    case 'charger.setPhases':
      return { ...now, phases: value }
    case 'battery.setPowerW':
      return { ...now, setpointW: value, powerW: value }
    case 'load.limitPowerW':
    case 'load.setPowerW':
      return { ...now, setpointW: value, powerW: Math.min(value, now.wantsW ?? Infinity) }
    case 'load.switchOn': {
      const on = Math.min(device.load?.maxW ?? 0, now.wantsW ?? Infinity)
      return { ...now, powerW: value === 0 ? 0 : on, setpointW: value === 0 ? 0 : (device.load?.maxW ?? 0) }
    }
    case 'pv.limitPowerW':
      return { ...now, setpointW: value, powerW: Math.min(now.availableW ?? now.powerW ?? 0, value) }
    case 'pv.limitPowerPercent': {
      const limitW = (value / 100) * (device.pv?.ratedPowerW ?? 0)
      const points = { ...now.points, setpointPercent: value }
      return { ...now, points, setpointW: limitW, powerW: Math.min(now.availableW ?? now.powerW ?? 0, limitW) }
    }
    default:
      throw new Error(`the plant knows no command ${command} of a ${device.role}`)
  }
}
