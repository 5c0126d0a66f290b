import type { Histogram } from '#contract/control.ts'

/** The same bounds as on the metrics page. */
const boundsMs = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]

export interface TimeHistogram {
  add(ms: number): void
  read(): Histogram
}

export function createHistogram(): TimeHistogram {
  const counts = boundsMs.map(() => 0).concat(0)
  let count = 0
  let sumMs = 0
  let maxMs = 0
  return {
    add(ms) {
      const found = boundsMs.findIndex((bound) => ms <= bound)
      const at = found === -1 ? boundsMs.length : found
      counts[at] = (counts[at] ?? 0) + 1
      count += 1
      sumMs += ms
      maxMs = Math.max(maxMs, ms)
    },
    read: () => ({ boundsMs: [...boundsMs], counts: [...counts], count, sumMs, maxMs }),
  }
}
