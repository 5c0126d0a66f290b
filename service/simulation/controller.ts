import type { Site } from '#contract/site.ts'
import type { GridState } from '../control/state.ts'
import { initialState, step } from '../control/step.ts'
import type { StepInput, StepResult } from '../control/types.ts'
import { compileSite, type SiteCommands } from '../domain/site-model.ts'

/** What decides: the control of this package, or another one to compare it with. State is plain data. */
export interface Controller {
  initialState(gridId: string): unknown
  step(gridId: string, state: unknown, input: StepInput): StepResult<unknown>
}

/** `commands` are those the maps declare; without them every device has what its settings need. */
export function createController(site: Site, commands?: SiteCommands): Controller {
  const model = compileSite(site, commands)
  return {
    initialState: (gridId) => initialState(model, gridId),
    // A state is only ever one that this control has returned.
    step: (gridId, state, input) => step(model, gridId, state as GridState, input),
  }
}
