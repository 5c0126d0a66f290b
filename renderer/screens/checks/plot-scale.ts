import type { CheckRun, TraceLane } from '#contract/checks.ts'

/** A span of numbers that fills a length in pixels. */
export interface Scale {
  readonly low: number
  readonly high: number
  at(value: number): number
  /** Round numbers inside, about so many. */
  ticks(count: number): readonly number[]
}

/** `from` and `to` are pixels; `to` may be above `from`, as for values that grow upwards. */
export function scaleOf(low: number, high: number, from: number, to: number): Scale {
  const span = high - low || 1
  return {
    low,
    high,
    at: (value) => from + ((value - low) / span) * (to - from),
    ticks(count) {
      const step = roundStep(span / Math.max(1, count))
      const first = Math.ceil(low / step) * step
      return Array.from(
        { length: Math.max(0, Math.floor((high - first) / step + 1e-9) + 1) },
        (_, i) => first + i * step,
      )
    },
  }
}

/** 1, 2 or 5 times a power of ten, not less than what was asked for. */
export function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least || 1))
  return ([1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10) * power
}

/** What a lane and its command span, with some air. */
export function spanOf(values: readonly number[]): readonly [number, number] {
  const low = Math.min(...values)
  const high = Math.max(...values)
  if (!Number.isFinite(low)) return [0, 1]
  const air = Math.max((high - low) * 0.12, Math.abs(high) * 0.01, 1e-6)
  return [low - air, high + air]
}

/** The lane that the plot is about, and the one that another device has seen. */
export function lanesOf({ trace }: CheckRun): {
  readonly main: TraceLane | undefined
  readonly other: TraceLane | undefined
} {
  const main = trace.lanes.find(({ key }) => key === 'device') ?? trace.lanes[0]
  const other =
    trace.lanes.find((lane) => lane !== main && lane.key === 'independent') ??
    trace.lanes.find((lane) => lane !== main && lane.key === 'other')
  return { main, other }
}

/** The part of the time that matters: a step is seen from shortly before it, everything else as a whole. ms of the trace. */
export function windowOf(run: CheckRun): { readonly fromMs: number; readonly toMs: number; readonly zeroMs: number } {
  const { main, other } = lanesOf(run)
  const ends = [main, other].flatMap((lane) => lane?.samples.at(-1)?.tMs ?? [])
  const toMs = Math.max(1_000, ...ends)
  const zeroMs = run.kind === 'step' ? (run.trace.command.at(-1)?.tMs ?? 0) : 0
  return {
    fromMs: Math.max(0, zeroMs - (run.kind === 'step' ? 1_500 : 0)),
    toMs: Math.max(toMs, zeroMs + 1_000),
    zeroMs,
  }
}

/** A path through samples, straight from one to the next. Long traces are thinned to about one point per pixel. */
export function pathOf(
  samples: readonly { readonly tMs: number; readonly value: number }[],
  x: Scale,
  y: Scale,
): string {
  const inside = samples.filter(({ tMs }) => tMs >= x.low && tMs <= x.high)
  const every = Math.max(1, Math.ceil(inside.length / 1_200))
  return inside
    .filter((_sample, index) => index % every === 0 || index === inside.length - 1)
    .map(({ tMs, value }, index) => `${index === 0 ? 'M' : 'L'}${x.at(tMs).toFixed(1)} ${y.at(value).toFixed(1)}`)
    .join('')
}

/** A path that holds each value until the next one, as a command does. */
export function stairsOf(
  steps: readonly { readonly tMs: number; readonly value: number }[],
  x: Scale,
  y: Scale,
): string {
  let path = ''
  for (const [index, { tMs, value }] of steps.entries()) {
    const until = steps[index + 1]?.tMs ?? x.high
    if (until < x.low) continue
    const [from, to] = [x.at(Math.max(tMs, x.low)).toFixed(1), x.at(Math.min(until, x.high)).toFixed(1)]
    path += `${path === '' ? 'M' : 'L'}${from} ${y.at(value).toFixed(1)}H${to}`
  }
  return path
}
