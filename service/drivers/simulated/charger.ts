import { hashUnit } from './noise.ts'
import { eachPhase, type ThreePhase, zeroPhases } from './phases.ts'

export interface ChargerParameters {
  readonly maxCurrentA: number
  /** Phases of the grid on its terminals, in their order. */
  readonly phases: readonly (keyof ThreePhase)[]
  /** A vehicle goes through its whole range of current within this time (IEC 61851 allows 5 s). */
  readonly responseS: number
  /** Without current between one and three phases, so that no vehicle is switched under load. */
  readonly switchS: number
}

/** A vehicle on the cable. */
export interface Vehicle {
  /** Phases its own charger can use. */
  readonly phases: 1 | 2 | 3
  readonly maxCurrentA: number
  /** Left to charge; 0 is a full battery. */
  readonly wantedWh: number
}

export interface ChargerState {
  readonly vehicle: Vehicle | undefined
  /** On each phase in use, A. */
  readonly currentA: number
  /** Contactors closed for one phase or for all. */
  readonly phases: 1 | 3
  /** Time left of a change of phases. */
  readonly switchingS: number
  readonly powerW: number
  readonly phaseA: ThreePhase
  readonly phaseW: ThreePhase
  readonly energyWh: number
  readonly sessionWh: number
}

const channel = { phases: 101, current: 102, energy: 103 }

/** One of four on one phase, half of them with up to 16 A, 10 to 70 kWh to go. */
export function seededVehicle(seed: number, number: number): Vehicle {
  return {
    phases: hashUnit(seed, channel.phases, number) < 0.25 ? 1 : 3,
    maxCurrentA: hashUnit(seed, channel.current, number) < 0.5 ? 16 : 32,
    wantedWh: 10_000 + 60_000 * hashUnit(seed, channel.energy, number),
  }
}

/** What the charger is told: the current it offers, and on how many phases. */
export interface ChargerInput {
  readonly limitA: number
  readonly phases: 1 | 3
}

/** A charger cannot offer less (IEC 61851-1, duty cycle of 10 %). */
export const lowestCurrentA = 6

/** IEC 61851: no vehicle, vehicle connected, vehicle charges. */
export const connectorStateOf = (state: ChargerState): 'A' | 'B' | 'C' =>
  state.vehicle === undefined ? 'A' : state.currentA > 0 ? 'C' : 'B'

export const idleCharger: ChargerState = {
  vehicle: undefined,
  currentA: 0,
  phases: 3,
  switchingS: 0,
  powerW: 0,
  phaseA: zeroPhases,
  phaseW: zeroPhases,
  energyWh: 0,
  sessionWh: 0,
}

export const plugIn = (state: ChargerState, vehicle: Vehicle | undefined): ChargerState => ({
  ...state,
  vehicle,
  sessionWh: vehicle === undefined || state.vehicle === undefined ? 0 : state.sessionWh,
})

/** One step of `dtS` seconds. The new current holds over the whole step. */
export function stepCharger(
  parameters: ChargerParameters,
  state: ChargerState,
  dtS: number,
  input: ChargerInput,
  voltageV: ThreePhase,
): ChargerState {
  const { vehicle } = state
  const terminals = parameters.phases
  const wantsSwitch = input.phases !== state.phases && terminals.length > 1
  const switchingS = wantsSwitch && state.switchingS === 0 ? parameters.switchS : Math.max(0, state.switchingS - dtS)
  const switches = wantsSwitch || switchingS > 0
  const offeredA = Math.min(input.limitA, parameters.maxCurrentA)
  const targetA =
    vehicle && vehicle.wantedWh > 0 && offeredA >= lowestCurrentA && !switches
      ? Math.min(offeredA, vehicle.maxCurrentA)
      : 0
  const slewA = (parameters.maxCurrentA / parameters.responseS) * dtS
  const currentA = vehicle ? follow(state.currentA, targetA, slewA) : 0
  // The contactors move without current only.
  const phases = wantsSwitch && currentA === 0 ? input.phases : state.phases
  const used = new Set(terminals.slice(0, vehicle ? Math.min(phases, vehicle.phases) : 0))
  const phaseA = eachPhase((phase) => (used.has(phase) ? currentA : 0))
  const phaseW = eachPhase((phase) => phaseA[phase] * voltageV[phase])
  const powerW = phaseW.l1 + phaseW.l2 + phaseW.l3
  const stepWh = (powerW * dtS) / 3600
  return {
    vehicle: vehicle && { ...vehicle, wantedWh: Math.max(0, vehicle.wantedWh - stepWh) },
    currentA,
    phases,
    switchingS: wantsSwitch && currentA > 0 ? parameters.switchS : switchingS,
    powerW,
    phaseA,
    phaseW,
    energyWh: state.energyWh + stepWh,
    sessionWh: state.sessionWh + stepWh,
  }
}

/** Nothing flows below the lowest current: a vehicle starts at it and stops from it. */
function follow(currentA: number, targetA: number, slewA: number): number {
  if (targetA === 0) return currentA - slewA < lowestCurrentA ? 0 : currentA - slewA
  if (currentA === 0) return Math.min(targetA, lowestCurrentA)
  return Math.abs(targetA - currentA) <= slewA ? targetA : currentA + Math.sign(targetA - currentA) * slewA
}
