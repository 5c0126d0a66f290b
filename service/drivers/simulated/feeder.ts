import { eachPhase, sumPhases, type ThreePhase, zeroPhases } from './phases.ts'
import type { GridState, PlantState } from './plant-model.ts'

/** What a meter in front of one of several equal shares of the chargers sees; `feeder` counts from 1. */
export function feederState(state: PlantState, feeder: number, feeders: number): GridState {
  const share = state.chargers.length / feeders
  const members = state.chargers.slice(Math.round((feeder - 1) * share), Math.round(feeder * share))
  const phaseW: ThreePhase = eachPhase((phase) => members.reduce((sum, charger) => sum + charger.phaseW[phase], 0))
  return {
    phaseW,
    phaseVar: zeroPhases,
    powerW: sumPhases(phaseW),
    voltageV: state.grid.voltageV,
    currentA: eachPhase((phase) => members.reduce((sum, charger) => sum + charger.phaseA[phase], 0)),
    frequencyHz: state.grid.frequencyHz,
    importWh: members.reduce((sum, { energyWh }) => sum + energyWh, 0),
    exportWh: 0,
  }
}
