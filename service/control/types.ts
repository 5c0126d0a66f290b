import type { LimitState, Reason } from '#contract/api.ts'
import type { ValueCurves } from '#contract/economics.ts'
import type { SafeSetpoint } from '#contract/setpoint.ts'
import type { Readings } from '../domain/measured.ts'

/** What a person or a program asks for through the API: a wish of the economic tier, until it expires. */
export interface Wish {
  readonly deviceId: string
  readonly command: string
  readonly value: number
  /** Wall clock. The runtime drops it on the monotonic clock; this is for the sentence. */
  readonly untilMs: number
  readonly principal: string
  readonly reason: string
}

/** Everything a step may depend on, besides the site and its own state. Plain data: what a capture records. */
export interface StepInput {
  /** Wall clock of the freeze: for tariffs and sentences only, never for durations. */
  readonly atMs: number
  /** Since the previous step, on the monotonic clock. */
  readonly elapsedS: number
  readonly readings: Readings
  readonly wishes: readonly Wish[]
  readonly plan: readonly ValueCurves[]
}

export interface Decision {
  readonly setpoint: SafeSetpoint
  /** Deciding rule first. */
  readonly reasons: readonly Reason[]
  /** Devices whose readings it rests on, itself included (S11). Sorted. */
  readonly dependsOn: readonly string[]
}

/** A limit that could not be met: by how much, and what that costs in the order of tiers. */
export interface Violation {
  /** Same as of the limit state, such as `main.fuse.l1`. */
  readonly limitId: string
  readonly tier: Reason['tier']
  /** In the unit of the limit, > 0. */
  readonly excess: number
  readonly text: string
}

export interface StepResult<State> {
  readonly state: State
  /** One per controlled command, sorted by device and command; none for what must be left alone. */
  readonly decisions: readonly Decision[]
  readonly limits: readonly LimitState[]
  readonly violations: readonly Violation[]
  /** Devices that are not controlled in this cycle and why, in words. */
  readonly leftAlone: readonly { readonly deviceId: string; readonly text: string }[]
}
