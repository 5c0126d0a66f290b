import { type Phase, phases } from '#contract/metrics.ts'
import { islandOf, placeOf, staleAfterMs } from './island.ts'
import { type AgedReading, type Measured, type Readings, measured, notMeasured, sumOf, valueOf } from './measured.ts'
import { type SiteModel, phaseIndex } from './site-model.ts'

export type PerPhase = Readonly<Record<Phase, Measured>>

/** One grid by role: what people need to know about it, in our signs. What is not measured says why. */
export interface GridImage {
  /** The exchange of the grid connection, > 0 import. */
  readonly grid: {
    readonly powerW: Measured
    /** Signed like power. */
    readonly currentA: PerPhase
    readonly voltageV: PerPhase
    readonly frequencyHz: Measured
  }
  /** Undefined where the grid has no device of the role; the sum of all of them otherwise. */
  readonly pvW?: Measured
  /** > 0 discharge. */
  readonly batteryW?: Measured
  /** Mean of all batteries. */
  readonly socPercent?: Measured
  readonly chargersW?: Measured
  /** All consumption, chargers included: grid + pv + battery. */
  readonly loadW: Measured
  /** Devices behind each of the flows. */
  readonly deviceIds: Readonly<Record<'grid' | 'pv' | 'battery' | 'chargers', readonly string[]>>
}

type Read = (metric: string) => Measured

/**
 * Looks a metric up for a role: a hybrid device has it under its subsystem (`battery.powerW`), a single-purpose
 * device under its own name (`powerW`).
 */
function reader(points: ReadonlyMap<string, AgedReading> | undefined, subsystem: string, staleMs: number): Read {
  return (metric) => measured(points?.get(`${subsystem}.${metric}`) ?? points?.get(metric), staleMs)
}

/** Signed phase currents from the magnitude and the sign of the phase power; the power alone when there is no current. */
export function signedCurrent(powerW: Measured, currentA: Measured, voltageV: Measured, nominalV: number): Measured {
  if (powerW.ok && currentA.ok)
    return { ...currentA, value: powerW.value < 0 ? -Math.abs(currentA.value) : Math.abs(currentA.value) }
  if (powerW.ok) {
    const volt = voltageV.ok && voltageV.value > nominalV / 2 ? voltageV.value : nominalV
    return { ...powerW, value: powerW.value / volt }
  }
  // Without a direction the current is taken as import: the side on which the fuse usually blows.
  if (currentA.ok) return { ...currentA, value: Math.abs(currentA.value) }
  return currentA
}

/** The image of a grid with everything that hangs on it; of several joined by closed ties, each has its own. */
export function gridImage(model: SiteModel, gridId: string, readings: Readings): GridImage {
  const gridModel = model.grids[model.gridIndex.get(gridId) ?? -1]
  if (!gridModel) throw new RangeError(`the site has no grid ${gridId}`)
  const { grid, index, root, cycleMs } = gridModel
  const staleMs = staleAfterMs(cycleMs)
  const meter = model.devices[model.nodes[root]!.meter]
  const read = meter
    ? reader(readings.get(meter.config.id), 'grid', staleMs)
    : (): Measured => notMeasured('the grid connection has no meter')
  const mapPhases = (value: (terminal: Phase) => Measured): PerPhase => {
    const of = (phase: Phase): Measured => {
      const terminal = meter?.terminals.indexOf(phaseIndex[phase]) ?? -1
      return terminal < 0 ? notMeasured('not a phase of the meter') : value(phases[terminal]!)
    }
    return { l1: of('l1'), l2: of('l2'), l3: of('l3') }
  }
  const total = read('powerW')
  const here = model.devices.filter(({ index: device }) => {
    const node = placeOf(model, device, readings)
    return node !== undefined && model.nodes[node]!.gridIndex === index
  })
  const ofRole = (role: string, subsystem: string, metric: string): Measured[] =>
    here
      .filter(({ config }) => config.role === role)
      .map(({ config }) => reader(readings.get(config.id), subsystem, staleMs)(metric))
  const ids = (role: string): string[] =>
    here.filter(({ config }) => config.role === role).map(({ config }) => config.id)
  const pv = ofRole('pv', 'pv', 'powerW').map(notNegative)
  const battery = ofRole('battery', 'battery', 'powerW')
  const soc = ofRole('battery', 'battery', 'socPercent')
  const chargers = ofRole('charger', 'charger', 'powerW')
  const powerW = total.ok
    ? total
    : firstOk(sumOf(grid.phases.map((phase) => mapPhases((terminal) => read(`powerW.${terminal}`))[phase])), total)
  const pvW = pv.length > 0 ? sumOf(pv) : undefined
  const batteryW = battery.length > 0 ? sumOf(battery) : undefined
  const socSum = soc.length > 0 ? sumOf(soc) : undefined
  return {
    grid: {
      powerW,
      currentA: mapPhases((terminal) =>
        signedCurrent(
          read(`powerW.${terminal}`),
          read(`currentA.${terminal}`),
          read(`voltageV.${terminal}`),
          grid.nominalVoltageV,
        ),
      ),
      voltageV: mapPhases((terminal) => read(`voltageV.${terminal}`)),
      frequencyHz: read('frequencyHz'),
    },
    ...(pvW && { pvW }),
    ...(batteryW && { batteryW }),
    ...(socSum && { socPercent: socSum.ok ? { ...socSum, value: socSum.value / soc.length } : socSum }),
    ...(chargers.length > 0 && { chargersW: sumOf(chargers) }),
    loadW: sumOf([powerW, ...(pvW ? [pvW] : []), ...(batteryW ? [batteryW] : [])]),
    deviceIds: {
      grid: meter ? [meter.config.id] : [],
      pv: ids('pv'),
      battery: ids('battery'),
      chargers: ids('charger'),
    },
  }
}

const firstOk = (a: Measured, b: Measured): Measured => (a.ok ? a : b)

/** An inverter at night draws a few watts; PV is never negative in the balance, the building load bears it. */
const notNegative = (value: Measured): Measured => (value.ok && value.value < 0 ? { ...value, value: 0 } : value)

/** The grids that are one with this one now, itself included; of several, the first controls all. */
export function joinedGrids(model: SiteModel, gridId: string, readings: Readings): readonly string[] {
  const index = model.gridIndex.get(gridId)
  return index === undefined ? [] : islandOf(model, index, readings).grids.map((grid) => model.grids[grid]!.grid.id)
}

export function perPhaseValues(values: PerPhase): { l1?: number; l2?: number; l3?: number } {
  const result: { l1?: number; l2?: number; l3?: number } = {}
  for (const phase of phases) {
    const value = valueOf(values[phase])
    if (value !== undefined) result[phase] = value
  }
  return result
}
