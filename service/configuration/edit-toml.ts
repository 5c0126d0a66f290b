import { stringify } from 'smol-toml'
import { type EditPath, nested, NotEditable } from './edit-path.ts'
import { lineAt, type Splice } from './splice.ts'
import { type TomlSpots, tomlSpots } from './toml-spots.ts'

/**
 * The replacements that set, add or (without a value) remove one value of a TOML text. All else keeps its bytes; comments inside
 * what is removed stay in its place. Whole tables with headers are only added at the end. Throws NotEditable.
 */
export function tomlSplices(text: string, path: EditPath, value: unknown): readonly Splice[] {
  const spots = tomlSpots(text)
  const spot = spots.get(path)
  if (spot && (spot.kind === 'table' || spot.kind === 'implied'))
    throw new NotEditable(spot.key[0], 'a table with a header of its own is changed by hand in TOML')
  if (spot && value !== undefined) return [{ from: spot.value[0], to: spot.value[1], text: inline(value) }]
  if (spot) return removed(text, path, spots)
  return value === undefined ? [] : [added(text, path, value, spots)]
}

/** Every comment of a TOML text. */
export function tomlComments(text: string): TomlSpots['comments'] {
  return tomlSpots(text).comments
}

function removed(text: string, path: EditPath, spots: TomlSpots): readonly Splice[] {
  const spot = spots.get(path)!
  const [from] = spot.key
  const to = spot.value[1]
  const [start] = lineAt(text, from)
  const [, end] = lineAt(text, to)
  const kept = spots.comments.filter(([at]) => at >= from && at < end).map((range) => text.slice(...range))
  const holder = spots.get(path.slice(0, -1))
  if (holder?.kind === 'array' || text.slice(start, from).trim() !== '')
    throw new NotEditable(from, 'an entry within brackets is removed by hand in TOML')
  return [{ from: start, to: Math.min(end + 1, text.length), text: kept.map((comment) => `${comment}\n`).join('') }]
}

function added(text: string, path: EditPath, value: unknown, spots: TomlSpots): Splice {
  for (let length = path.length - 1; length >= 0; length -= 1) {
    const spot = spots.get(path.slice(0, length))
    if (!spot) continue
    const [key, ...rest] = path.slice(length)
    const inner = nested(rest, value)
    if (spot.array || spot.kind === 'array' || typeof key === 'number')
      return addedEntry(text, path, length, inner, spots)
    if (spot.kind === 'inline') {
      const close = spot.value[1] - 1
      const empty = text.slice(spot.value[0] + 1, close).trim() === ''
      const at = close - (/\s*$/.exec(text.slice(spot.value[0] + 1, close))?.[0].length ?? 0)
      return { from: at, to: at, text: `${empty ? ' ' : ', '}${keyText(key)} = ${inline(inner)}` }
    }
    if (spot.kind === 'implied') break
    const root = length === 0
    if (root && typeof inner === 'object' && inner !== null && !Array.isArray(inner))
      return appended(text, [key!], inner)
    const [, at] = lineAt(text, spot.end)
    const line = `${keyText(key)} = ${inline(inner)}`
    // Above everything, when the file begins with a header.
    return root && spot.end === 0 ? { from: 0, to: 0, text: `${line}\n` } : { from: at, to: at, text: `\n${line}` }
  }
  throw new NotEditable(0, `"${path.join('.')}" has no table yet; add it by hand in TOML`)
}

/** One more entry of a list: a table of its own where the others are, else inside the brackets. */
function addedEntry(text: string, path: EditPath, length: number, value: unknown, spots: TomlSpots): Splice {
  const list = path.slice(0, length)
  const spot = spots.get(list)!
  const index = Number(path[length])
  if (spots.get([...list, index - 1]) === undefined && index !== 0)
    throw new NotEditable(spot.key[0], `the list has no entry ${index}`)
  if (spot.array) {
    if (list.length !== 1)
      throw new NotEditable(spot.key[0], 'an entry of a list within a list is added by hand in TOML')
    return appended(text, list, value, true)
  }
  const last = spots.get([...list, index - 1])
  if (!last) return { from: spot.value[0], to: spot.value[1], text: `[${inline(value)}]` }
  return { from: last.value[1], to: last.value[1], text: `, ${inline(value)}` }
}

function appended(text: string, path: EditPath, value: unknown, array = false): Splice {
  const name = path.map(keyText).join('.')
  const lines = Object.entries(Object(value)).map(([key, entry]) => `${keyText(key)} = ${inline(entry)}`)
  const header = array ? `[[${name}]]` : `[${name}]`
  const gap = text === '' || text.endsWith('\n') ? '\n' : '\n\n'
  return { from: text.length, to: text.length, text: `${gap}${[header, ...lines].join('\n')}\n` }
}

const keyText = (key: unknown): string =>
  /^[A-Za-z0-9_-]+$/.test(String(key)) ? String(key) : JSON.stringify(String(key))

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).flatMap(([key, entry]) =>
      entry === undefined ? [] : [`${keyText(key)} = ${inline(entry)}`],
    )
    return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`
  }
  return stringify({ a: value }).trim().slice('a = '.length)
}
