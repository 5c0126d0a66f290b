import type { Site } from '#contract/site.ts'
import { captureHeaderOf, createStepEncoder, type StepEncoder } from '../capture/encode.ts'
import { createSegment } from '../capture/segment.ts'
import { wantedPoints } from '../capture/wanted-points.ts'
import type { StepInput, StepResult } from '../control/types.ts'

/** Writes a whole run into one capture file. Nothing is left out, so it may need as much memory as the file is long. */
export interface CaptureFile extends AsyncDisposable {
  add(gridId: string, input: StepInput, result: StepResult<unknown>): void
}

export function captureFile(file: string, site: Site): CaptureFile {
  const wanted = wantedPoints(site)
  const segment = createSegment(file)
  const encoders = new Map<string, StepEncoder>()
  let closed: Promise<void> | undefined
  let begun = false
  return {
    add(gridId, input, result) {
      if (!begun) segment.line(captureHeaderOf({ version: 'simulation', atMs: input.atMs, site, states: {} }))
      begun = true
      let encoder = encoders.get(gridId)
      if (!encoder) encoders.set(gridId, (encoder = createStepEncoder(gridId, wanted)))
      segment.line(encoder.encode(input, result))
    },
    [Symbol.asyncDispose]: () => (closed ??= segment.close()),
  }
}
