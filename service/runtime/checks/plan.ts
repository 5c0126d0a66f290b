import type { Check, CheckMeasure, CheckReason, HeadroomRow, PlannedWrite } from '#contract/checks.ts'
import type { ProofTarget } from '#contract/verification.ts'
import type { Obstacle } from './desk.ts'
import type { Session } from './session.ts'

/** A check of this site: what never changes about it. */
export interface CheckPlan extends Pick<
  Check,
  'id' | 'kind' | 'group' | 'title' | 'subjectId' | 'subjectName' | 'command' | 'writes'
> {
  /** What it would do now. Reads nothing from any device. `value` is what a person chose to be tested. */
  prepare(value?: number): Prepared
}

/** A check as it would run now, or why it cannot. */
export interface Prepared {
  readonly byDevice?: { readonly id: string; readonly name: string }
  readonly reason: CheckReason
  readonly expects: readonly CheckMeasure[]
  readonly planned: readonly PlannedWrite[]
  readonly headroom: readonly HeadroomRow[]
  readonly durationS: number
  /** Devices whose maps the result rests on. */
  readonly devices: readonly string[]
  /** What a person may mark as verified once it has passed. */
  readonly proves?: readonly ProofTarget[]
  /** Absent while it cannot run. What it measures goes to the session; what it throws ends the check. */
  run?(session: Session): Promise<void>
}

export const ready: CheckReason = { code: 'none', text: '' }

/** A check that cannot run now. */
export const cannot = (
  { code, text }: Obstacle,
  expects: readonly CheckMeasure[],
  rest: Partial<Prepared> = {},
): Prepared => ({
  planned: [],
  headroom: [],
  durationS: 0,
  devices: [],
  ...rest,
  reason: { code, text: text.slice(0, 400) },
  expects,
})
