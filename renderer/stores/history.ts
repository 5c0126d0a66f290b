/** Times and values of one quantity, oldest first, bounded in number and age. Lives outside Vue. */
export interface History {
  push(atMs: number, value: number): void
  /** Replaces everything older than what was pushed live. */
  preload(series: readonly { readonly atMs: number; readonly value: number }[]): void
  readonly length: number
  timeAt(index: number): number
  valueAt(index: number): number
}

/** A ring of `capacity` samples; the oldest goes first. Samples that are not newer than the last are ignored. */
export function createHistory(capacity: number): History {
  const times = new Float64Array(capacity)
  const values = new Float64Array(capacity)
  let start = 0
  let count = 0
  const slot = (index: number): number => (start + index) % capacity
  const at = (array: Float64Array, index: number): number => array[slot(index)] ?? Number.NaN

  const push = (atMs: number, value: number): void => {
    if (count > 0 && atMs <= at(times, count - 1)) return
    const to = count < capacity ? slot(count) : start
    times[to] = atMs
    values[to] = value
    if (count < capacity) count += 1
    else start = (start + 1) % capacity
  }

  return {
    push,
    preload(series) {
      const live = Array.from({ length: count }, (_, index) => ({ atMs: at(times, index), value: at(values, index) }))
      const firstLive = live[0]?.atMs ?? Infinity
      start = 0
      count = 0
      for (const sample of series) if (sample.atMs < firstLive) push(sample.atMs, sample.value)
      for (const sample of live) push(sample.atMs, sample.value)
    },
    get length() {
      return count
    },
    timeAt: (index) => at(times, index),
    valueAt: (index) => at(values, index),
  }
}
