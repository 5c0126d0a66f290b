import { emDash, formatNumber } from '../../../format/number.ts'

/** What registers from one address on may mean, in the order in which it is offered. */
export const decodings = [
  'uint16',
  'int16',
  'uint32',
  'uint32-swapped',
  'int32',
  'int32-swapped',
  'float32',
  'float32-swapped',
  'uint64',
  'int64',
  'float64',
  'text',
  'bits',
] as const
export type Decoding = (typeof decodings)[number]

/** How a type of the point map is read here; undefined for one that is not offered. */
export function decodingOfType(type: string, wordOrder: 'big' | 'little'): Decoding | undefined {
  const name = type.startsWith('string')
    ? 'text'
    : `${type}${wordOrder === 'little' && type.endsWith('32') ? '-swapped' : ''}`
  return decodings.find((decoding) => decoding === name)
}

/** Registers that a decoding takes; a text takes what there is. */
export function wordsOf(decoding: Decoding): number {
  if (/32/.test(decoding)) return 2
  if (/64/.test(decoding)) return 4
  return decoding === 'text' ? 8 : 1
}

const scratch = new DataView(new ArrayBuffer(8))

function place(words: readonly number[], count: number, swapped: boolean): boolean {
  if (words.length < count) return false
  for (let at = 0; at < count; at += 1) scratch.setUint16(2 * (swapped ? count - 1 - at : at), words[at] ?? 0)
  return true
}

/** The number that the words mean; undefined where they are too few, or it is none. `swapped`: low word first, CDAB. */
export function decodeNumber(words: readonly number[], decoding: Decoding): number | bigint | undefined {
  const count = wordsOf(decoding)
  if (decoding === 'text' || !place(words, count, decoding.endsWith('-swapped'))) return undefined
  switch (decoding) {
    case 'uint16':
    case 'bits':
      return scratch.getUint16(0)
    case 'int16':
      return scratch.getInt16(0)
    case 'uint32':
    case 'uint32-swapped':
      return scratch.getUint32(0)
    case 'int32':
    case 'int32-swapped':
      return scratch.getInt32(0)
    case 'float32':
    case 'float32-swapped':
      return scratch.getFloat32(0)
    case 'uint64':
      return scratch.getBigUint64(0)
    case 'int64':
      return scratch.getBigInt64(0)
    default:
      return scratch.getFloat64(0)
  }
}

/** Both characters of each word, up to a zero; a dot for what cannot be shown. */
export function decodeText(words: readonly number[]): string {
  const bytes = words.flatMap((word) => [word >> 8, word & 0xff])
  const end = bytes.indexOf(0)
  return (end < 0 ? bytes : bytes.slice(0, end))
    .map((byte) => (byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : '.'))
    .join('')
}

const narrowSpace = '\u202F'
const minus = '\u2212'

function grouped(value: bigint): string {
  const digits = String(value < 0n ? -value : value).replaceAll(/\B(?=(\d{3})+$)/g, narrowSpace)
  return value < 0n ? `${minus}${digits}` : digits
}

/** Seven digits are what a 32-bit number has; very large and very small ones in powers of ten. */
function float(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value < 0 ? `${minus}∞` : '∞'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(3).replaceAll('-', minus)
  const whole = size < 1 ? 1 : Math.floor(Math.log10(size)) + 1
  return formatNumber(value, Math.max(0, Math.min(6, 7 - whole)))
}

/** What the words mean, for people; an em dash where they are too few. */
export function decodeShown(words: readonly number[], decoding: Decoding): string {
  if (words.length === 0) return emDash
  if (decoding === 'text') return decodeText(words)
  const value = decodeNumber(words, decoding)
  if (value === undefined) return emDash
  if (typeof value === 'bigint') return grouped(value)
  if (decoding === 'bits') return (value.toString(2).padStart(16, '0').match(/.{4}/g) ?? []).join(' ')
  return decoding.startsWith('float') ? float(value) : formatNumber(value)
}
