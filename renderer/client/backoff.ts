/** Delay before the n-th attempt (1 = first) to reach the service again: 0.5 s doubling to 15 s. `jitter` is 0..1. */
export function backoffMs(attempt: number, jitter: number): number {
  const base = Math.min(15_000, 500 * 2 ** Math.max(0, attempt - 1))
  // Up to a quarter less, so that many windows do not knock at the same instant.
  return Math.round(base * (1 - 0.25 * jitter))
}
