import type { CycleStats } from '#contract/api.ts'
import type { Clock } from '../domain/clock.ts'

export interface CycleTiming {
  /** Number of this cycle since start, from 1. */
  readonly number: number
  /** Monotonic deadline at which it should have started. */
  readonly deadlineMs: number
  readonly latenessMs: number
  /** Time since the previous cycle started. */
  readonly elapsedS: number
}

export interface Cycle extends AsyncDisposable {
  stats(): CycleStats
  /** Monotonic time of the next deadline. */
  nextDeadlineMs(): number
  /** Resolves when the loop has ended; rejects when a cycle threw. */
  readonly done: Promise<void>
}

const windowSize = 1_000

/** The last thousand values and their distribution. */
function ring(): { add(value: number): void; distribution(): { p50: number; p99: number; max: number } } {
  const values = new Float64Array(windowSize)
  let count = 0
  return {
    add(value) {
      values[count % windowSize] = value
      count += 1
    },
    distribution() {
      const filled = values.slice(0, Math.min(count, windowSize)).toSorted()
      const at = (share: number): number => filled[Math.min(filled.length - 1, Math.floor(filled.length * share))] ?? 0
      return { p50: at(0.5), p99: at(0.99), max: filled.at(-1) ?? 0 }
    },
  }
}

/** The first deadline does not wait for a whole period: long enough for most first answers, short enough to be prompt. */
const firstDeadlineMs = 250

/**
 * Calls `run` at absolute deadlines start + n * period on the monotonic clock, so that no error accumulates. `run` is
 * synchronous: nothing it starts can delay it. Deadlines that passed while a cycle overran are skipped and counted.
 */
export function startCycle(options: {
  periodMs: number
  clock: Clock
  run(timing: CycleTiming): void
  /** What the first cycle waits for, and for how long at most. */
  after?: { readonly ready: Promise<unknown>; readonly atMostMs: number }
}): Cycle {
  const { periodMs, clock, run, after } = options
  const stop = new AbortController()
  const lateness = ring()
  const duration = ring()
  let count = 0
  let overruns = 0
  let deadlineMs = clock.monotonicMs() + Math.min(periodMs, firstDeadlineMs)
  let previousStartMs = clock.monotonicMs()

  /** The deadlines begin when the first one has come about. */
  async function waitForFirst(): Promise<void> {
    if (!after) return
    const enough = new AbortController()
    const signal = AbortSignal.any([stop.signal, enough.signal])
    await Promise.race([after.ready, clock.sleep(after.atMostMs, signal).catch(() => undefined)])
    enough.abort()
    stop.signal.throwIfAborted()
    deadlineMs = Math.max(deadlineMs, clock.monotonicMs())
    previousStartMs = clock.monotonicMs()
  }

  async function loop(): Promise<void> {
    await waitForFirst()
    while (!stop.signal.aborted) {
      const waitMs = deadlineMs - clock.monotonicMs()
      if (waitMs > 0) await clock.sleep(waitMs, stop.signal)
      const startMs = clock.monotonicMs()
      // A timer may fire a fraction early; the deadline is a lower bound.
      if (startMs < deadlineMs) continue
      count += 1
      const latenessMs = startMs - deadlineMs
      run({ number: count, deadlineMs, latenessMs, elapsedS: (startMs - previousStartMs) / 1000 })
      previousStartMs = startMs
      const endMs = clock.monotonicMs()
      lateness.add(latenessMs)
      duration.add(endMs - startMs)
      const periods = Math.max(1, Math.ceil((endMs - deadlineMs) / periodMs))
      overruns += periods - 1
      deadlineMs += periods * periodMs
    }
  }

  const done = loop().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error
  })
  // Whoever awaits `done` or disposes sees the error; until then it is not unhandled.
  done.catch(() => undefined)
  return {
    done,
    nextDeadlineMs: () => deadlineMs,
    stats: () => ({
      periodMs,
      count,
      overruns,
      latenessMs: lateness.distribution(),
      durationMs: duration.distribution(),
    }),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await done
    },
  }
}
