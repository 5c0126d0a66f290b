import type { EditorState, TransactionSpec } from '@codemirror/state'
import type { MapLine } from '#contract/map-editor.ts'

type Order = 'big' | 'little'
const orders: readonly (readonly [word: Order, byte: Order])[] = [
  ['big', 'big'],
  ['little', 'big'],
  ['big', 'little'],
  ['little', 'little'],
]

const takesWords = (type: string | undefined): boolean => /(32|48|64)$/.test(type ?? '')

/** ABCD and its sisters: in which order the four bytes of a value come. */
export function orderName({
  type,
  wordOrder = 'big',
  byteOrder = 'big',
}: Pick<MapLine, 'type' | 'wordOrder' | 'byteOrder'>): string {
  if (!takesWords(type)) return byteOrder === 'big' ? 'AB' : 'BA'
  return (
    { 'big big': 'ABCD', 'little big': 'CDAB', 'big little': 'BADC', 'little little': 'DCBA' }[
      `${wordOrder} ${byteOrder}`
    ] ?? ''
  )
}

const said = (text: string, key: string): Order | undefined => {
  const word = new RegExp(`\\b${key}:\\s*(big|little)\\b`).exec(text)?.[1]
  return word === 'big' || word === 'little' ? word : undefined
}

/**
 * The change that reads the point of the cursor's line in the next order of its bytes. Undefined where the line does not hold a
 * point in braces, or its type has no order.
 */
export function nextByteOrder(state: EditorState, point: MapLine, step: 1 | -1): TransactionSpec | undefined {
  const line = state.doc.lineAt(state.selection.main.head)
  if (point.derived || !/\{.*\}/.test(line.text)) return undefined
  const word = said(line.text, 'wordOrder') ?? point.wordOrder ?? 'big'
  const byte = said(line.text, 'byteOrder') ?? point.byteOrder ?? 'big'
  const words = takesWords(point.type)
  const all = words ? orders : orders.filter(([wordOrder]) => wordOrder === 'big')
  const now = all.findIndex(([a, b]) => (!words || a === word) && b === byte)
  const next = all[(Math.max(now, 0) + step + all.length) % all.length]
  if (!next) return undefined
  let { text } = line
  if (words && next[0] !== word) text = withKey(text, 'wordOrder', next[0])
  if (next[1] !== byte) text = withKey(text, 'byteOrder', next[1])
  if (text === line.text) return undefined
  return {
    changes: { from: line.from, to: line.to, insert: text },
    selection: { anchor: line.from + Math.min(text.length, state.selection.main.head - line.from) },
    userEvent: 'input.order',
  }
}

function withKey(text: string, key: string, value: Order): string {
  const old = new RegExp(`\\b${key}:\\s*(big|little)\\b`)
  if (old.test(text)) return text.replace(old, `${key}: ${value}`)
  const end = text.lastIndexOf('}')
  return `${text.slice(0, end).trimEnd()}, ${key}: ${value} ${text.slice(end)}`
}
