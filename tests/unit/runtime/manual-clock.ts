import type { Clock } from '../../../service/domain/clock.ts'

export interface ManualClock extends Clock {
  /** Moves time on, firing what is due in order, and lets everything that follows run. */
  advance(ms: number): Promise<void>
  /** Time passes without any timer being served, as during a long computation. */
  busy(ms: number): void
  stepWall(ms: number): void
}

/** Lets all promise reactions that are ready run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export function manualClock(): ManualClock {
  let now = 0
  let wall = 1_700_000_000_000
  const timers = new Set<{ atMs: number; fire(): void }>()
  return {
    nowMs: () => wall + now,
    monotonicMs: () => now,
    sleep: (delayMs, signal) =>
      new Promise((resolve, reject) => {
        const timer = { atMs: now + Math.max(0, delayMs), fire: resolve }
        timers.add(timer)
        signal?.addEventListener('abort', () => {
          timers.delete(timer)
          reject(signal.reason as Error)
        })
      }),
    async advance(ms) {
      now += ms
      for (;;) {
        const due = [...timers].filter(({ atMs }) => atMs <= now).toSorted((a, b) => a.atMs - b.atMs)[0]
        if (!due) break
        timers.delete(due)
        due.fire()
        await settle()
      }
      await settle()
    },
    busy: (ms) => {
      now += ms
    },
    stepWall: (ms) => {
      wall += ms
    },
  }
}
