/** A range of the text, from the first character to behind the last one. */
type Range = readonly [from: number, to: number]

/** Where something of a TOML document stands. */
export interface TomlSpot {
  readonly key: Range
  /** Of a table: its header. */
  readonly value: Range
  /** `table`: under a header of its own; `implied`: only named on the way to others. */
  readonly kind: 'scalar' | 'array' | 'inline' | 'table' | 'implied'
  /** Behind the last key and value that stand under the header of a table. */
  readonly end: number
  readonly array?: true
}

export interface TomlSpots {
  get(path: readonly PropertyKey[]): TomlSpot | undefined
  /** Without the `#`'s line end. */
  readonly comments: readonly Range[]
}

interface Table {
  readonly path: readonly string[]
  readonly header: Range
  end: number
  array: boolean
}

const bare = /[A-Za-z0-9_-]+/y
const numberOrWord = /[^\s,\]}#]+(?: \d{2}:\d{2}[^\s,\]}#]*)?/y

const nameOf = (path: readonly PropertyKey[]): string => path.map(String).join('\0')

/** Finds every key and value of a document that is known to be well-formed. */
export function tomlSpots(text: string): TomlSpots {
  const spots = new Map<string, TomlSpot>()
  const comments: Range[] = []
  const counts = new Map<string, number>()
  let at = 0

  function skip(lines: boolean): void {
    for (;;) {
      const character = text[at]
      if (character === '#') {
        const end = text.indexOf('\n', at)
        comments.push([at, end < 0 ? text.length : end])
        at = end < 0 ? text.length : end
      } else if (character === ' ' || character === '\t' || (lines && (character === '\n' || character === '\r')))
        at += 1
      else return
    }
  }

  function quoted(): string {
    const quote = text[at]!
    const long = text.startsWith(quote.repeat(3), at)
    const close = long ? quote.repeat(3) : quote
    const from = at
    at += close.length
    while (at < text.length && !text.startsWith(close, at)) at += quote === '"' && text[at] === '\\' ? 2 : 1
    at += close.length
    // A long string may end with up to two quotes of its own.
    if (long) while (text[at] === quote) at += 1
    return text.slice(from, at)
  }

  function keyPath(): { readonly path: string[]; readonly range: Range } {
    const from = at
    const path: string[] = []
    let to = at
    for (;;) {
      skip(false)
      if (text[at] === '"' || text[at] === "'") {
        const source = quoted()
        path.push(source.startsWith('"') ? unescaped(source) : source.slice(1, -1))
      } else {
        bare.lastIndex = at
        const word = bare.exec(text)?.[0] ?? ''
        at += word.length
        path.push(word)
      }
      to = at
      skip(false)
      if (text[at] !== '.') return { path, range: [from, to] }
      at += 1
    }
  }

  function value(path: readonly string[], key: Range): void {
    const from = at
    let kind: TomlSpot['kind'] = 'scalar'
    const character = text[at]
    if (character === '"' || character === "'") quoted()
    else if (character === '[') {
      kind = 'array'
      at += 1
      for (let index = 0; ; index += 1) {
        skip(true)
        if (text[at] === ']' || at >= text.length) break
        value([...path, String(index)], [at, at])
        skip(true)
        if (text[at] === ',') at += 1
      }
      at += 1
    } else if (character === '{') {
      kind = 'inline'
      at += 1
      for (;;) {
        skip(true)
        if (text[at] === '}' || at >= text.length) break
        pair(path)
        skip(true)
        if (text[at] === ',') at += 1
      }
      at += 1
    } else {
      numberOrWord.lastIndex = at
      at += Math.max(numberOrWord.exec(text)?.[0].length ?? 0, 1)
    }
    spots.set(nameOf(path), { key, value: [from, at], kind, end: at })
  }

  function pair(table: readonly string[]): void {
    const { path, range } = keyPath()
    for (let length = 1; length < path.length; length += 1) {
      const name = nameOf([...table, ...path.slice(0, length)])
      if (!spots.has(name)) spots.set(name, { key: range, value: range, kind: 'implied', end: at })
    }
    skip(false)
    at += 1
    skip(false)
    value([...table, ...path], range)
  }

  function header(): Table {
    const from = at
    const array = text.startsWith('[[', at)
    at += array ? 2 : 1
    const { path, range } = keyPath()
    at += array ? 2 : 1
    const full: string[] = []
    for (const [index, part] of path.entries()) {
      full.push(part)
      const name = nameOf(full)
      const count = counts.get(name)
      if (index === path.length - 1) {
        if (array) {
          counts.set(name, (count ?? 0) + 1)
          if (count === undefined) spots.set(name, { key: range, value: range, kind: 'implied', end: at, array })
          full.push(String(count ?? 0))
        }
      } else if (count !== undefined) full.push(String(count - 1))
      else if (!spots.has(name)) spots.set(name, { key: range, value: range, kind: 'implied', end: at })
    }
    return { path: full, header: [from, at], end: at, array }
  }

  let table: Table = { path: [], header: [0, 0], end: 0, array: false }
  const close = (): void => {
    const { path, header, end } = table
    spots.set(nameOf(path), { key: header, value: header, kind: 'table', end })
  }
  for (;;) {
    skip(true)
    if (at >= text.length) break
    if (text[at] === '[') {
      close()
      table = header()
    } else {
      pair(table.path)
      table.end = at
    }
  }
  close()
  return { get: (path) => spots.get(nameOf(path)), comments }
}

function unescaped(source: string): string {
  try {
    return String(JSON.parse(source))
  } catch {
    return source.slice(1, -1)
  }
}
