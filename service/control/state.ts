import type { SiteModel } from '../domain/site-model.ts'

/** What is remembered of one device between cycles. Absent fields are not known yet. */
export interface DeviceState {
  /** Last setpoint that was decided, or found in the device (S7): A of chargers, W of loads, batteries (> 0 discharge) and PV. */
  readonly last: number
  /** Phases it was told to charge on. */
  readonly phases?: 1 | 3
  /** Grid's phases that its vehicle was seen to use, as bits. */
  readonly usedPhases?: number
  /** Since it was switched on or off, whichever it is now; a device found at the start counts as long in its state. */
  readonly sinceS: number
  /** How long there has been room for a rise without interruption; absent while there is none. */
  readonly riseS?: number
  /** How long it has wanted to run and has not been let. */
  readonly waitS?: number
  /** How long it has been offered a current that its vehicle does not take. */
  readonly idleS?: number
  /** How long it has taken noticeably more than it was told. */
  readonly overS?: number
  /** Since its phases were switched. */
  readonly switchedS?: number
  /** Discharge is held because the reserve was reached; released one percent above it. */
  readonly atFloor?: true
  readonly atCeiling?: true
  /** PV: what it gave when it was not curtailed, W. */
  readonly availableW?: number
  /** PV: since its limit fell, while it may still be on its way there. */
  readonly fellS?: number
  /** PV: the limit in the cycle before, W: what it gives now it gives under the lower of both. */
  readonly underW?: number
}

/** The running quarter of an hour, for the 15-minute mean. */
export interface QuarterState {
  /** Number of the quarter since 1970. */
  readonly index: number
  readonly importWh: number
}

/** What a meter last showed that was new, and what the devices behind it took then. */
export interface MeterState {
  /** Per phase of the grid. */
  readonly ampere: readonly number[]
  readonly watt: number
  readonly devicesA: readonly number[]
  readonly devicesW: number
  /** How many of them were measured. */
  readonly devices: number
}

/** What the control of a grid remembers between cycles. Plain JSON, so that it can be stored and replayed. */
export interface GridState {
  /** By device. */
  readonly devices: Readonly<Record<string, DeviceState>>
  /** Circuits that have been measured since the start; before, nothing rises below them (S7). */
  readonly measured: readonly string[]
  /** By circuit. */
  readonly meters?: Readonly<Record<string, MeterState>>
  readonly quarter?: QuarterState
}

/** Before the first cycle of a grid. */
export function initialState(model: SiteModel, gridId: string): GridState {
  if (!model.gridIndex.has(gridId)) throw new RangeError(`the site has no grid ${gridId}`)
  return { devices: {}, measured: [] }
}
