import type { SiteEvent } from '#contract/api.ts'

/** Both lists in one, newest first, each event once, at most `capacity`. */
export function mergeEvents(
  known: readonly SiteEvent[],
  added: readonly SiteEvent[],
  capacity: number,
): readonly SiteEvent[] {
  const ids = new Set(known.map(({ id }) => id))
  const fresh = added.filter(({ id }) => !ids.has(id))
  if (fresh.length === 0) return known
  return [...known, ...fresh].toSorted((a, b) => b.id - a.id).slice(0, capacity)
}
