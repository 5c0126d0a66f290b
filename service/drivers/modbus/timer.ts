import type { Clock } from '../../domain/clock.ts'

export interface Timer {
  /** Fires once, at or soon after this monotonic time. Replaces what was set before. */
  at(dueMs: number): void
  clear(): void
  /** Ends it for good. */
  stop(): void
}

/**
 * A timer that is cheap to move: deadlines mostly move into the future, so the sleep under way is kept and
 * extended when it ends, instead of being cancelled for each request.
 */
export function createTimer(clock: Clock, fire: () => void): Timer {
  let due: number | undefined
  let wakeMs = Number.POSITIVE_INFINITY
  let sleeping: AbortController | undefined
  let stopped = false

  const sleepUntil = (untilMs: number): void => {
    sleeping?.abort()
    const own = new AbortController()
    sleeping = own
    wakeMs = untilMs
    clock.sleep(Math.max(0, untilMs - clock.monotonicMs()), own.signal).then(
      () => (sleeping === own ? woken() : undefined),
      () => undefined,
    )
  }

  const woken = (): void => {
    sleeping = undefined
    wakeMs = Number.POSITIVE_INFINITY
    if (due === undefined) return
    // Half a millisecond early is on time: the timers of the platform count whole milliseconds.
    if (clock.monotonicMs() < due - 0.5) return sleepUntil(due)
    due = undefined
    fire()
  }

  return {
    at(dueMs) {
      if (stopped) return
      due = dueMs
      if (dueMs < wakeMs) sleepUntil(dueMs)
    },
    clear() {
      due = undefined
    },
    stop() {
      stopped = true
      due = undefined
      sleeping?.abort()
      sleeping = undefined
    },
  }
}
