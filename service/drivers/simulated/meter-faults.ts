import type { Fault } from './faults.ts'
import { eachPhase, sumPhases, type ThreePhase } from './phases.ts'
import type { GridState } from './plant-model.ts'

const before = { l1: 'l3', l2: 'l1', l3: 'l2' } as const

/** What a meter makes of the truth when its current transformers are built in or set up wrongly. Voltages stay as they are. */
export function wronglyMetered(state: GridState, fault: Fault): GridState {
  switch (fault.fault) {
    case 'ct-reversed': {
      const sign = eachPhase((phase) => (fault.phase === undefined || fault.phase === phase ? -1 : 1))
      return counted(
        state,
        eachPhase((phase) => state.phaseW[phase] * sign[phase]),
      )
    }
    case 'phases-rotated':
      return {
        ...counted(
          state,
          eachPhase((phase) => state.phaseW[before[phase]]),
        ),
        currentA: eachPhase((phase) => state.currentA[before[phase]]),
        phaseVar: eachPhase((phase) => state.phaseVar[before[phase]]),
      }
    case 'ct-ratio':
      return {
        ...counted(
          state,
          eachPhase((phase) => state.phaseW[phase] * fault.factor),
        ),
        currentA: eachPhase((phase) => state.currentA[phase] * fault.factor),
        phaseVar: eachPhase((phase) => state.phaseVar[phase] * fault.factor),
      }
    default:
      return state
  }
}

const counted = (state: GridState, phaseW: ThreePhase): GridState => ({ ...state, phaseW, powerW: sumPhases(phaseW) })
