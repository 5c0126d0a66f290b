import type { Condition } from '#contract/site-device.ts'
import { type AgedReading, type Readings } from './measured.ts'
import type { SiteModel } from './site-model.ts'

/** A reading counts as fresh for three cycles, at least two seconds. */
export const staleAfterMs = (cycleMs: number): number => Math.max(3 * cycleMs, 2_000)

/** True, false, or undefined while it cannot be read (S5). */
export function holds(condition: Condition, readings: Readings, staleMs: number): boolean | undefined {
  const reading: AgedReading | undefined = readings.get(condition.device)?.get(condition.point)
  if (!reading || reading.quality === 'bad' || reading.ageMs > staleMs) return undefined
  const { value } = reading
  if (condition.equals !== undefined) return value === undefined ? undefined : value === condition.equals
  if (typeof value === 'number') return Number.isFinite(value) ? value !== 0 : undefined
  return undefined
}

/** Grids that are one at present, and who controls them. */
export interface Island {
  /** Indices of the grids, the leading one first. */
  readonly grids: readonly number[]
  /** Name of a tie at one of them that cannot be read: all of them hold safe values. */
  readonly unknownTie?: string
}

/**
 * The grids that are joined with this one by closed ties. The grid that comes first in the site leads; the others decide nothing.
 * A tie that cannot be read joins nothing, but both its sides then hold safe values.
 */
export function islandOf(model: SiteModel, gridIndex: number, readings: Readings): Island {
  const { ties } = model.site
  if (ties.length === 0) return { grids: [gridIndex] }
  const staleMs = staleAfterMs(model.grids[gridIndex]!.cycleMs)
  const joined = new Set([gridIndex])
  let unknownTie: string | undefined
  for (let grown = true; grown;) {
    grown = false
    for (const tie of ties) {
      const [a = -1, b = -1] = tie.between.map((id) => model.gridIndex.get(id) ?? -1)
      if (joined.has(a) === joined.has(b) && !joined.has(a)) continue
      const closed = holds(tie.closed, readings, staleMs)
      if (closed === undefined) unknownTie ??= tie.name
      if (closed && joined.has(a) !== joined.has(b)) {
        joined.add(a).add(b)
        grown = true
      }
    }
  }
  const grids = [...joined].toSorted((a, b) => a - b)
  return { grids, ...(unknownTie !== undefined && { unknownTie }) }
}

/** The grid whose control decides for this one: itself, or the first of those joined by closed ties. */
export function controllerOf(model: SiteModel, gridId: string, readings: Readings): string {
  const index = model.gridIndex.get(gridId)
  if (index === undefined) throw new RangeError(`the site has no grid ${gridId}`)
  return model.grids[islandOf(model, index, readings).grids[0]!]!.grid.id
}

/**
 * Node on which a device hangs now: its only place, or the one place whose condition holds. Undefined when no place, several, or
 * an unknown condition make that uncertain.
 */
export function placeOf(model: SiteModel, deviceIndex: number, readings: Readings): number | undefined {
  const { places } = model.devices[deviceIndex]!
  if (places.length === 1 && !places[0]!.when) return places[0]!.node
  let found: number | undefined
  for (const { node, when } of places) {
    const staleMs = staleAfterMs(model.grids[model.nodes[node]!.gridIndex]!.cycleMs)
    const here = when ? holds(when, readings, staleMs) : true
    if (here === undefined || (here && found !== undefined)) return undefined
    if (here) found = node
  }
  return found
}
