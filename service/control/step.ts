import type { SiteModel } from '../domain/site-model.ts'
import type { GridState } from './state.ts'
import type { StepInput, StepResult } from './types.ts'

export { initialState } from './state.ts'

/**
 * One control step of one grid: pure and deterministic. Physical limits, then safety, then economics; a lower tier never overrides
 * a higher one, and there is always an answer. A grid that follows another through a closed tie decides nothing.
 */
export function step(model: SiteModel, gridId: string, state: GridState, input: StepInput): StepResult<GridState> {
  if (!model.gridIndex.has(gridId) || input.elapsedS < 0) throw new RangeError(`no step for grid ${gridId}`)
  return { state, decisions: [], limits: [], violations: [], leftAlone: [] }
}
