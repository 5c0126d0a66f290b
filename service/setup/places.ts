/** Place in the answers: keys and positions from the top. */
export type Place = readonly (string | number)[]

export const placeText = (place: readonly PropertyKey[]): string => place.map(String).join('.')

/** The place that a text such as `devices.2.charger.maxCurrentA` names. */
export const placeOf = (text: string): Place =>
  text.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part))

/** What is at a place; undefined where there is nothing. */
export function valueAt(value: unknown, place: readonly PropertyKey[]): unknown {
  let here = value
  for (const part of place) {
    if (typeof here !== 'object' || here === null) return undefined
    here = Object.getOwnPropertyDescriptor(here, part)?.value
  }
  return here
}

/** A copy with another value at a place; undefined takes it away. Objects and lists on the way are made where they are missing. */
export function withValue(value: unknown, [part, ...rest]: Place, wanted: unknown): unknown {
  if (part === undefined) return wanted
  if (typeof part === 'number' || Array.isArray(value)) {
    const list: unknown[] = Array.isArray(value) ? [...value] : []
    const next = withValue(list[Number(part)], rest, wanted)
    if (next === undefined) list.splice(Number(part), 1)
    else list[Math.min(Number(part), list.length)] = next
    return list
  }
  const { [part]: old, ...others } = recordOf(value)
  const next = withValue(old, rest, wanted)
  if (next === undefined) return others
  return Object.hasOwn(recordOf(value), part) ? { ...recordOf(value), [part]: next } : { ...others, [part]: next }
}

/** The entries of an object; none of anything else. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
