import type { Site } from '#contract/site.ts'
import type { GridState } from '../../control/state.ts'
import { step } from '../../control/step.ts'
import type { StepInput, StepResult } from '../../control/types.ts'
import { compileSite, type SiteCommands, type SiteModel } from '../../domain/site-model.ts'

/** Judges what is measured now by the limits of another site, which decides nothing. */
export interface StrictWatch {
  /** Remembers what the newest step of a grid has seen. */
  observe(gridId: string, input: StepInput, result: StepResult<GridState>): void
  /** IDs of limits that are exceeded now; of the running limits without a site. */
  exceeded(strict: Site | undefined): readonly string[]
}

export function createStrictWatch(commands: SiteCommands): StrictWatch {
  const seen = new Map<string, { readonly input: StepInput; readonly result: StepResult<GridState> }>()
  let compiled: { readonly site: Site; readonly model: SiteModel } | undefined

  return {
    observe: (gridId, input, result) => void seen.set(gridId, { input, result }),
    exceeded(strict) {
      if (strict && compiled?.site !== strict) compiled = { site: strict, model: compileSite(strict, commands) }
      const model = strict && compiled?.model
      const limits = [...seen].flatMap(([gridId, { input, result }]) =>
        model ? step(model, gridId, result.state, input).limits : result.limits,
      )
      return limits.flatMap(({ id, violated }) => (violated ? [id] : []))
    },
  }
}
