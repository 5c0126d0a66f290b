import type { DerivedPoint } from '#contract/point-map.ts'
import type { Reading } from '#contract/reading.ts'

/** Names of the points a derived point is computed from. */
export function inputsOf(derived: DerivedPoint): string[] {
  return [...(derived.sum ?? []).map(({ point }) => point), ...(derived.product ?? [])]
}

/** A reading with its time on the monotonic clock. */
interface Timed extends Reading {
  readonly monotonicMs: number
}

/**
 * The reading of a derived point: as old as its oldest input and as good as its worst. Not measured when an input is
 * not. Undefined while an input was never read.
 */
export function deriveReading(derived: DerivedPoint, readings: ReadonlyMap<string, Timed>): Timed | undefined {
  const names = inputsOf(derived)
  const inputs = names.flatMap((name) => readings.get(name) ?? [])
  const first = inputs[0]
  if (!first || inputs.length < names.length) return undefined
  const { atMs, monotonicMs } = inputs.reduce((a, b) => (b.monotonicMs < a.monotonicMs ? b : a), first)
  const bad = (reason: string): Timed => ({ atMs, monotonicMs, quality: 'bad', reason: reason.slice(0, 200) })
  const numbers = new Map<string, number>()
  for (const [index, { quality, value, reason }] of inputs.entries()) {
    if (quality === 'bad' || typeof value !== 'number') return bad(`${names[index]}: ${reason ?? 'not a number'}`)
    numbers.set(names[index]!, value)
  }
  const value = compute(derived, (name) => numbers.get(name)!)
  if (!Number.isFinite(value)) return bad('too large for a number')
  const { quality, reason } = inputs.find((input) => input.quality === 'stale') ?? { quality: 'good' as const }
  return { atMs, monotonicMs, value, quality, ...(reason !== undefined && { reason }) }
}

function compute(derived: DerivedPoint, valueOf: (name: string) => number): number {
  const sum = derived.sum?.reduce((total, { point, factor = 1 }) => total + valueOf(point) * factor, 0) ?? 1
  const product = derived.product?.reduce((total, name) => total * valueOf(name), 1) ?? 1
  // 12 digits are more than any measurement and drop the noise of binary fractions.
  return Number((sum * product * (derived.scale ?? 1)).toPrecision(12))
}
