import type { Clock } from '../domain/clock.ts'
import { digestOf, newSecret } from './secrets.ts'

export interface OneTime<T> {
  issue(value: T): { readonly secret: string; readonly expiresAtMs: number }
  /** What was issued with the secret, once and in time. */
  redeem(secret: string): T | undefined
}

/** Secrets that work once and for a short time. Only the newest `most` are kept. */
export function createOneTime<T>(clock: Clock, lifeMs: number, most: number): OneTime<T> {
  const issued = new Map<string, { readonly value: T; readonly untilMs: number }>()
  return {
    issue(value) {
      const secret = newSecret()
      issued.set(digestOf(secret), { value, untilMs: clock.monotonicMs() + lifeMs })
      const [oldest] = issued.keys()
      if (issued.size > most && oldest !== undefined) issued.delete(oldest)
      return { secret, expiresAtMs: clock.nowMs() + lifeMs }
    },
    redeem(secret) {
      const digest = digestOf(secret)
      const found = issued.get(digest)
      issued.delete(digest)
      return found && clock.monotonicMs() < found.untilMs ? found.value : undefined
    },
  }
}
