import type { AgedReading } from '../domain/measured.ts'
import type { StepInput, Wish } from '../control/types.ts'
import { wholeMs } from './encode.ts'
import type { CaptureStep, CodedValue } from './format.ts'

type Points = Map<string, AgedReading>

/** Turns lines back into the inputs of the steps of one grid; each input is only valid until the next one. */
export interface StepDecoder {
  decode(line: CaptureStep): StepInput
}

export function createStepDecoder(): StepDecoder {
  const readings = new Map<string, Points>()
  let wishes: readonly Wish[] = []
  let plan: StepInput['plan'] = []

  function apply(line: CaptureStep): void {
    const elapsedMs = wholeMs(line.e)
    for (const points of readings.values())
      for (const [point, reading] of points) points.set(point, { ...reading, ageMs: reading.ageMs + elapsedMs })
    for (const [deviceId, gone] of Object.entries(line.d ?? {}))
      for (const point of gone) readings.get(deviceId)?.delete(point)
    for (const [deviceId, groups] of Object.entries(line.r ?? {})) {
      let points = readings.get(deviceId)
      if (!points) readings.set(deviceId, (points = new Map()))
      for (const [atMs, ageMs, values, unchanged = []] of groups) {
        for (const [point, value] of Object.entries(values)) points.set(point, { ...decoded(value), atMs, ageMs })
        for (const point of unchanged) {
          const before = points.get(point)
          if (before) points.set(point, { ...before, atMs, ageMs })
        }
      }
    }
  }

  return {
    decode(line) {
      apply(line)
      if (line.w) wishes = line.w
      if (line.p) plan = line.p
      return { atMs: line.t, elapsedS: line.e, readings, wishes, plan }
    },
  }
}

function decoded(value: CodedValue): Pick<AgedReading, 'value' | 'quality' | 'reason' | 'absent'> {
  if (typeof value !== 'object' || Array.isArray(value)) return { value, quality: 'good' }
  return {
    ...(value.v !== undefined && { value: value.v }),
    quality: value.q,
    ...(value.r !== undefined && { reason: value.r }),
    ...(value.x && { absent: true as const }),
  }
}
