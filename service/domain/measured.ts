import type { Reading } from '#contract/reading.ts'

/** A number that was measured in time, or why there is none. Control sees nothing else (S5: unknown is not zero). */
export type Measured =
  | { readonly ok: true; readonly value: number; readonly ageMs: number }
  | { readonly ok: false; readonly reason: string }

export const notMeasured = (reason: string): Measured => ({ ok: false, reason })

/** A reading together with how old it is on the monotonic clock. */
export interface AgedReading extends Reading {
  readonly ageMs: number
}

/** The newest readings of every device, keyed by device and point, with their ages on the monotonic clock. */
export type Readings = ReadonlyMap<string, ReadonlyMap<string, AgedReading>>

/** Freshness is judged by age alone: equal values repeat legitimately. */
export function measured(reading: AgedReading | undefined, staleAfterMs: number): Measured {
  if (!reading) return notMeasured('not measured yet')
  if (reading.quality === 'bad') return notMeasured(reading.reason ?? 'not measured')
  if (typeof reading.value !== 'number' || !Number.isFinite(reading.value)) return notMeasured('not a number')
  if (reading.ageMs > staleAfterMs) return notMeasured(`${(reading.ageMs / 1000).toFixed(1)} s old`)
  return { ok: true, value: reading.value, ageMs: reading.ageMs }
}

export function valueOf(measured: Measured): number | undefined {
  return measured.ok ? measured.value : undefined
}

/** The sum, not measured when one part is not. */
export function sumOf(parts: readonly Measured[]): Measured {
  let value = 0
  let ageMs = 0
  for (const part of parts) {
    if (!part.ok) return part
    value += part.value
    ageMs = Math.max(ageMs, part.ageMs)
  }
  return { ok: true, value, ageMs }
}
