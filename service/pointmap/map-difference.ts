import type { EffectiveMap } from './types.ts'

/** One thing in which two maps differ in meaning. */
export interface MapDifference {
  readonly kind: 'added' | 'removed' | 'changed'
  /** Keys from the top; a point is one of them, whatever dots its name has. */
  readonly path: readonly string[]
  readonly before?: string
  readonly after?: string
}

/** Things of the map that have a name, and are added or removed as a whole. */
const named: ReadonlySet<string> = new Set(['points', 'derived', 'commands'])

/** What differs in meaning between two maps, with what they extend: not the order of keys, comments or spaces. */
export function differenceOf(before: EffectiveMap, after: EffectiveMap): MapDifference[] {
  const found: MapDifference[] = []
  compare(asRecord(before), asRecord(after), [], found)
  return found
}

const asRecord = (map: object): Readonly<Record<string, unknown>> => Object.fromEntries(Object.entries(map))

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function compare(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  path: readonly string[],
  found: MapDifference[],
): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const old = Object.hasOwn(before, key) ? before[key] : undefined
    const now = Object.hasOwn(after, key) ? after[key] : undefined
    const at = [...path, key]
    const container = path.length === 0 && named.has(key)
    if (isRecord(old ?? {}) && isRecord(now ?? {}) && (container || (isRecord(old) && isRecord(now))))
      compare(isRecord(old) ? old : {}, isRecord(now) ? now : {}, at, found)
    else if (old === undefined) found.push({ kind: 'added', path: at, after: shown(now) })
    else if (now === undefined) found.push({ kind: 'removed', path: at, before: shown(old) })
    else if (shown(old) !== shown(now)) found.push({ kind: 'changed', path: at, before: shown(old), after: shown(now) })
  }
}

/** As YAML writes it in one line; keys in alphabetical order, because theirs has no meaning. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`
  if (isRecord(value)) {
    const keys = Object.keys(value).toSorted()
    return `{ ${keys.map((key) => `${key}: ${shown(value[key])}`).join(', ')} }`
  }
  return String(value)
}
