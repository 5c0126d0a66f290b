export interface Sample {
  readonly atMs: number
  readonly value: number
}

/** Columns on one time axis. A gap is null, so that no line is drawn across it. */
export interface TrendColumns {
  readonly timesMs: readonly number[]
  readonly columns: readonly (readonly (number | null)[])[]
}

/**
 * Puts series with times of their own on one axis: each value holds until the next sample of its series, at most
 * `holdMs`; after that there is a gap.
 */
export function alignSeries(series: readonly (readonly Sample[])[], holdMs: number): TrendColumns {
  const times = new Set<number>()
  for (const samples of series) for (const { atMs } of samples) times.add(atMs)
  const timesMs = [...times].toSorted((a, b) => a - b)
  const columns = series.map((samples) => {
    let next = 0
    return timesMs.map((atMs) => {
      while (next < samples.length && (samples[next]?.atMs ?? Infinity) <= atMs) next += 1
      const held = samples[next - 1]
      return held && atMs - held.atMs <= holdMs ? held.value : null
    })
  })
  return { timesMs, columns }
}

/** Row by row sum; a gap in any column is a gap in the sum. */
export function sumColumns(columns: readonly (readonly (number | null)[])[]): (number | null)[] {
  return (columns[0] ?? []).map((_, row) => {
    let sum = 0
    for (const column of columns) {
      const value = column[row]
      if (value === null || value === undefined) return null
      sum += value
    }
    return sum
  })
}
