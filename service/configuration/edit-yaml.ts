import {
  Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Pair,
  Parser,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { type EditPath, isEmpty, nested, NotEditable } from './edit-path.ts'
import { lineAt, type Splice } from './splice.ts'

type Comment = readonly [from: number, to: number]
type Container = YAMLMap | YAMLSeq

interface Source {
  readonly text: string
  readonly comments: readonly Comment[]
}

/**
 * The replacements that set, add, rename or (without a value) remove one value of a YAML text. All else keeps its bytes; comments
 * inside what is removed stay in its place. Throws NotEditable.
 */
export function yamlSplices(text: string, path: EditPath, value: unknown, key?: string): readonly Splice[] {
  const document = parseDocument(text, { keepSourceTokens: true, uniqueKeys: false, version: '1.2' })
  const source: Source = { text, comments: yamlComments(text) }
  let container: unknown = document.contents
  let flow = false
  for (const [depth, part] of path.entries()) {
    if (!isMap(container) && !isSeq(container))
      throw new NotEditable(0, 'the place to change is not a mapping or a list')
    refuseShared(container)
    flow ||= container.flow === true
    const child = childOf(container, part)
    const last = depth === path.length - 1
    if (last || child === undefined || isEmptyScalar(child)) {
      const rest = path.slice(depth + 1)
      if (value === undefined && !last) return []
      const removesOnly = value === undefined && container.items.length === 1 && child !== undefined
      if (removesOnly && depth > 0) return yamlSplices(text, path.slice(0, -1), isMap(container) ? {} : [])
      return change(source, container, part, nested(rest, value), flow, key)
    }
    container = child
  }
  throw new NotEditable(0, 'the file as a whole cannot be replaced')
}

/** Every comment of a YAML text. */
export function yamlComments(text: string): readonly Comment[] {
  const found: Comment[] = []
  const walk = (token: unknown): void => {
    if (Array.isArray(token)) {
      for (const part of token) walk(part)
      return
    }
    if (typeof token !== 'object' || token === null) return
    const { type, offset, source }: { type?: unknown; offset?: unknown; source?: unknown } = token
    if (type === 'comment' && typeof offset === 'number' && typeof source === 'string')
      found.push([offset, offset + source.length])
    else for (const part of Object.values(token)) walk(part)
  }
  for (const token of new Parser().parse(text)) walk(token)
  return found.toSorted(([a], [b]) => a - b)
}

/** A change here would also change every alias of it. */
function refuseShared(node: unknown): void {
  if (isAlias(node)) throw new NotEditable(node.range?.[0] ?? 0, 'this is an alias (*name) of another place')
  if ((isScalar(node) || isCollection(node)) && (node.anchor !== undefined || node.tag !== undefined))
    throw new NotEditable(node.range?.[0] ?? 0, 'this has an anchor (&name) or a tag')
}

function childOf(container: Container, part: string | number): unknown {
  return isMap(container) ? pairOf(container, part)?.value : container.items[Number(part)]
}

function pairOf(map: YAMLMap, part: string | number): Pair | undefined {
  return map.items.find(({ key }) => isScalar(key) && String(key.value) === String(part))
}

const isEmptyScalar = (node: unknown): boolean => node === null || (isScalar(node) && node.value === null)

function change(
  source: Source,
  container: Container,
  part: string | number,
  value: unknown,
  flow: boolean,
  key: string | undefined,
): readonly Splice[] {
  if (isMap(container)) {
    const pair = pairOf(container, part)
    if (!pair) return value === undefined ? [] : [add(source, container, flow, [String(part), value])]
    if (value === undefined) return remove(source, container, container.items.indexOf(pair))
    refuseShared(pair.value)
    return replacePair(source, pair, value, flow, key)
  }
  const index = Number(part)
  const item = container.items[index]
  if (index === container.items.length && value !== undefined) return [add(source, container, flow, [undefined, value])]
  if (!isNode(item)) throw new NotEditable(container.range?.[0] ?? 0, `the list has no entry ${index + 1}`)
  if (value === undefined) return remove(source, container, index)
  refuseShared(item)
  const from = item.range?.[0] ?? 0
  const to = endOf(source, item)
  const inside = isCollection(item) ? commentsIn(source, from, to) : []
  const indent = columnOf(source, from)
  const inline = flow || isPlain(value)
  if (inline && inside.length > 0) {
    const [line] = lineAt(source.text, from)
    const above = { from: line, to: line, text: linesOf(inside, indentOf(source, line)) }
    return [above, { from, to, text: inlineText(value) }]
  }
  return [{ from, to, text: inline ? inlineText(value) : block([...inside, blockText(value)].join('\n'), indent) }]
}

function replacePair(source: Source, pair: Pair, value: unknown, flow: boolean, key?: string): readonly Splice[] {
  const [keyFrom, keyTo] = rangeOf(pair.key)
  const colon = colonOf(source, pair)
  const renamed = key === undefined ? [] : [{ from: keyFrom, to: keyTo, text: inlineText(key) }]
  const to = endOf(source, pair.value, colon)
  const old = pair.value
  const written = isNode(old) && to > colon
  const newline = source.text[to - 1] === '\n' && written ? '\n' : ''
  const keepsFlow = isCollection(old) && old.flow === true
  if (flow || isPlain(value) || keepsFlow) {
    const from = written && (keepsFlow || isScalar(old)) ? rangeOf(old)[0] : colon
    const inside = isCollection(old) ? commentsIn(source, from, to) : []
    const [line] = lineAt(source.text, keyFrom)
    const above = inside.length > 0 ? [{ from: line, to: line, text: linesOf(inside, indentOf(source, line)) }] : []
    return [...above, ...renamed, { from, to, text: `${from === colon ? ' ' : ''}${inlineText(value)}${newline}` }]
  }
  const inside = commentsIn(source, colon, to)
  const indent = columnOf(source, keyFrom) + 2
  const text = `\n${' '.repeat(indent)}${block([...inside, blockText(value)].join('\n'), indent)}${newline}`
  return [...renamed, { from: colon, to, text }]
}

/** Puts a key and value, or an entry of a list, behind the last one. */
function add(
  source: Source,
  container: Container,
  flow: boolean,
  [key, value]: readonly [string | undefined, unknown],
): Splice {
  const last = container.items.at(-1)
  const label = key === undefined ? '' : `${inlineText(key)}:`
  if (flow) {
    const text = key === undefined ? inlineText(value) : `${label} ${inlineText(value)}`
    if (last !== undefined) {
      const at = endOf(source, last)
      return { from: at, to: at, text: `, ${text}` }
    }
    const [from, to] = rangeOf(container)
    return { from, to, text: isMap(container) ? `{ ${text} }` : `[${text}]` }
  }
  if (last === undefined) throw new NotEditable(rangeOf(container)[0], 'there is nothing yet to put it behind')
  const end = endOf(source, last)
  const first = isMap(container) ? rangeOf(container.items[0]?.key)[0] : dashOf(container, 0)
  const indent = columnOf(source, first)
  const pad = ' '.repeat(indent)
  const inner = indent + 2
  const own =
    key === undefined
      ? `- ${block(isPlain(value) ? inlineText(value) : blockText(value), inner)}`
      : isPlain(value)
        ? `${label} ${inlineText(value)}`
        : `${label}\n${' '.repeat(inner)}${block(blockText(value), inner)}`
  // A text that runs over several lines ends behind its last line feed.
  if (source.text[end - 1] === '\n') return { from: end, to: end, text: `${pad}${own}\n` }
  const [, at] = lineAt(source.text, end)
  return { from: at, to: at, text: `\n${pad}${own}` }
}

function remove(source: Source, container: Container, index: number): readonly Splice[] {
  const item: unknown = container.items[index]
  const start = startOf(container, index)
  const end = endOf(source, item)
  if (container.flow) return [removeFlow(source, container, index)]
  const [line] = lineAt(source.text, start)
  const lastLine = source.text[end - 1] === '\n' ? end - 1 : lineAt(source.text, end)[1]
  const before = source.text.slice(line, start)
  if (before.trim() === '') {
    const kept = linesOf(commentsIn(source, start, lastLine), before)
    return [{ from: line, to: Math.min(lastLine + 1, source.text.length), text: kept }]
  }
  // The first key behind a dash: the next one takes its place.
  if (index !== 0 || !isMap(container) || container.items.length === 1)
    throw new NotEditable(start, 'this is nested in a way that a program cannot take apart')
  const next = startOf(container, 1)
  const kept = linesOf(commentsIn(source, start, next), indentOf(source, line))
  return [
    { from: line, to: line, text: kept },
    { from: start, to: next, text: '' },
  ]
}

function removeFlow(source: Source, container: Container, index: number): Splice {
  const start = startOf(container, index)
  const end = endOf(source, container.items[index])
  const pad = ' '.repeat(columnOf(source, start))
  if (index < container.items.length - 1) {
    const to = startOf(container, index + 1)
    const kept = commentsIn(source, start, to).map((comment) => `${comment}\n${pad}`)
    return { from: start, to, text: kept.join('') }
  }
  if (index > 0) {
    const from = endOf(source, container.items[index - 1])
    const kept = commentsIn(source, from, end).map((comment) => ` ${comment}\n${pad}`)
    return { from, to: end, text: kept.join('') }
  }
  const comma = /^\s*,/.exec(source.text.slice(end))?.[0].length ?? 0
  return { from: start, to: end + comma, text: '' }
}

function startOf(container: Container, index: number): number {
  if (isMap(container)) return rangeOf(container.items[index]?.key)[0]
  return container.flow ? rangeOf(container.items[index])[0] : dashOf(container, index)
}

/** Where the dash of an entry stands. */
function dashOf(seq: YAMLSeq, index: number): number {
  const token = seq.srcToken
  const items = token?.type === 'block-seq' ? token.items : []
  const dash = items[index]?.start.find(({ type }) => type === 'seq-item-ind')
  if (!dash) throw new NotEditable(rangeOf(seq)[0], 'the entries of this list cannot be told apart')
  return dash.offset
}

function rangeOf(node: unknown): readonly [from: number, to: number] {
  if (!isNode(node) || !node.range) throw new NotEditable(0, 'a key here is written in an unusual way')
  return [node.range[0], node.range[1]]
}

/** Behind the colon of a pair. */
function colonOf(source: Source, pair: Pair): number {
  const [from, to] = rangeOf(pair.key)
  const colon = /^[ \t]*:/.exec(source.text.slice(to, to + 20))
  if (!colon) throw new NotEditable(from, 'this key is written in an unusual way')
  return to + colon[0].length
}

/** Behind the last character of a value, before comments and empty lines that follow. */
function endOf(source: Source, item: unknown, least = 0): number {
  if (item !== null && typeof item === 'object' && 'key' in item && !isNode(item)) {
    const pair = item as Pair
    return endOf(source, pair.value, colonOf(source, pair))
  }
  if (isCollection(item) && !item.flow && item.items.length > 0) return endOf(source, item.items.at(-1), least)
  if (!isNode(item) || !item.range) return least
  if (isScalar(item) && item.value === null && item.source === '') return least > 0 ? least : item.range[0]
  return Math.max(item.range[1], least)
}

function commentsIn({ text, comments }: Source, from: number, to: number): string[] {
  return comments.filter(([at]) => at >= from && at < to).map(([at, end]) => text.slice(at, end))
}

const linesOf = (comments: readonly string[], pad: string): string =>
  comments.map((comment) => `${pad}${comment}\n`).join('')

const columnOf = ({ text }: Source, offset: number): number => offset - lineAt(text, offset)[0]

const indentOf = ({ text }: Source, line: number): string => /^ */.exec(text.slice(line, line + 200))?.[0] ?? ''

/** The lines of a text, all but the first moved to a column. */
const block = (text: string, column: number): string => text.replaceAll('\n', `\n${' '.repeat(column)}`)

/** Written behind its key on one line. */
const isPlain = (value: unknown): boolean => typeof value !== 'object' || value === null || isEmpty(value)

const format = { lineWidth: 0, blockQuote: false, flowCollectionPadding: true } as const

function inlineText(value: unknown): string {
  // Inside brackets, whatever could be mistaken there is quoted.
  const document = new Document([value])
  visit(document, { Collection: (_key, node) => void (node.flow = true) })
  const text = document
    .toString({ ...format, flowCollectionPadding: false })
    .trimEnd()
    .slice(1, -1)
  return text.startsWith('{') && text.length > 2 ? `{ ${text.slice(1, -1)} }` : text
}

function blockText(value: unknown): string {
  const document = new Document(value)
  visit(document, {
    Seq(_key, node) {
      if (node.items.every(isScalar)) node.flow = true
    },
  })
  return document.toString({ ...format, flowCollectionPadding: false }).trimEnd()
}
