import type { MapImportOptions } from '#contract/map-import.ts'
import type { ForeignMap, ForeignPoint } from './types.ts'

/** A map is of one unit: the one that was asked for, or the one with most entries. What is of others is said. */
export function chooseUnit(foreign: ForeignMap, { unitId }: MapImportOptions): ForeignMap {
  const counts = new Map<ForeignPoint['unitId'], number>()
  for (const { unitId: id } of foreign.points) if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1)
  if (counts.size === 0) return foreign
  const [most] = [...counts].toSorted((a, b) => b[1] - a[1])[0]!
  const chosen = unitId ?? most
  const own = ({ unitId: id }: ForeignPoint) => id === undefined || id === chosen
  const others = foreign.points.filter((point) => !own(point))
  const number =
    typeof chosen === 'number' && Number.isInteger(chosen) && chosen >= 0 && chosen < 256 ? chosen : undefined
  return {
    ...foreign,
    points: foreign.points.filter(own),
    ...(number !== undefined && { connection: { ...foreign.connection, unitId: number } }),
    skipped: [
      ...foreign.skipped,
      ...others.map(({ place, original, unitId: id }) => ({
        place,
        original,
        reason: `is of unit ${id}, not of ${chosen}${typeof id === 'number' ? '; import the file once more for that unit' : ''}`,
      })),
    ],
  }
}
