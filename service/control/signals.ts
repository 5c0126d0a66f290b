import type { Site } from '#contract/site.ts'
import { holds } from '../domain/island.ts'
import type { Frame } from './frame.ts'

/** A signal that counts in this cycle. */
export interface ActiveSignal {
  readonly index: number
  readonly signal: Site['signals'][number]
  /** It cannot be read, and counts as declared. */
  readonly assumed: boolean
}

/** The signals that are in force for an island (BK6-22-300 for `dim`). */
export function activeSignals({ model, layout, readings, staleMs }: Frame): readonly ActiveSignal[] {
  const active: ActiveSignal[] = []
  for (const [index, signal] of model.site.signals.entries()) {
    if (signal.grid !== undefined && !layout.grids.includes(model.gridIndex.get(signal.grid) ?? -1)) continue
    const read = holds(signal.active, readings, staleMs)
    if (read ?? signal.whenUnknown === 'active') active.push({ index, signal, assumed: read === undefined })
  }
  return active
}

/** Power that the grid operator has to leave to one controllable device, W (BK6-22-300, 4.5.1). */
export const dimFloorW = 4200

/** Simultaneity factors of 2 to 8 devices; 0.45 from nine on (BK6-22-300, 4.5.2). */
const simultaneity: readonly number[] = [0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5]

/** What `count` dimmed devices of one connection may take together from the grid: P_min,14a of BK6-22-300. */
export function dimAllowanceW(count: number, limitW = 0): number {
  const factor = simultaneity[count - 2] ?? 0.45
  return Math.max(limitW, dimFloorW + Math.max(0, count - 1) * factor * dimFloorW)
}
