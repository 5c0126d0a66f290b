import type { WatchedPoint } from '#contract/workbench-registers.ts'
import { emDash, formatNumber } from '../../../format/number.ts'
import { type AddressBase, formatAddress, parseAddress } from '../../../format/registers.ts'
import { decodeNumber, decodeShown, type Decoding, wordsOf } from './decodings.ts'
import type { RegisterImage } from './register-image.ts'

/** How the value column reads registers; `point`: as the map says, else as one unsigned word. */
export type Reading = Decoding | 'point'

export type Points = ReadonlyMap<string, WatchedPoint>

/** The rows that a filter leaves: an address in any notation, or words of the name of a point. */
export function filterRows(image: RegisterImage, points: Points, typed: string, base: AddressBase): number[] {
  const rows = Array.from({ length: image.size }, (_, row) => row)
  const wanted = typed.trim().toLowerCase()
  if (wanted === '') return rows
  return rows.filter((row) => {
    const fn = image.fnAt(row)
    const address = image.addressAt(row)
    if (parseAddress(wanted, base, fn) === address) return true
    if (formatAddress(address, base, fn).toLowerCase().includes(wanted)) return true
    const point = points.get(`${fn} ${address}`)
    return point !== undefined && `${point.name} ${point.title}`.toLowerCase().includes(wanted)
  })
}

/** The largest changes of a 16-bit word first, either way round the end. */
export function sortByChange(image: RegisterImage, rows: readonly number[]): number[] {
  const change = (row: number): number => {
    const delta = (((image.wordAt(row) ?? 0) - (image.referenceAt(row) ?? 0)) << 16) >> 16
    return Math.abs(delta)
  }
  return rows.toSorted((a, b) => change(b) - change(a) || a - b)
}

/** The decoding of a type of a point map. */
export function decodingOf({ type, wordOrder, byteOrder }: WatchedPoint): Decoding | undefined {
  const swapped = wordOrder === 'little' ? '-swapped' : ''
  if (byteOrder === 'little') return undefined
  if (type === 'uint16' || type === 'int16') return type
  if (type === 'uint32' || type === 'int32' || type === 'float32') return `${type}${swapped}`
  if ((type === 'uint64' || type === 'int64' || type === 'float64') && swapped === '') return type
  return type.startsWith('string') ? 'text' : undefined
}

/** The value as the map of the device means it; undefined where the map does not say enough. */
export function pointValue(words: readonly number[], point: WatchedPoint): { text: string; unit: string } | undefined {
  const decoding = decodingOf(point)
  if (!decoding || point.scale === null || words.length < point.count) return undefined
  if (decoding === 'text') return { text: decodeShown(words.slice(0, point.count), decoding), unit: '' }
  const raw = decodeNumber(words, decoding)
  if (raw === undefined) return undefined
  if (point.scale === 1 && point.offset === 0) return { text: decodeShown(words, decoding), unit: point.unit }
  const value = Number(raw) * point.scale + point.offset
  const decimals = Math.max(0, Math.min(6, -Math.floor(Math.log10(Math.abs(point.scale)) + 1e-9)))
  return { text: formatNumber(value, decimals), unit: point.unit }
}

/** What stands in the value column. */
export function valueOf(
  image: RegisterImage,
  row: number,
  point: WatchedPoint | undefined,
  reading: Reading,
): { text: string; unit: string } {
  const fn = image.fnAt(row)
  if (image.wordAt(row) === undefined) return { text: emDash, unit: '' }
  if (fn <= 2) return { text: String(image.wordAt(row)), unit: '' }
  if (reading === 'point') {
    const words = image.wordsAt(row, point?.count ?? 1)
    return (point && pointValue(words, point)) ?? { text: decodeShown(words, 'uint16'), unit: '' }
  }
  return { text: decodeShown(image.wordsAt(row, wordsOf(reading)), reading), unit: '' }
}
