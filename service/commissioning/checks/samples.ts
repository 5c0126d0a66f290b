/** One value of a trace. */
export interface Sample {
  /** Since the run has begun, ms. */
  readonly tMs: number
  readonly value: number
}

export function meanOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
}

export function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : meanOf(sorted.slice(middle - 1, middle + 1))
}

/** The samples from `fromMs` on and before `toMs`. */
export const between = (samples: readonly Sample[], fromMs: number, toMs: number): Sample[] =>
  samples.filter(({ tMs }) => tMs >= fromMs && tMs < toMs)

/** Integral over time in value hours, by trapezoids. Undefined with less than two samples. */
export function integralOf(samples: readonly Sample[]): number | undefined {
  if (samples.length < 2) return undefined
  let sum = 0
  for (const [index, { tMs, value }] of samples.entries()) {
    const before = samples[index - 1]
    if (before) sum += ((tMs - before.tMs) / 3_600_000) * ((value + before.value) / 2)
  }
  return sum
}

/** Whether the newest samples of at least `forMs` stay within a band of this width. */
export function isSteady(samples: readonly Sample[], forMs: number, width: number): boolean {
  const last = samples.at(-1)
  if (!last || last.tMs - (samples[0]?.tMs ?? last.tMs) < forMs) return false
  const recent = samples.filter(({ tMs }) => tMs >= last.tMs - forMs)
  if (recent.length < 3) return false
  const values = recent.map(({ value }) => value)
  return Math.max(...values) - Math.min(...values) <= width
}
