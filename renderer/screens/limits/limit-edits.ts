import type { LimitChange, SiteLimit } from '#contract/site-limits.ts'
import { shownFactor } from '../../format/quantity.ts'

/** What was typed for a limit, as text in the unit that is shown. */
export type Edits = ReadonlyMap<string, string>

export type Typed =
  | { readonly kind: 'same' }
  | { readonly kind: 'change'; readonly value: number | null }
  | { readonly kind: 'wrong'; readonly reason: 'number' | 'range' | 'needed' }

/** The text of a limit as it stands. */
export function textOf(limit: SiteLimit): string {
  if (limit.value === undefined) return ''
  // 4.2 kW must not become 4.200000000000001.
  return String(Number((limit.value * shownFactor(limit.unit)).toPrecision(12)))
}

/** Reads what was typed: a decimal comma is as good as a point. */
export function readTyped(limit: SiteLimit, text: string): Typed {
  const trimmed = text.trim().replace(',', '.')
  if (trimmed === textOf(limit)) return { kind: 'same' }
  if (trimmed === '') return limit.optional ? { kind: 'change', value: null } : { kind: 'wrong', reason: 'needed' }
  if (!/^\d+(\.\d+)?$/.test(trimmed)) return { kind: 'wrong', reason: 'number' }
  const value = Number((Number(trimmed) / shownFactor(limit.unit)).toPrecision(12))
  if (value === limit.value) return { kind: 'same' }
  if (value < limit.min || value > limit.max) return { kind: 'wrong', reason: 'range' }
  return { kind: 'change', value }
}

/** The changes that can be asked for, and whether anything typed stands in the way. */
export function readEdits(limits: readonly SiteLimit[], edits: Edits): { changes: LimitChange[]; wrong: boolean } {
  const changes: LimitChange[] = []
  let wrong = false
  for (const limit of limits) {
    const text = edits.get(limit.id)
    if (text === undefined) continue
    const typed = readTyped(limit, text)
    if (typed.kind === 'change') changes.push({ id: limit.id, value: typed.value })
    wrong ||= typed.kind === 'wrong'
  }
  return { changes, wrong }
}

/** Limits by what they belong to, in their order. */
export function byOwner(limits: readonly SiteLimit[]): { owner: string; limits: SiteLimit[] }[] {
  const groups: { owner: string; place: string; limits: SiteLimit[] }[] = []
  for (const limit of limits) {
    // Two circuits may have the same name.
    const place = limit.id.slice(0, limit.id.lastIndexOf('.'))
    const last = groups.at(-1)
    if (last?.place === place) last.limits.push(limit)
    else groups.push({ owner: limit.owner, place, limits: [limit] })
  }
  return groups
}
