/** Where a cursor stands in a YAML text: the keys above it, and whether a key or a value is typed there. */
export interface YamlPlace {
  /** Keys from the top; an entry of a list is `[]`. */
  readonly path: readonly string[]
  readonly typing: 'key' | 'value'
  /** Of the value that is typed. */
  readonly key: string | undefined
  /** What is typed already begins here. */
  readonly from: number
  /** Keys that the mapping in braces has already. */
  readonly taken: ReadonlySet<string>
}

/** Lines above that are looked at: no mapping is longer. */
const mostLines = 5000

const indentOf = (line: string): number => line.search(/\S|$/)
const unquoted = (key: string): string => key.replaceAll(/^['"]|['"]$/g, '')
const blockKey = /^(\s*)(- +)?([\w.-]+|'[^']*'|"[^"]*"):(?=\s|$)/

/** Reads the text before the cursor only, so that what is half typed behind it does no harm. */
export function yamlPlace(text: string): YamlPlace {
  const lines = text.slice(-200_000).split('\n').slice(-mostLines)
  const start = blockStart(lines)
  const block = lines.slice(start).join('\n')
  const path = parentsOf(lines, start)
  const head = blockKey.exec(lines[start] ?? '')
  const item = head?.[2] !== undefined || /^\s*- /.test(lines[start] ?? '')
  if (item) path.push('[]')
  const flow = readFlow(block.slice(head ? head[0].length : indentOf(block)))
  if (flow.depth > 0) {
    const above = head?.[3] === undefined ? [] : [unquoted(head[3])]
    return { ...flow, path: [...path, ...above, ...flow.path], from: text.length - flow.typed }
  }
  const last = lines.at(-1) ?? ''
  const value = blockKey.exec(last)
  if (value && last.length > value[0].length) {
    const key = unquoted(value[3] ?? '')
    const typed = /[^\s]*$/.exec(last)?.[0].length ?? 0
    return { path: [...path, key], typing: 'value', key, from: text.length - typed, taken: new Set() }
  }
  const typed = /[\w.-]*$/.exec(last)?.[0].length ?? 0
  return { path, typing: 'key', key: undefined, from: text.length - typed, taken: new Set() }
}

/** The line on which the entry begins that the cursor is in: an entry in braces can take several. */
function blockStart(lines: readonly string[]): number {
  let closed = 0
  for (let at = lines.length - 1; at >= 0; at--) {
    const line = withoutStrings(lines[at] ?? '')
    for (let index = line.length - 1; index >= 0; index--) {
      if (line[index] === '}' || line[index] === ']') closed += 1
      else if (line[index] === '{' || line[index] === '[') closed -= 1
    }
    // More was opened than closed from here on: the braces that the cursor is in begin here or above.
    if (closed < 0 && (blockKey.test(line) || /^\s*- /.test(line))) return at
  }
  return lines.length - 1
}

const withoutStrings = (line: string): string =>
  line.replaceAll(/'[^']*'|"[^"]*"/g, (words) => '_'.repeat(words.length)).replace(/(^|\s)#.*$/, '')

function parentsOf(lines: readonly string[], start: number): string[] {
  const path: string[] = []
  const own = lines[start] ?? ''
  let indent = own.trim() === '' ? own.length : indentOf(own)
  for (let at = start - 1; at >= 0 && indent > 0; at--) {
    const line = lines[at] ?? ''
    const head = blockKey.exec(line)
    if (!head || indentOf(line) >= indent || line.trimStart().startsWith('#')) continue
    indent = indentOf(line)
    path.unshift(unquoted(head[3] ?? ''))
    if (head[2] !== undefined) path.unshift('[]')
  }
  return path
}

function readFlow(text: string): Omit<YamlPlace, 'from'> & { readonly depth: number; readonly typed: number } {
  const stack: { kind: '{' | '['; key: string | undefined; taken: Set<string> }[] = []
  let word = ''
  for (const character of withoutStrings(text)) {
    const top = stack.at(-1)
    if (character === '{' || character === '[') {
      stack.push({ kind: character, key: undefined, taken: new Set() })
      word = ''
    } else if (character === '}' || character === ']') {
      stack.pop()
      word = ''
    } else if (character === ',') {
      if (top) top.key = undefined
      word = ''
    } else if (character === ':' && top?.kind === '{' && top.key === undefined) {
      top.key = unquoted(word.trim())
      top.taken.add(top.key)
      word = ''
    } else word += character
  }
  const top = stack.at(-1)
  const inValue = top !== undefined && (top.kind === '[' || top.key !== undefined)
  const path = stack.flatMap(({ kind, key }, depth) =>
    kind === '[' ? ['[]'] : key === undefined || (depth === stack.length - 1 && !inValue) ? [] : [key],
  )
  return {
    path,
    typing: inValue ? 'value' : 'key',
    key: top?.key,
    taken: top?.taken ?? new Set(),
    depth: stack.length,
    typed: word.trimStart().length,
  }
}
