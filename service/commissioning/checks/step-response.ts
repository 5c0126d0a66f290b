import type { CheckTrace } from '#contract/checks.ts'
import { between, meanOf, type Sample } from './samples.ts'

/** How a device has followed a step of its setpoint. Times in s after the command. */
export interface StepResponse {
  /** Until it has moved by a twentieth of the step. */
  readonly deadS?: number
  /** Between a tenth and nine tenths of the way, in the unit of the samples per second; always positive. */
  readonly rampPerS?: number
  /** Beyond the final value, % of the step. */
  readonly overshootPercent?: number
  /** Until it is inside the band for good. */
  readonly settledS?: number
  /** Mean of the last part of the trace less the value that was asked for. */
  readonly steadyError?: number
  readonly marks: CheckTrace['marks']
}

const movedShare = 0.05
const rampShares = [0.1, 0.9] as const
/** The end of the trace that counts as its final value. */
const endShare = 0.25

/**
 * Reads a step response. `from` is what it was before, `to` what was asked for, `band` the half width around `to` inside which it
 * has settled. What is not there (it never moved, never settled) is undefined.
 */
export function readStep(given: {
  readonly samples: readonly Sample[]
  readonly from: number
  readonly to: number
  readonly band: number
  /** When it was told, on the time of the samples. */
  readonly atMs: number
}): StepResponse {
  const { samples, from, to, band, atMs } = given
  const step = to - from
  const after = samples.filter(({ tMs }) => tMs >= atMs)
  const lastMs = after.at(-1)?.tMs
  if (step === 0 || lastMs === undefined) return { marks: [] }
  const secondsOf = (tMs: number): number => (tMs - atMs) / 1000
  const shareOf = ({ value }: Sample): number => (value - from) / step
  const crossing = (share: number): Sample | undefined => crossed(after, (sample) => shareOf(sample) - share)

  const dead = crossing(movedShare)
  const [start, end] = rampShares.map(crossing)
  const peak = after.reduce((best, sample) => (shareOf(sample) > shareOf(best) ? sample : best), after[0]!)
  const outside = after.findLastIndex(({ value }) => Math.abs(value - to) > band)
  const settled = after[outside + 1]
  const final = meanOf(between(after, lastMs - (lastMs - atMs) * endShare, lastMs + 1).map(({ value }) => value))
  const marks: CheckTrace['marks'] = [
    ...mark('dead', dead),
    ...mark('ramp-start', start),
    ...mark('ramp-end', end),
    ...(shareOf(peak) > 1 ? mark('peak', peak) : []),
    ...mark('settled', settled),
  ]
  return {
    ...(dead && { deadS: secondsOf(dead.tMs) }),
    ...(start && end && { rampPerS: rampOf(start, end) }),
    ...(dead && { overshootPercent: Math.max(0, shareOf(peak) - 1) * 100 }),
    ...(settled && { settledS: secondsOf(settled.tMs) }),
    ...(final !== undefined && { steadyError: final - to }),
    marks,
  }
}

/** Both on one sample: it was faster than anybody looked. The time between two looks is the most that can be said. */
function rampOf(start: Sample, end: Sample): number {
  return Math.abs(end.value - start.value) / (Math.max(1, end.tMs - start.tMs) / 1000)
}

/** Where a difference becomes positive for the first time, straight between the samples around it. */
function crossed(samples: readonly Sample[], difference: (sample: Sample) => number): Sample | undefined {
  const index = samples.findIndex((sample) => difference(sample) >= 0)
  const at = samples[index]
  const before = samples[index - 1]
  if (!at || !before) return at
  const share = difference(before) / (difference(before) - difference(at))
  return {
    tMs: before.tMs + share * (at.tMs - before.tMs),
    value: before.value + share * (at.value - before.value),
  }
}

const mark = (kind: CheckTrace['marks'][number]['kind'], sample: Sample | undefined): CheckTrace['marks'] =>
  sample ? [{ kind, tMs: Math.round(sample.tMs), value: sample.value }] : []
