import type { Site } from '#contract/site.ts'
import { type NamedLimit, namedLimits } from '../domain/site-limits.ts'

/** Whether the second value allows more than the first; no value allows everything. */
export function isLooser(looser: NamedLimit['looser'], before: number | undefined, after: number | undefined): boolean {
  if (before === undefined) return false
  if (after === undefined) return true
  return looser === 'larger' ? after > before : after < before
}

/** The limits that a new configuration is judged by until it is confirmed. */
export interface StricterLimits {
  /** The new site with the stricter one of the old and the new value for each limit. */
  readonly site: Site
  /** Limits that hold their old value. */
  readonly held: readonly NamedLimit[]
  /** The old limits of circuits that the new site has no more: nothing of it can keep them. */
  readonly lost: readonly NamedLimit[]
}

/** Takes the stricter of the old and the new value of each limit, except those that a person has confirmed by name. */
export function stricterLimits(before: Site, after: Site, confirmed: ReadonlySet<string> = new Set()): StricterLimits {
  const site = structuredClone(after)
  const next = new Map(namedLimits(after).map((limit) => [limit.name, limit]))
  const held: NamedLimit[] = []
  const lost: NamedLimit[] = []
  for (const old of namedLimits(before)) {
    if (old.value === undefined || confirmed.has(old.name)) continue
    const limit = next.get(old.name)
    // What belongs to a device goes with the device.
    if (!limit) {
      if (old.name.startsWith('limit/circuit/')) lost.push(old)
    } else if (isLooser(old.looser, old.value, limit.value)) {
      setAt(site, limit.id, old.value)
      held.push({ ...limit, value: old.value })
    }
  }
  return { site, held, lost }
}

function setAt(site: Site, path: string, value: number): void {
  const keys = path.split('.')
  const last = keys.pop() ?? ''
  let holder: unknown = site
  for (const key of keys) holder = Reflect.get(Object(holder), key)
  Reflect.set(Object(holder), last, value)
}
