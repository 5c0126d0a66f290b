import { type Phase, phases } from '#contract/metrics.ts'
import type { Site } from '#contract/site.ts'
import { type AgedReading, type Measured, measured, notMeasured, sumOf, valueOf } from './measured.ts'

/** The frozen process image of a cycle: newest readings of every device with their ages. */
export interface ProcessImage {
  /** Wall clock of the freeze, for timestamps only. */
  readonly atMs: number
  readonly devices: ReadonlyMap<string, ReadonlyMap<string, AgedReading>>
}

export type PerPhase = Readonly<Record<Phase, Measured>>

/** The image by role: what control needs to know about the site, in our signs. */
export interface SiteImage {
  readonly atMs: number
  readonly grid: {
    readonly powerW: Measured
    /** Signed like power: > 0 import. */
    readonly currentA: PerPhase
    readonly voltageV: PerPhase
    readonly frequencyHz: Measured
  }
  readonly pvW: Measured
  readonly battery?: BatteryImage
}

export interface BatteryImage {
  readonly deviceId: string
  readonly powerW: Measured
  readonly socPercent: Measured
  /** What the device holds as its setpoint now, > 0 discharge. */
  readonly setpointW: Measured
  /** Limits the device reports for itself, where it does. */
  readonly chargeLimitW: Measured
  readonly dischargeLimitW: Measured
}

/** A reading counts as fresh for three cycles, at least two seconds. */
export const staleAfterMs = (cycleMs: number): number => Math.max(3 * cycleMs, 2_000)

const mapPhases = (read: (phase: Phase) => Measured): PerPhase => ({ l1: read('l1'), l2: read('l2'), l3: read('l3') })

/**
 * Looks a metric up for a role: a hybrid device has it under its subsystem (`battery.powerW`), a single-purpose
 * device under its own name (`powerW`).
 */
function reader(image: ProcessImage, deviceId: string, subsystem: string, staleMs: number) {
  const readings = image.devices.get(deviceId)
  return (metric: string): Measured =>
    measured(readings?.get(`${subsystem}.${metric}`) ?? readings?.get(metric), staleMs)
}

/** Signed phase currents from the magnitude and the sign of the phase power; the power alone when there is no current. */
function signedCurrent(powerW: Measured, currentA: Measured, voltageV: Measured): Measured {
  if (powerW.ok && currentA.ok)
    return { ...currentA, value: powerW.value < 0 ? -Math.abs(currentA.value) : Math.abs(currentA.value) }
  if (powerW.ok && voltageV.ok && voltageV.value > 0) return { ...powerW, value: powerW.value / voltageV.value }
  // Without a direction the current is taken as import: the side on which the fuse usually blows.
  if (currentA.ok) return { ...currentA, value: Math.abs(currentA.value) }
  return currentA
}

export function siteImage(site: Site, image: ProcessImage): SiteImage {
  const staleMs = staleAfterMs(site.cycleMs)
  const meter = site.devices.find((device) => device.role === 'grid-meter')
  const battery = site.devices.find((device) => device.role === 'battery')
  const pv = site.devices.filter((device) => device.role === 'pv')
  const grid = meter ? reader(image, meter.id, 'grid', staleMs) : () => notMeasured('the site has no grid meter')
  const phasePower = mapPhases((phase) => grid(`powerW.${phase}`))
  const voltageV = mapPhases((phase) => grid(`voltageV.${phase}`))
  const total = grid('powerW')
  return {
    atMs: image.atMs,
    grid: {
      powerW: total.ok ? total : meter ? firstOk(sumOf(phases.map((phase) => phasePower[phase])), total) : total,
      currentA: mapPhases((phase) => signedCurrent(phasePower[phase], grid(`currentA.${phase}`), voltageV[phase])),
      voltageV,
      frequencyHz: grid('frequencyHz'),
    },
    pvW: sumOf(pv.map((device) => notNegative(reader(image, device.id, 'pv', staleMs)('powerW')))),
    ...(battery && { battery: batteryImage(battery.id, reader(image, battery.id, 'battery', staleMs)) }),
  }
}

function batteryImage(deviceId: string, read: (metric: string) => Measured): BatteryImage {
  return {
    deviceId,
    powerW: read('powerW'),
    socPercent: read('socPercent'),
    setpointW: read('setpointW'),
    chargeLimitW: read('chargeLimitW'),
    dischargeLimitW: read('dischargeLimitW'),
  }
}

const firstOk = (a: Measured, b: Measured): Measured => (a.ok ? a : b)

/** An inverter at night draws a few watts; PV is never negative in the balance, the building load bears it. */
const notNegative = (value: Measured): Measured => (value.ok && value.value < 0 ? { ...value, value: 0 } : value)

/** grid + pv + battery = load. The one place where this is computed. */
export function loadOf(image: SiteImage): Measured {
  return sumOf([image.grid.powerW, image.pvW, ...(image.battery ? [image.battery.powerW] : [])])
}

export function perPhaseValues(values: PerPhase): { l1?: number; l2?: number; l3?: number } {
  const result: { l1?: number; l2?: number; l3?: number } = {}
  for (const phase of phases) {
    const value = valueOf(values[phase])
    if (value !== undefined) result[phase] = value
  }
  return result
}
