/** The newest `size` of what was put in. */
export interface Ring<T> {
  push(item: T): void
  /** Oldest first. */
  items(): T[]
}

export function createRing<T>(size: number): Ring<T> {
  const kept: T[] = []
  let next = 0
  return {
    push(item) {
      if (size === 0) return
      kept[next] = item
      next = (next + 1) % size
    },
    items: () => (kept.length < size ? [...kept] : [...kept.slice(next), ...kept.slice(0, next)]),
  }
}

/** The value below which this share of the numbers lies; undefined of none. */
export function quantile(numbers: readonly number[], share: number): number | undefined {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
}
