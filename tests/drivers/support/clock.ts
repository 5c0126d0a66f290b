import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../../service/domain/clock.ts'

export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (delayMs, signal) => delay(delayMs, undefined, signal ? { signal } : {}),
}
