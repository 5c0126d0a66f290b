import type { GridCycle } from '#contract/control.ts'
import type { StepInput, StepResult } from '../control/types.ts'
import type { Clock } from '../domain/clock.ts'
import type { Device } from '../drivers/driver.ts'
import { type CycleTiming, startCycle } from './cycle.ts'
import { createHistogram } from './histogram.ts'
import { createPoller } from './poller.ts'

/** The step of one grid, with its state kept outside of it. */
export interface GridStep<State> {
  initial(): State
  step(state: State, input: StepInput): StepResult<State>
}

/** What one cycle of a grid has come to. */
export interface CompletedCycle<State> {
  readonly input: StepInput
  readonly result: StepResult<State>
  readonly timing: CycleTiming
  /** When it started, on the monotonic clock. */
  readonly startMs: number
  /** Why the step failed and the result is that of a step that knows nothing, or undefined. */
  readonly failure: string | undefined
}

export interface GridRuntime extends AsyncDisposable {
  readonly gridId: string
  cycle(): GridCycle
}

/** A device that answers late or never does not keep a grid from starting for longer than this (S7). */
const firstReadingsMs = 2_000

/**
 * The cycle of one grid. Nothing in it waits for a device, a disk or a client, and nothing that fails in it reaches another grid:
 * a step that throws is taken again without what meters and sensors say, which leads to the declared safe values (S5), from a fresh
 * state. When
 * that throws too, nothing is written or renewed, and the devices fall back by themselves.
 */
export function startGridRuntime<State>(options: {
  gridId: string
  name: string
  periodMs: number
  clock: Clock
  /** Polled by this grid. */
  devices: readonly Device[]
  step: GridStep<State>
  /** Freezes what is known now. */
  freeze(elapsedS: number): StepInput
  /** The same without anything that is not about the controlled devices themselves. */
  blind(input: StepInput): StepInput
  /** Hands the outputs over and shows the cycle. What it throws is a failure of this cycle. */
  complete(cycle: CompletedCycle<State>): void
  /** Called once when steps begin to fail, and once when they work again. */
  failing(reason: string | undefined): void
}): GridRuntime {
  const { gridId, name, periodMs, clock, devices, step, freeze, blind, complete, failing } = options
  const lateness = createHistogram()
  const jitter = createHistogram()
  const duration = createHistogram()
  const poller = createPoller(devices, periodMs, clock)
  let state = step.initial()
  let failures = 0
  let reason: string | undefined
  let lastAtMs: number | undefined

  function decide(input: StepInput): { result: StepResult<State>; failure: string | undefined } {
    try {
      return { result: step.step(state, input), failure: undefined }
    } catch (error) {
      return { result: step.step(step.initial(), blind(input)), failure: messageOf(error) }
    }
  }

  function run(timing: CycleTiming): void {
    const startMs = clock.monotonicMs()
    let failure: string | undefined
    try {
      const input = freeze(timing.elapsedS)
      const decided = decide(input)
      failure = decided.failure
      state = decided.result.state
      complete({ ...decided, input, timing, startMs })
    } catch (error) {
      failure = messageOf(error)
    }
    void poller.schedule(timing.deadlineMs + periodMs)
    if (failure !== undefined) failures += 1
    if ((failure === undefined) !== (reason === undefined)) failing(failure)
    reason = failure
    lastAtMs = clock.nowMs()
    lateness.add(timing.latenessMs)
    if (timing.number > 1) jitter.add(jitterMs(timing, periodMs))
    duration.add(clock.monotonicMs() - startMs)
  }

  // Ask everybody at once, so that the first cycle has something to see.
  const first = poller.schedule(clock.monotonicMs())
  const cycle = startCycle({ periodMs, clock, run, after: { ready: first, atMostMs: firstReadingsMs } })

  return {
    gridId,
    cycle: () => ({
      gridId,
      name,
      state: lastAtMs === undefined ? 'starting' : reason === undefined ? 'running' : 'failing',
      ...(reason !== undefined && { reason }),
      failures,
      ...(lastAtMs !== undefined && { lastAtMs }),
      ...cycle.stats(),
      lateness: lateness.read(),
      jitter: jitter.read(),
      duration: duration.read(),
    }),
    async [Symbol.asyncDispose]() {
      await cycle[Symbol.asyncDispose]()
      await poller[Symbol.asyncDispose]()
    },
  }
}

/** How far the distance of this cycle from the one before was from whole periods: skipped ones are overruns, not jitter. */
export function jitterMs({ elapsedS }: CycleTiming, periodMs: number): number {
  const elapsedMs = elapsedS * 1000
  return Math.abs(elapsedMs - Math.max(1, Math.round(elapsedMs / periodMs)) * periodMs)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
