import { decodePoint } from '../../pointmap/codec.ts'
import { deriveReading, inputsOf } from '../../pointmap/derive.ts'
import type { ResolvedMap, ResolvedPoint } from '../../pointmap/types.ts'
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
  const measuredAt = new Map<ResolvedPoint, Instant>()
  const troubles = new Map<ResolvedPoint, Exclude<BlockResult, { kind: 'read' }>>()
  for (const result of results) {
    if (result.kind === 'read') image.put(result.page)
    for (const point of result.block.points) {
      if (result.kind !== 'read') troubles.set(point, result)
      // A value in several answers is as old as the first of them.
      else if (!measuredAt.has(point)) measuredAt.set(point, result.at)
    }
  }
  for (const [point, trouble] of troubles) {
    measuredAt.delete(point)
    if (trouble.kind === 'absent' || readings.get(point.name)?.value === undefined)
      readings.set(point.name, bad(trouble.reason, at))
  }
  for (const [point, pointAt] of measuredAt) {
    const decoded = decodePoint(point, image)
    const raw = [...decoded.raw]
    if (decoded.ok) readings.set(point.name, { value: decoded.value, quality: 'good', ...pointAt, raw })
    else readings.set(point.name, { ...bad(decoded.reason, pointAt), raw })
  }
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
