import { isDeepStrictEqual } from 'node:util'
import { EdgeError } from '#contract/errors.ts'
import { type EditPath, NotEditable } from './edit-path.ts'
import { tomlComments, tomlSplices } from './edit-toml.ts'
import { yamlComments, yamlSplices } from './edit-yaml.ts'
import { lineStarts, placeOf, readSource } from './source.ts'
import { type Edited, splice, type Splice, chain } from './splice.ts'

/** Sets the value at a path, adds it when there is none yet (behind the last entry of a list), or removes it when it is undefined. */
export interface Edit {
  readonly path: EditPath
  readonly value: unknown
  /** The new name of the key; YAML only. */
  readonly key?: string
}

/**
 * A text with changed values. Comments, order and everything else keep their bytes. Throws config.invalid with the place when the
 * text cannot be changed like that by a program, which is rare in YAML; in TOML, whole tables are changed by hand.
 */
export function editText(text: string, file: string, edits: readonly Edit[]): Edited {
  const toml = file.endsWith('.toml')
  let edited: Edited = { text, origin: (offset) => offset }
  let expected = dataOf(text, file)
  let pending: { readonly path: EditPath; readonly splices: readonly Splice[] }[] = []
  const flush = (): void => {
    if (pending.length === 0) return
    edited = chain(
      edited,
      splice(
        edited.text,
        pending.flatMap(({ splices }) => splices),
      ),
    )
    pending = []
  }
  for (const { path, value, key } of edits) {
    try {
      const find = () => (toml ? tomlSplices(edited.text, path, value) : yamlSplices(edited.text, path, value, key))
      if (toml && key !== undefined) throw new NotEditable(0, 'a key is renamed by hand in TOML')
      // Scalars that take the place of scalars move nothing else: found on the same text, they are applied together.
      const scalar = isScalar(value) && isScalar(valueAt(expected, path)) && key === undefined
      if (!scalar || pending.some((other) => samePath(other.path, path))) flush()
      pending.push({ path, splices: find() })
      if (!scalar) flush()
    } catch (error) {
      if (!(error instanceof NotEditable)) throw error
      throw refusal(edited, text, file, path, error)
    }
    expected = withValue(expected, path, value, key)
  }
  flush()
  const comments = toml ? tomlComments : yamlComments
  const kept = sorted(comments(text), text)
  const found = sorted(comments(edited.text), edited.text)
  if (!isDeepStrictEqual(dataOf(edited.text, file), plain(expected)) || !isDeepStrictEqual(found, kept))
    throw refusal(
      edited,
      text,
      file,
      edits[0]?.path ?? [],
      new NotEditable(0, 'the result would not be what was asked for'),
    )
  return edited
}

const isScalar = (value: unknown): boolean =>
  value !== undefined &&
  value !== null &&
  typeof value !== 'object' &&
  !(typeof value === 'string' && value.includes('\n'))

const samePath = (a: EditPath, b: EditPath): boolean => a.join('\0') === b.join('\0')

function sorted(ranges: readonly (readonly [number, number])[], text: string): string[] {
  return ranges.map(([from, to]) => text.slice(from, to).trimEnd()).toSorted()
}

function refusal(
  edited: Edited,
  text: string,
  file: string,
  path: EditPath,
  { offset, message }: NotEditable,
): EdgeError {
  const { line, column } = placeOf(lineStarts(text), edited.origin(offset))
  return new EdgeError(
    'config.invalid',
    `${file}:${line}:${column}: "${path.join('.')}" cannot be changed here by a program: ${message}; change it in a text editor`,
  )
}

/** As plain data, so that what a parser makes of it does not count as a difference. */
function dataOf(text: string, file: string): unknown {
  return plain(readSource(text, file).source?.data)
}

function plain(data: unknown): unknown {
  const text: string | undefined = JSON.stringify(data)
  return text === undefined ? undefined : JSON.parse(text)
}

function valueAt(data: unknown, path: EditPath): unknown {
  let value = data
  for (const part of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined
  return value
}

/** Data with an edit done; mappings and lists that become empty stay. */
export function withValue(data: unknown, path: EditPath, value: unknown, key?: string): unknown {
  const [part, ...rest] = path
  if (part === undefined) return value
  if (Array.isArray(data) || (typeof part === 'number' && (data === undefined || data === null))) {
    const list: unknown[] = Array.isArray(data) ? [...data] : []
    const index = Number(part)
    const next = withValue(list[index], rest, value, key)
    if (next === undefined && rest.length === 0) list.splice(index, 1)
    else if (next !== undefined) list[index] = next
    return list
  }
  const before: Readonly<Record<string, unknown>> = typeof data === 'object' && data !== null ? { ...data } : {}
  const name = String(part)
  if (value === undefined && !Object.hasOwn(before, name)) return data
  const next = withValue(before[name], rest, value, key)
  const renamed = rest.length === 0 && key !== undefined ? key : name
  const { [name]: _, ...others } = before
  return next === undefined ? others : { ...others, [renamed]: next }
}
