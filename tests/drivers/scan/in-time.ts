import type { ManualClock } from '../support/manual-clock.ts'

/** Lets time pass until the promise is settled. */
export async function inTime<T>(clock: ManualClock, promise: Promise<T>, mostMs = 10_000_000): Promise<T> {
  const pending = Symbol('pending')
  for (let ms = 0; ms < mostMs; ms += 1000) {
    if ((await Promise.race([promise, Promise.resolve(pending)])) !== pending) return promise
    await clock.advance(1000)
  }
  throw new Error('it does not end')
}
