import type { Clock } from '../../../service/domain/clock.ts'

/**
 * Events that happen at their own times. The machine may run one late; within it the time is the one it was due at, so
 * that what follows from it is not late too.
 */
export interface Timeline extends Disposable {
  /** Monotonic, in ms: the due time of the running event, else the clock. */
  nowMs(): number
  at(dueMs: number, run: () => void): void
}

interface Event {
  readonly dueMs: number
  readonly run: () => void
}

export function createTimeline(clock: Clock): Timeline {
  const events: Event[] = []
  let eventMs: number | undefined
  let sleepingUntilMs = Number.POSITIVE_INFINITY
  let sleeping = new AbortController()

  function sleepUntilNext(): void {
    const next = events[0]
    if (!next || next.dueMs >= sleepingUntilMs) return
    sleeping.abort()
    const own = new AbortController()
    sleeping = own
    sleepingUntilMs = next.dueMs
    clock.sleep(Math.max(0, next.dueMs - clock.monotonicMs()), own.signal).then(
      () => (sleeping === own ? runDue() : undefined),
      () => undefined,
    )
  }

  function runDue(): void {
    sleepingUntilMs = Number.POSITIVE_INFINITY
    for (let next = events[0]; next && next.dueMs <= clock.monotonicMs(); next = events[0]) {
      events.shift()
      eventMs = next.dueMs
      next.run()
    }
    eventMs = undefined
    sleepUntilNext()
  }

  return {
    nowMs: () => eventMs ?? clock.monotonicMs(),
    at(dueMs, run) {
      let index = events.length
      while (index > 0 && events[index - 1]!.dueMs > dueMs) index--
      events.splice(index, 0, { dueMs, run })
      if (eventMs === undefined) sleepUntilNext()
    },
    [Symbol.dispose]() {
      sleeping.abort()
      events.length = 0
    },
  }
}
