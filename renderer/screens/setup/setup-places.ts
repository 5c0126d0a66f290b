/** Place in the answers: keys and positions from the top. */
export type Place = readonly (string | number)[]

export const placeText = (place: Place): string => place.join('.')
export const placeOf = (text: string): Place =>
  text.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part))

export function valueAt(value: unknown, place: Place): unknown {
  let here = value
  for (const part of place) {
    if (typeof here !== 'object' || here === null) return undefined
    here = Object.getOwnPropertyDescriptor(here, part)?.value
  }
  return here
}

export const listAt = (value: unknown, place: Place): readonly unknown[] => {
  const found = valueAt(value, place)
  return Array.isArray(found) ? found : []
}

export function textAt(value: unknown, place: Place): string {
  const found = valueAt(value, place)
  return typeof found === 'string' || typeof found === 'number' ? String(found) : ''
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}

/** A copy with another value at a place; undefined takes it away. */
export function withValue(value: unknown, [part, ...rest]: Place, wanted: unknown): unknown {
  if (part === undefined) return wanted
  if (typeof part === 'number') {
    const list: unknown[] = Array.isArray(value) ? [...value] : []
    const next = withValue(list[part], rest, wanted)
    if (next === undefined) list.splice(part, 1)
    else list[Math.min(part, list.length)] = next
    return list
  }
  const { [part]: old, ...others } = recordOf(value)
  const next = withValue(old, rest, wanted)
  if (next === undefined) return others
  return Object.hasOwn(recordOf(value), part) ? { ...recordOf(value), [part]: next } : { ...others, [part]: next }
}

/** A short name for files that nothing else has; the service makes the same from a name. */
export function freeId(name: string, taken: readonly string[], fallback: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 30)
    .replace(/-+$/, '')
  const base = plain === '' ? fallback : plain
  for (let number = 1; ; number += 1) {
    const id = number === 1 ? base : `${base}-${number}`
    if (!taken.includes(id)) return id
  }
}

/** Every text of the answers: short names, and what speaks of them. */
export function idsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap((inner) => idsIn(inner)) : []
}
