import {
  type Document,
  LineCounter,
  type YAMLMap,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
  visit,
} from 'yaml'

/** One thing that is wrong in a file, where it stands and what would be allowed there. */
export interface YamlProblem {
  readonly file: string
  /** 1-based, like an editor's. */
  readonly line: number
  readonly column: number
  /** Keys from the top of the file, such as `points.powerW.address`; empty for the file itself. */
  readonly path: string
  readonly message: string
  readonly allowed?: readonly string[]
}

type Key = PropertyKey

/** A parsed YAML file whose values can be traced back to their lines. */
export interface YamlSource {
  readonly file: string
  readonly data: unknown
  /** Where the value (or, with `key`, the key) at a path stands; for a missing one, the place that lacks it. */
  locate(path: readonly Key[], at?: 'value' | 'key'): { readonly line: number; readonly column: number }
  problem(
    path: readonly Key[],
    message: string,
    options?: { readonly at?: 'value' | 'key'; readonly allowed?: readonly string[] },
  ): YamlProblem
}

export type YamlRead =
  | { readonly source: YamlSource; readonly problems?: undefined }
  | { readonly problems: readonly YamlProblem[]; readonly source?: undefined }

/** Largest file that is read at all, in characters; bounds the memory and time a hostile file can take. */
export const maxYamlLength = 1_000_000
const maxDepth = 40
/** Bounds how far aliases may expand; hand-written files need a handful. */
const maxAliasCount = 50

/** Deepest nesting of flow brackets, counted on the text so that the recursive parser never sees a bomb. */
function flowDepth(text: string): number {
  let depth = 0
  let deepest = 0
  for (const character of text) {
    if (character === '[' || character === '{') deepest = Math.max(deepest, (depth += 1))
    else if ((character === ']' || character === '}') && depth > 0) depth -= 1
  }
  return deepest
}

/** Deepest indentation-free nesting such as `- - - - x` or `? ? ? x` in one line, which also recurses in the parser. */
function blockDepth(text: string): number {
  let deepest = 0
  for (const [marks] of text.matchAll(/(?:[-?:][ \t]+){20,}/g)) deepest = Math.max(deepest, marks.length / 2)
  return deepest
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]!.replace(/ at line \d+, column \d+:?$/, '')
}

/**
 * Reads a YAML file strictly: one document, unique keys, no unknown tags, bounded size, depth and alias expansion.
 * Never throws for what a file contains.
 */
export function readYaml(text: string, file: string): YamlRead {
  const refuse = (message: string): YamlRead => ({ problems: [{ file, line: 1, column: 1, path: '', message }] })
  if (text.length > maxYamlLength) return refuse(`the file is larger than ${maxYamlLength / 1_000_000} MB`)
  if (flowDepth(text) > maxDepth * 5 || blockDepth(text) > maxDepth) return refuse('the file is nested too deeply')

  const lines = new LineCounter()
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  let document: Document
  try {
    document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false, version: '1.2' })
  } catch (error) {
    if (error instanceof RangeError) return refuse('the file is nested too deeply')
    throw error
  }
  const faults = [...document.errors, ...document.warnings]
  if (faults.some((fault) => fault.message.includes('call stack'))) return refuse('the file is nested too deeply')
  if (faults.length > 0)
    return {
      problems: faults
        .slice(0, 20)
        .map((fault) => ({ file, ...place(fault.pos[0]), path: '', message: firstLine(fault.message) })),
    }

  const structure = checkStructure(document)
  if (structure) return { problems: [{ file, ...place(structure.offset), path: '', message: structure.message }] }

  let data: unknown
  try {
    data = document.toJS({ maxAliasCount })
  } catch (error) {
    if (error instanceof ReferenceError) return refuse(aliasMessage(error.message))
    throw error
  }
  const locate: YamlSource['locate'] = (path, at = 'value') => place(offsetOf(document, path, at))
  return {
    source: {
      file,
      data,
      locate,
      problem: (path, message, options = {}) => ({
        file,
        ...locate(path, options.at),
        path: path.map(String).join('.'),
        message,
        ...(options.allowed && { allowed: options.allowed }),
      }),
    },
  }
}

function aliasMessage(message: string): string {
  return message.startsWith('Unresolved alias') ? firstLine(message) : 'the file expands its aliases too far'
}

interface Fault {
  readonly offset: number
  readonly message: string
}

function checkStructure(document: Document): Fault | undefined {
  let found: Fault | undefined
  let aliases = 0
  visit(document, {
    Node: (_key, node, ancestors) => {
      const refuse = (message: string): Fault => ({ offset: node.range?.[0] ?? 0, message })
      if (ancestors.length > maxDepth * 2) found = refuse('nested too deeply')
      else if (isAlias(node) && (aliases += 1) > maxAliasCount) found = refuse(`more than ${maxAliasCount} aliases`)
      else if (isMap(node)) found = checkKeys(node)
      return found ? visit.BREAK : undefined
    },
  })
  return found
}

/** Done here because the parser's own check for unique keys takes time with the square of their number. */
function checkKeys(map: YAMLMap): Fault | undefined {
  const seen = new Set<string>()
  for (const { key } of map.items) {
    const offset = isNode(key) ? (key.range?.[0] ?? 0) : 0
    if (!isScalar(key)) return { offset, message: 'a key must be a plain word or number' }
    const name = String(key.value)
    if (key.value === null) return { offset, message: 'a key is missing before the colon' }
    if (name === '__proto__') return { offset, message: 'the key "__proto__" is not allowed' }
    if (seen.has(name)) return { offset, message: `the key "${name}" is given twice` }
    seen.add(name)
  }
  return undefined
}

function offsetOf(document: Document, path: readonly Key[], at: 'value' | 'key'): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (const [index, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part))
      if (!pair) return offset
      const keyOffset = isNode(pair.key) ? (pair.key.range?.[0] ?? offset) : offset
      node = pair.value
      // A problem with a whole mapping is best shown at its key; one with a scalar at the scalar.
      offset = isScalar(node) && at === 'value' ? (node.range?.[0] ?? keyOffset) : keyOffset
      if (index === path.length - 1 && at === 'key') return keyOffset
    } else if (isSeq(node)) {
      node = node.items[Number(part)]
      if (!isNode(node)) return offset
      offset = node.range?.[0] ?? offset
    } else return offset
  }
  return offset
}

/** The first problems as one sentence each, `file:line:column: message`. */
export function problemsText(problems: readonly YamlProblem[], most = 5): string {
  const shown = problems.slice(0, most).map(({ file, line, column, path, message, allowed }) => {
    const where = path && !message.includes(path) ? `${path}: ` : ''
    const list = allowed && allowed.length > 0 && allowed.length <= 40 ? ` (allowed: ${allowed.join(', ')})` : ''
    return `${file}:${line}:${column}: ${where}${message}${list}`
  })
  const rest = problems.length - shown.length
  return rest > 0 ? [...shown, `and ${rest} more`].join('\n') : shown.join('\n')
}
