import { type Document, isMap, isNode, isScalar, isSeq, type Node, Scalar, type YAMLMap, type YAMLSeq } from 'yaml'
import { recordOf } from './places.ts'

/**
 * Makes a document say what is wanted. What says it already is left alone, with its comments, order and way of writing;
 * entries of lists are recognised by their `id`. `short` is the same without what goes without saying: only that is added.
 */
export function mergeDocument(
  document: Document,
  wanted: { readonly full: object; readonly short: object },
  /** Keys that stay although they are not wanted, by the path of their mapping. */
  keeps: (path: readonly string[], key: string) => boolean,
): void {
  const root = document.contents
  if (!isMap(root)) throw new TypeError('the document has no keys')
  mergeMap({ document, keeps }, root, [], recordOf(wanted.full), recordOf(wanted.short))
}

interface Merge {
  readonly document: Document
  keeps(path: readonly string[], key: string): boolean
}
type Plain = Readonly<Record<string, unknown>>

function mergeMap(merge: Merge, map: YAMLMap, path: readonly string[], full: Plain, short: Plain): void {
  for (const { key } of map.items.slice()) {
    const name = isScalar(key) ? String(key.value) : ''
    if (full[name] === undefined && !merge.keeps(path, name)) map.delete(key)
  }
  for (const [key, value] of Object.entries(full)) {
    if (value === undefined) continue
    const old: unknown = map.get(key, true)
    if (isNode(old)) {
      const next = merged(merge, old, [...path, key], value, short[key])
      if (next !== old) map.set(key, next)
    } else if (short[key] !== undefined) {
      const pair = merge.document.createPair(key, short[key])
      writeListsInLine(pair.value)
      map.items.splice(placeFor(map, key, Object.keys(full)), 0, pair)
    }
  }
}

/** Behind the nearest key before it that is there, in the order of the wanted ones. */
function placeFor(map: YAMLMap, key: string, order: readonly string[]): number {
  const before = new Set(order.slice(0, order.indexOf(key)))
  const names = map.items.map((pair) => (isScalar(pair.key) ? String(pair.key.value) : ''))
  return names.findLastIndex((name) => before.has(name)) + 1
}

/** Lists of plain values, such as phases, take one line. */
export function writeListsInLine(node: unknown): void {
  if (isMap(node)) for (const pair of node.items) writeListsInLine(pair.value)
  if (!isSeq(node)) return
  if (node.items.length > 0 && node.items.every((item) => isScalar(item))) node.flow = true
  else for (const item of node.items) writeListsInLine(item)
}

function created(merge: Merge, value: unknown): Node {
  const node = merge.document.createNode(value)
  writeListsInLine(node)
  return node
}

/** The node with the wanted value: the old one, changed where it differs, or a new one in its place. */
function merged(merge: Merge, old: Node, path: readonly string[], value: unknown, short: unknown): Node {
  if (isMap(old) && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    mergeMap(merge, old, path, recordOf(value), recordOf(short))
    return old
  }
  if (isSeq(old) && Array.isArray(value)) {
    mergeList(merge, old, path, value, Array.isArray(short) ? short : [])
    return old
  }
  if (isScalar(old) && (typeof value !== 'object' || value === null)) {
    if (old.value !== value) {
      old.value = value
      // How the old value was written says nothing about the new one.
      delete old.source
      delete old.format
      if (typeof value === 'string') old.type = Scalar.PLAIN
    }
    return old
  }
  const next = created(merge, short ?? value)
  if (old.comment != null) next.comment = old.comment
  if (old.commentBefore != null) next.commentBefore = old.commentBefore
  return next
}

function mergeList(
  merge: Merge,
  list: YAMLSeq,
  path: readonly string[],
  full: readonly unknown[],
  short: readonly unknown[],
): void {
  const old = list.items.slice()
  const ids = old.map((item) => (isMap(item) ? item.get('id') : undefined))
  const wantedIds = full.map((entry) => recordOf(entry)['id'])
  list.items = full.map((entry, at) => {
    const id = wantedIds[at]
    const same = id === undefined ? at : ids.indexOf(id)
    // An entry whose ID was changed is the one that stood there.
    const renamed = same < 0 && ids[at] !== undefined && !wantedIds.includes(ids[at]) ? at : same
    const node = old[renamed]
    return isNode(node) ? merged(merge, node, path, entry, short[at]) : created(merge, short[at] ?? entry)
  })
}
