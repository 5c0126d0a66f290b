import type { Clock } from '../../../service/domain/clock.ts'

export interface ManualClock extends Clock {
  /** Moves time on and lets everything that is due run. */
  advance(byMs: number): Promise<void>
}

interface Sleeper {
  readonly dueMs: number
  readonly wake: () => void
}

/** Time that stands still until a test moves it. */
export function createManualClock(startMs = 0): ManualClock {
  let nowMs = startMs
  let sleepers: Sleeper[] = []
  const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(() => setImmediate(resolve)))

  return {
    nowMs: () => 1_700_000_000_000 + nowMs,
    monotonicMs: () => nowMs,
    sleep(delayMs, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason as Error)
      return new Promise((resolve, reject) => {
        const sleeper = { dueMs: nowMs + delayMs, wake: resolve }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter((other) => other !== sleeper)
          reject(signal.reason as Error)
        })
      })
    },
    async advance(byMs) {
      const endMs = nowMs + byMs
      for (;;) {
        await settle()
        const next = sleepers.toSorted((a, b) => a.dueMs - b.dueMs)[0]
        if (!next || next.dueMs > endMs) break
        sleepers = sleepers.filter((other) => other !== next)
        nowMs = Math.max(nowMs, next.dueMs)
        next.wake()
      }
      nowMs = endMs
      await settle()
    },
  }
}
