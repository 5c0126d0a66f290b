import type { LocationQuery, RouteLocationRaw } from 'vue-router'
import type { MapLine } from '#contract/map-editor.ts'
import { kindOf, type readFunction } from '../../format/registers.ts'
import type { Reading } from '../bus/registers/register-rows.ts'

/** A register that somebody wants as a point of a map. */
export interface Binding {
  readonly function: keyof typeof readFunction
  readonly address: number
  readonly type: string
  readonly wordOrder: 'big' | 'little'
}

const functions = ['holding', 'input', 'coil', 'discrete'] as const

/** As it stands in the address of the screen: `input.52.float32.big`. */
const bindingText = ({ function: fn, address, type, wordOrder }: Binding): string =>
  `${fn}.${address}.${type}.${wordOrder}`

/** The screen of maps, told which register is wanted and how it is read there. */
export function bindingLocation(register: {
  readonly fn: 1 | 2 | 3 | 4
  readonly address: number
  readonly bus: string
  readonly unitId: number
  readonly reading: Reading
}): RouteLocationRaw {
  const { fn, address, bus, unitId, reading } = register
  const bits = fn === 1 || fn === 2
  const type = bits ? 'bool' : (types[reading] ?? reading.replace('-swapped', ''))
  const wordOrder = reading.endsWith('-swapped') ? 'little' : 'big'
  const bind = bindingText({ function: kindOf(fn), address, type, wordOrder })
  return { name: 'maps', query: { bind, bus, unit: String(unitId) } }
}

const types: Readonly<Partial<Record<Reading, string>>> = { point: 'uint16', bits: 'uint16', text: 'string:8' }

export function bindingOf({ bind }: LocationQuery): Binding | undefined {
  if (typeof bind !== 'string') return undefined
  const [, fn = '', address, type, order] = /^([a-z]+)\.(\d{1,5})\.([a-z]+\d*(?::\d+)?)\.(big|little)$/.exec(bind) ?? []
  const known = functions.find((one) => one === fn)
  if (!known || type === undefined || Number(address) > 65_535) return undefined
  return { function: known, address: Number(address), type, wordOrder: order === 'little' ? 'little' : 'big' }
}

/** Where the point goes in the text: the line that reads this register already, or a new one at the end of the points. */
export function placePoint(
  text: string,
  { function: fn, address, type, wordOrder }: Binding,
  points: readonly MapLine[],
): { readonly changes: { readonly from: number; readonly insert: string }; readonly cursor: number } | undefined {
  const lines = text.split('\n')
  const startOf = (index: number): number => lines.slice(0, index).reduce((sum, line) => sum + line.length + 1, 0)
  const bound = points.find((point) => point.function === fn && point.address === address && point.line !== null)
  if (bound?.line)
    return { changes: { from: startOf(bound.line - 1), insert: '' }, cursor: startOf(bound.line - 1) + 2 }
  const head = lines.findIndex((line) => /^points:\s*(#.*)?$/.test(line))
  if (head < 0) return undefined
  let last = head
  for (let index = head + 1; index < lines.length && /^(\s|$)/.test(lines[index] ?? ''); index++)
    if (/^\s+\S/.test(lines[index] ?? '')) last = index
  const name = `vendor.register${fn === 'holding' ? '' : `${fn.charAt(0).toUpperCase()}${fn.slice(1)}`}${address}`
  const order = /(32|64)$/.test(type) ? `, wordOrder: ${wordOrder}` : ''
  const quoted = type.includes(':') ? `'${type}'` : type
  const line = `  ${name}: { address: ${address}, function: ${fn}, type: ${quoted}${order} }`
  const from = startOf(last) + (lines[last] ?? '').length
  return { changes: { from, insert: `\n${line}` }, cursor: from + 3 + name.length }
}
