import type { Flow, PerPhase, PowerFlow } from '#contract/api.ts'
import { type Phase, phases } from '#contract/metrics.ts'
import type { DeviceRole, SiteDevice } from '#contract/site-device.ts'
import { type Measured, measured, notMeasured, type Readings, sumOf, valueOf } from '../domain/measured.ts'

/** A reading is shown as fresh for three cycles, at least two seconds. */
export const shownFreshMs = (cycleMs: number): number => Math.max(3 * cycleMs, 2_000)

/** Powers of one grid that balance: grid + pv + battery = load, chargers and loads included. */
export interface GridFlows {
  readonly grid: PowerFlow['grid']
  readonly pv: Flow
  readonly battery: PowerFlow['battery']
  readonly load: Flow
  readonly chargers: Flow
}

/** A hybrid device has a metric under its subsystem (`battery.powerW`), a single-purpose device under its own name. */
const subsystems: Readonly<Partial<Record<DeviceRole, string>>> = { 'grid-meter': 'grid', pv: 'pv', battery: 'battery' }

/** What the devices of a grid measure, by role. For people and history; control has an image of its own. */
export function flowsOf(
  devices: readonly SiteDevice[],
  meterId: string | undefined,
  readings: Readings,
  cycleMs: number,
  atMs: number,
): GridFlows {
  const freshMs = shownFreshMs(cycleMs)
  const read = ({ id, role }: SiteDevice, metric: string): Measured => {
    const found = readings.get(id)
    const subsystem = subsystems[role]
    return measured(
      (subsystem === undefined ? undefined : found?.get(`${subsystem}.${metric}`)) ?? found?.get(metric),
      freshMs,
    )
  }
  const of = (role: DeviceRole): readonly SiteDevice[] => devices.filter((device) => device.role === role)
  const sumFor = (role: DeviceRole): Measured =>
    sumOf(of(role).map((device) => notNegative(read(device, 'powerW'), role)))
  const show = (value: Measured, parts: readonly SiteDevice[]): Flow => {
    const deviceIds = parts.map(({ id }) => id)
    if (value.ok) return { powerW: value.value, quality: 'good', deviceIds, atMs: atMs - value.ageMs }
    const seen = parts.some((part) => wasSeen(readings.get(part.id)))
    return { quality: seen ? 'stale' : 'bad', reason: value.reason, deviceIds }
  }

  const meter = devices.find(({ id, role }) => (meterId === undefined ? role === 'grid-meter' : id === meterId))
  const meterPower = meter ? meterPowerOf(meter, read) : notMeasured('this grid has no meter')
  const frequencyHz = meter && valueOf(read(meter, 'frequencyHz'))
  const batteries = of('battery')
  const batteryPower = batteries.length > 0 ? sumFor('battery') : notMeasured('the site has no battery')
  const socPercent = meanOf(batteries.map((battery) => valueOf(read(battery, 'socPercent'))))
  const pvPower = sumFor('pv')
  const parts = [meterPower, pvPower, ...(batteries.length > 0 ? [batteryPower] : [])]
  const consumers = [...(meter ? [meter] : []), ...of('pv'), ...batteries]
  return {
    grid: {
      ...show(meterPower, meter ? [meter] : []),
      currentA: meter ? perPhase(meter, (phase) => signedCurrent(meter, phase, read)) : {},
      voltageV: meter ? perPhase(meter, (phase) => read(meter, `voltageV.${phase}`)) : {},
      ...(frequencyHz !== undefined && { frequencyHz }),
    },
    pv: show(pvPower, of('pv')),
    battery: { ...show(batteryPower, batteries), ...(socPercent !== undefined && { socPercent }) },
    load: { ...show(sumOf(parts), consumers), deviceIds: [] },
    chargers: show(sumFor('charger'), of('charger')),
  }
}

type Read = (device: SiteDevice, metric: string) => Measured

function meterPowerOf(meter: SiteDevice, read: Read): Measured {
  const total = read(meter, 'powerW')
  if (total.ok) return total
  const sum = sumOf(phases.slice(0, meter.phases.length).map((phase) => read(meter, `powerW.${phase}`)))
  return sum.ok ? sum : total
}

/** The terminals of a device by the phases of the grid that they are connected to. */
function perPhase(device: SiteDevice, read: (terminal: Phase) => Measured): PerPhase {
  const result: Partial<Record<Phase, number>> = {}
  for (const [at, phase] of device.phases.entries()) {
    const value = valueOf(read(phases[at] ?? phase))
    if (value !== undefined) result[phase] = value
  }
  return result
}

/** > 0 import: the magnitude of the current with the sign of the power; the power alone when there is no current. */
function signedCurrent(meter: SiteDevice, phase: Phase, read: Read): Measured {
  const powerW = read(meter, `powerW.${phase}`)
  const currentA = read(meter, `currentA.${phase}`)
  const voltageV = read(meter, `voltageV.${phase}`)
  if (powerW.ok && currentA.ok)
    return { ...currentA, value: powerW.value < 0 ? -Math.abs(currentA.value) : Math.abs(currentA.value) }
  if (powerW.ok && voltageV.ok && voltageV.value > 0) return { ...powerW, value: powerW.value / voltageV.value }
  return currentA
}

/** An inverter at night draws a few watts; PV is never negative in the balance, the load bears it. */
const notNegative = (value: Measured, role: DeviceRole): Measured =>
  role === 'pv' && value.ok && value.value < 0 ? { ...value, value: 0 } : value

const wasSeen = (readings: ReturnType<Readings['get']>): boolean =>
  [...(readings?.values() ?? [])].some(({ quality, value }) => quality !== 'bad' && value !== undefined)

/** Undefined when one is unknown, or there is none. */
function meanOf(values: readonly (number | undefined)[]): number | undefined {
  if (values.length === 0) return undefined
  let sum = 0
  for (const value of values) {
    if (value === undefined) return undefined
    sum += value
  }
  return sum / values.length
}

/** The site as a whole, from its grids: a sum is known when all its parts are. */
export function siteFlows(grids: readonly GridFlows[]): GridFlows {
  const [only] = grids
  if (only && grids.length === 1) return only
  const socPercent = meanOf(
    grids.filter(({ battery }) => battery.deviceIds.length > 0).map(({ battery }) => battery.socPercent),
  )
  return {
    grid: { ...total(grids.map(({ grid }) => grid)), currentA: {}, voltageV: {} },
    pv: total(grids.map(({ pv }) => pv)),
    battery: {
      ...total(grids.map(({ battery }) => battery).filter(({ deviceIds }) => deviceIds.length > 0)),
      ...(socPercent !== undefined && { socPercent }),
    },
    load: total(grids.map(({ load }) => load)),
    chargers: total(grids.map(({ chargers }) => chargers)),
  }
}

function total(flows: readonly Flow[]): Flow {
  const deviceIds = flows.flatMap((flow) => flow.deviceIds)
  const unknown = flows.find(({ powerW }) => powerW === undefined)
  if (unknown || flows.length === 0)
    return { quality: unknown?.quality ?? 'bad', reason: unknown?.reason ?? 'there is none', deviceIds }
  const powerW = flows.reduce((sum, flow) => sum + (flow.powerW ?? 0), 0)
  const atMs = Math.min(...flows.map((flow) => flow.atMs ?? Infinity))
  return { powerW, quality: 'good', deviceIds, ...(Number.isFinite(atMs) && { atMs }) }
}
