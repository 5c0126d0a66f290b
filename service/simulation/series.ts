/** Values over time; each holds until the next one. */
export interface Series {
  /** Ascending, ms since 1970. */
  readonly atMs: Float64Array
  readonly values: Float64Array
}

/** Looks values up in ascending time; undefined before the first one. Repeats the series when it has ended, if it may. */
export interface Sampler {
  at(atMs: number): number | undefined
}

export function createSampler({ atMs: times, values }: Series): Sampler {
  let at = -1
  return {
    at(atMs) {
      if (at >= 0 && times[at]! > atMs) at = -1
      while (at + 1 < times.length && times[at + 1]! <= atMs) at += 1
      return at < 0 ? undefined : values[at]
    },
  }
}

export const constantSeries = (value: number): Series => ({
  atMs: Float64Array.of(Number.NEGATIVE_INFINITY),
  values: Float64Array.of(value),
})

/** One stay of a vehicle at a charger. */
export interface Session {
  /** Absent: at the first charger that is free. */
  readonly charger?: string
  readonly fromMs: number
  readonly toMs: number
  readonly wantedWh: number
  readonly phases: 1 | 2 | 3
  readonly maxCurrentA: number
}

/** What is given from outside, by the name of its column: `DEVICE.METRIC` or `CIRCUIT.powerW[.PHASE]`. */
export interface Inputs {
  readonly series: ReadonlyMap<string, Series>
  readonly sessions: readonly Session[]
}

export const noInputs: Inputs = { series: new Map(), sessions: [] }

/** Several inputs as one; of two with the same name, the later counts. */
export const joinInputs = (all: readonly Inputs[]): Inputs => ({
  series: new Map(all.flatMap(({ series }) => [...series])),
  sessions: all.flatMap(({ sessions }) => sessions),
})
