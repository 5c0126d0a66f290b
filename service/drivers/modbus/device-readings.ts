import { decodePoint, notAvailableReason } from '../../pointmap/codec.ts'
import { deriveReading, inputsOf } from '../../pointmap/derive.ts'
import type { Decoded, ResolvedMap, ResolvedPoint } from '../../pointmap/types.ts'
import type { TimedReading } from '../driver.ts'
import type { BlockResult, Instant } from './block-reader.ts'
import { createImage } from './register-image.ts'

const reasonLength = 200

/**
 * Brings readings up to date with what reads have brought. A point whose answer was lost keeps its last value and time;
 * it is bad only while it was never measured. `at`: the time of what is known without an answer.
 */
export function updateReadings(
  readings: Map<string, TimedReading>,
  results: readonly BlockResult[],
  at: Instant,
): void {
  const image = createImage()
  // A value in several answers is as old as the first of them, and not known when one of them is missing.
  const done = results.length > 1 ? new Set<ResolvedPoint>() : undefined
  for (const result of results) {
    if (result.kind === 'read') {
      image.put(result.page)
      continue
    }
    for (const point of result.block.points) {
      done?.add(point)
      if (result.kind === 'absent' || readings.get(point.name)?.value === undefined)
        readings.set(point.name, bad(result.reason, at))
    }
  }
  for (const result of results) {
    if (result.kind !== 'read') continue
    for (const point of result.block.points) {
      if (done?.has(point)) continue
      done?.add(point)
      readings.set(point.name, measured(decodePoint(point, image), result.at))
    }
  }
}

function measured(decoded: Decoded, { atMs, monotonicMs }: Instant): TimedReading {
  const { raw } = decoded
  if (decoded.ok) return { value: decoded.value, quality: 'good', atMs, monotonicMs, raw }
  const reason = decoded.reason.slice(0, reasonLength)
  return { quality: 'bad', reason, atMs, monotonicMs, raw, ...(reason === notAvailableReason && { absent: true }) }
}

/** Computes the derived points whose inputs are known, as old as their oldest input. */
export function updateDerived(readings: Map<string, TimedReading>, derived: ResolvedMap['derived']): void {
  for (const [name, definition] of Object.entries(derived)) {
    const reading = deriveReading(definition, readings)
    if (!reading) continue
    const times = inputsOf(definition).map((input) => readings.get(input)!.monotonicMs)
    readings.set(name, { ...reading, monotonicMs: Math.min(...times) })
  }
}

export function bad(reason: string, at: Instant): TimedReading {
  return { quality: 'bad', reason: reason.slice(0, reasonLength), ...at }
}
