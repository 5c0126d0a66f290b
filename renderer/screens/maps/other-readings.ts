import type { MapLine, MapValue } from '#contract/map-editor.ts'
import { formatReading } from '../../format/quantity.ts'
import { orderName } from './editor/byte-orders.ts'

export interface OtherReading {
  /** ABCD and its sisters. */
  readonly order: string
  readonly text: string
}

const scratch = new DataView(new ArrayBuffer(8))
const orders = ['big', 'little'] as const

function numberOf(words: readonly number[], type: string): number | undefined {
  const bits = words.length * 16
  for (const [index, word] of words.entries()) scratch.setUint16(2 * index, word)
  if (type === 'float32' && bits === 32) return scratch.getFloat32(0)
  if (type === 'float64' && bits === 64) return scratch.getFloat64(0)
  if (!/^u?int(16|32)$/.test(type)) return undefined
  if (bits === 16) return type === 'int16' ? scratch.getInt16(0) : scratch.getUint16(0)
  return bits === 32 ? (type === 'int32' ? scratch.getInt32(0) : scratch.getUint32(0)) : undefined
}

const swapped = (word: number): number => ((word & 0xff) << 8) | (word >> 8)
/** Words in the order that they have in a value, highest first, from the order in which they came. Its own inverse. */
function ordered(words: readonly number[], word: string | undefined, byte: string | undefined): number[] {
  const sequence = word === 'little' ? words.toReversed() : [...words]
  return byte === 'little' ? sequence.map(swapped) : sequence
}

/** What the same bytes would read in every other order, by the factor that the value has now. */
export function otherReadings(line: MapLine, value: MapValue): readonly OtherReading[] {
  const { raw, value: now } = value
  const { type = '' } = line
  if (raw === undefined || typeof now !== 'number' || now === 0) return []
  const own = numberOf(ordered(raw, line.wordOrder, line.byteOrder), type)
  if (own === undefined || own === 0 || !Number.isFinite(own)) return []
  const factor = now / own
  const found: OtherReading[] = []
  for (const byteOrder of orders)
    for (const wordOrder of raw.length > 1 ? orders : orders.slice(0, 1)) {
      if (wordOrder === (line.wordOrder ?? 'big') && byteOrder === (line.byteOrder ?? 'big')) continue
      const other = numberOf(ordered(raw, wordOrder, byteOrder), type)
      if (other === undefined) continue
      const { text, unit } = shown(other * factor, line.unit)
      found.push({ order: orderName({ type, wordOrder, byteOrder }), text: `${text} ${unit}` })
    }
  return found
}

/** Wrong orders give numbers that no column holds. */
function shown(value: number, unit: string): { readonly text: string; readonly unit: string } {
  const size = Math.abs(value)
  if (Number.isFinite(value) && (size === 0 || (size >= 1e-4 && size < 1e10))) return formatReading(value, unit, '')
  return { text: Number.isFinite(value) ? value.toExponential(2).replaceAll('-', '\u2212') : 'NaN', unit }
}
