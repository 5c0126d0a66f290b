import type { CheckMeasure, CheckReasonCode, CheckTrace, CheckWrite, MeasureKey, TraceLane } from '#contract/checks.ts'
import type { CommandName } from '#contract/point-map.ts'
import type { Sample } from '../../commissioning/checks/samples.ts'
import type { Clock } from '../../domain/clock.ts'
import type { SiteModel } from '../../domain/site-model.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'

/** Ends a check early, with the reason that it is kept with. */
export class CheckEnd extends Error {
  readonly code: CheckReasonCode

  constructor(code: CheckReasonCode, text: string, options?: ErrorOptions) {
    super(text, options)
    this.name = 'CheckEnd'
    this.code = code
  }
}

/** How long things take, in ms. Tests on a fast plant use shorter times. */
export interface CheckTiming {
  /** Between two readings of a lane; a slow line is asked less often. */
  readonly sampleMs: number
  /** A level is at least so old before it counts, and at most. */
  readonly settleMs: number
  readonly longestSettleMs: number
  /** What counts of a level, once it has settled. */
  readonly averageMs: number
  /** How long a step is watched. */
  readonly stepMs: number
  /** On top of the time after which a device has to fall back. */
  readonly fallbackMarginMs: number
  /** How long automatic control is watched while it holds a limit. */
  readonly holdMs: number
  /** A device that is silent for so long ends the check. */
  readonly silentMs: number
  /** How long the way back is tried. */
  readonly restoreMs: number
  /** A check that writes ends when nobody has said for so long that he still watches. */
  readonly watchedMs: number
}

export const usualTiming: CheckTiming = {
  sampleMs: 100,
  settleMs: 2_000,
  longestSettleMs: 20_000,
  averageMs: 3_000,
  stepMs: 12_000,
  fallbackMarginMs: 5_000,
  holdMs: 60_000,
  silentMs: 10_000,
  restoreMs: 10_000,
  watchedMs: 30_000,
}

export interface WantedLane {
  readonly key: TraceLane['key']
  readonly point: string
}

export interface Lane {
  readonly samples: readonly Sample[]
  stop(): void
}

/** A device that a check has borrowed from automatic control, with the one command that it uses. */
export interface Hand {
  readonly entry: SiteDeviceEntry
  readonly command: CommandName
  /** The setpoint that it showed before. */
  readonly before: number | undefined
  /**
   * Tells it a value and keeps renewing that. Resolves to the time at which it went out, ms of the trace. Ends the check when it is
   * not taken.
   */
  tell(value: number): Promise<number>
  /** Renews no more. */
  letGo(): void
  /** Says and asks nothing at all until the returned function is called. */
  silence(): () => void
  /** The setpoint that it shows now, if it can be read. */
  readBack(): Promise<number | undefined>
  /** Whether it shows that nobody commands it; undefined where that cannot be seen. */
  released(): Promise<boolean | undefined>
}

/** What the procedure of a check works with. Everything ends when `signal` is aborted. */
export interface Session {
  readonly clock: Clock
  readonly timing: CheckTiming
  readonly signal: AbortSignal
  /** How long read-only checks look. */
  readonly durationS: number
  /** Now, on the clock of the trace. */
  tMs(): number
  sleep(ms: number): Promise<void>
  /** Reads points of a device again and again, together, until one of the lanes is stopped. */
  lanes(entry: SiteDeviceEntry, wanted: readonly WantedLane[]): readonly Lane[]
  /** Takes what the service knows anyway, as often as it changes. */
  note(key: TraceLane['key'], entry: SiteDeviceEntry, point: string, unit: string): (value: number) => void
  borrow(entry: SiteDeviceEntry, command: CommandName): Promise<Hand>
  /** Lets automatic control decide by a changed model until the check ends. */
  overlayModel(overlay: (model: SiteModel) => SiteModel): void
  measured(key: MeasureKey, value: number | undefined): void
  expects(measures: readonly CheckMeasure[]): void
  band(low: number, high: number): void
  marks(marks: CheckTrace['marks']): void
  /** The step of the command as the plot shows it. */
  told(value: number, atMs?: number): void
  /** Kept as the proof of what a device does when R-EMS stops. */
  proven(deviceId: string, command: string, found: { readonly value?: number; readonly afterS: number }): void
  wrote(write: CheckWrite): void
}
