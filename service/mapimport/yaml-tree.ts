import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml'
import { type Refusal, refuse } from './types.ts'

/** A value of a YAML or JSON file with its line; anchors are followed, tags such as !secret stay text. */
export type Tree = TreeMap | TreeList | TreeScalar

interface Placed {
  readonly line: number
  /** What stands behind it as a comment. */
  readonly comment?: string
}
export interface TreeMap extends Placed {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string, Tree>
}
export interface TreeList extends Placed {
  readonly kind: 'list'
  readonly items: readonly Tree[]
}
export interface TreeScalar extends Placed {
  readonly kind: 'scalar'
  readonly value: unknown
  /** As written, without quotes. */
  readonly text: string
}

const longest = 2_000_000
const deepest = 60
const mostNodes = 400_000
const none: TreeScalar = { kind: 'scalar', value: null, text: '', line: 1 }

/** Reads leniently: what matters is found where it can be. Refuses what is not YAML at all, with the line. */
export function readTree(text: string, file: string): { readonly tree: Tree } | Refusal {
  if (text.length > longest) return refuse(file, `the file is larger than ${longest / 1_000_000} MB of text`)
  if (nesting(text) > deepest * 4) return refuse(file, 'the file is nested too deeply')
  const counter = new LineCounter()
  let document: Document
  try {
    document = parseDocument(text, {
      lineCounter: counter,
      uniqueKeys: false,
      prettyErrors: false,
      version: '1.2',
      logLevel: 'error',
    })
  } catch (error) {
    if (error instanceof RangeError) return refuse(file, 'the file is nested too deeply')
    throw error
  }
  const fault = document.errors[0]
  if (fault) {
    const { line, col } = counter.linePos(fault.pos[0])
    const words = fault.message.split('\n', 1)[0]!.replace(/ at line \d+, column \d+:?$/, '')
    return refuse(`${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`, `this is not YAML: ${words}`)
  }
  let nodes = 0
  // The parser's own search for an anchor walks the file from its beginning.
  const anchors = new Map<string, Node>()
  const build = (node: unknown, depth: number): Tree => {
    nodes += 1
    if (depth > deepest || nodes > mostNodes) throw new RangeError('more nodes than a file of maps has')
    if (!isNode(node)) return none
    const placed = place(node.range?.[0] ?? 0, node.comment)
    if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (!target) return { kind: 'scalar', value: `*${node.source}`, text: `*${node.source}`, ...placed }
      return { ...build(target, depth + 1), line: placed.line }
    }
    if (node.anchor !== undefined) anchors.set(node.anchor, node)
    if (isMap(node)) {
      const entries = new Map<string, Tree>()
      for (const pair of node.items) {
        if (!isPair(pair) || !isScalar(pair.key)) continue
        const value = build(pair.value, depth + 1)
        const line = counter.linePos(pair.key.range?.[0] ?? 0).line
        entries.set(String(pair.key.value), value.kind === 'scalar' ? { ...value, line } : value)
      }
      return { kind: 'map', entries, ...placed }
    }
    if (isSeq(node)) return { kind: 'list', items: node.items.map((item) => build(item, depth + 1)), ...placed }
    if (!isScalar(node)) return none
    const tag = node.tag?.startsWith('!') ? `${node.tag} ` : ''
    const plain = typeof node.value === 'string' ? node.value : ''
    const written = `${tag}${node.source ?? plain}`
    return { kind: 'scalar', value: tag === '' ? node.value : written, text: written, ...placed }
  }
  const place = (offset: number, comment: string | null | undefined) => {
    const { line } = counter.linePos(offset)
    return { line: Math.max(line, 1), ...(comment && { comment: comment.trim().split('\n', 1)[0]! }) }
  }
  try {
    return { tree: build(document.contents, 0) }
  } catch (error) {
    if (error instanceof RangeError)
      return refuse(file, 'the file is nested too deeply, or expands its aliases too far')
    throw error
  }
}

function nesting(text: string): number {
  let depth = 0
  let most = 0
  for (const sign of text) {
    if (sign === '[' || sign === '{') most = Math.max(most, (depth += 1))
    else if ((sign === ']' || sign === '}') && depth > 0) depth -= 1
  }
  for (const [marks] of text.matchAll(/(?:[-?:][ \t]+){20,}/g)) most = Math.max(most, marks.length * 2)
  return most
}

export const get = (tree: Tree | undefined, ...path: readonly string[]): Tree | undefined => {
  let at = tree
  for (const key of path) at = at?.kind === 'map' ? at.entries.get(key) : undefined
  return at
}
export const items = (tree: Tree | undefined): readonly Tree[] => (tree?.kind === 'list' ? tree.items : [])
export const entries = (tree: Tree | undefined): readonly (readonly [string, Tree])[] =>
  tree?.kind === 'map' ? [...tree.entries] : []

/** A scalar as text; undefined when it is empty or no scalar. */
export function textOf(tree: Tree | undefined): string | undefined {
  if (tree?.kind !== 'scalar' || tree.value === null || tree.text === '') return undefined
  return tree.text
}

/** A finite number, also when it is written as text, in hexadecimal or binary. */
export function numberOf(tree: Tree | undefined): number | undefined {
  if (tree?.kind !== 'scalar') return undefined
  if (typeof tree.value === 'number') return Number.isFinite(tree.value) ? tree.value : undefined
  const text = tree.text.trim()
  if (!/^[+-]?(0x[0-9a-f]+|\d+(\.\d*)?(e[+-]?\d+)?|\.\d+)$/i.test(text)) return undefined
  const value = text.startsWith('-') ? -Number(text.slice(1)) : Number(text)
  return Number.isFinite(value) ? value : undefined
}

/** A value in a few words, for keys that are kept. */
export function brief(tree: Tree, most = 120): string {
  if (tree.kind === 'scalar') return tree.text
  const parts: string[] = []
  let length = 0
  const children = tree.kind === 'list' ? tree.items.map((item) => ['', item] as const) : [...tree.entries]
  for (const [key, value] of children) {
    const part = `${key && `${key}: `}${brief(value, most)}`
    parts.push(part)
    length += part.length
    if (length > most) break
  }
  return tree.kind === 'list' ? `[${parts.join(', ')}]` : `{ ${parts.join(', ')} }`
}
