import type { Clock } from '../domain/clock.ts'

export interface LockoutLimits {
  /** Failures in a row before waiting begins. */
  readonly freeFailures: number
  /** The first wait; each further failure doubles it. */
  readonly firstDelayMs: number
  readonly maxDelayMs: number
  /** A failure is forgotten after this. */
  readonly forgetMs: number
  /** Most keys that are remembered; the one that failed longest ago goes first. */
  readonly keys: number
}

export interface Lockout {
  /** How long a key has to wait; 0 when it need not. */
  waitMs(key: string): number
  fail(key: string): void
  succeed(key: string): void
}

/** Counts failures per key and makes each further one wait longer. Waiting ends by itself: nobody is locked out for good. */
export function createLockout(clock: Clock, limits: LockoutLimits): Lockout {
  const failures = new Map<string, { count: number; lastMs: number; untilMs: number }>()
  return {
    waitMs: (key) => Math.max(0, (failures.get(key)?.untilMs ?? -Infinity) - clock.monotonicMs()),
    fail(key) {
      const nowMs = clock.monotonicMs()
      const known = failures.get(key)
      const count = known && nowMs - known.lastMs < limits.forgetMs ? known.count + 1 : 1
      const over = count - limits.freeFailures
      const delayMs = over < 0 ? 0 : Math.min(limits.maxDelayMs, limits.firstDelayMs * 2 ** over)
      failures.delete(key)
      failures.set(key, { count, lastMs: nowMs, untilMs: nowMs + delayMs })
      const [oldest] = failures.keys()
      if (failures.size > limits.keys && oldest !== undefined) failures.delete(oldest)
    },
    succeed(key) {
      failures.delete(key)
    },
  }
}
