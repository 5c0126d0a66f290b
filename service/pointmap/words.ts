export interface Order {
  readonly wordOrder: 'big' | 'little'
  readonly byteOrder: 'big' | 'little'
}

const swap = (word: number) => ((word & 0xff) << 8) | (word >>> 8)

/** Words as received, brought into the order high word first, high byte first; and back, as it is its own inverse. */
export function reorder(words: readonly number[], order: Order): readonly number[] {
  const swapped = order.byteOrder === 'little' ? words.map(swap) : words
  return order.wordOrder === 'little' && swapped.length > 1 ? swapped.toReversed() : swapped
}

/** Ordered words as one unsigned number. */
export function toBigint(words: readonly number[]): bigint {
  let value = 0n
  for (const word of words) value = (value << 16n) | BigInt(word)
  return value
}

/** The lowest `count` words of a number, high word first. Negative numbers become two's complement. */
export function fromBigint(value: bigint, count: number): number[] {
  const words: number[] = []
  let rest = BigInt.asUintN(count * 16, value)
  for (let index = 0; index < count; index += 1) {
    words.unshift(Number(rest & 0xffffn))
    rest >>= 16n
  }
  return words
}

export function toBytes(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 2)
  for (const [index, word] of words.entries()) {
    bytes[index * 2] = word >>> 8
    bytes[index * 2 + 1] = word & 0xff
  }
  return bytes
}

export function fromBytes(bytes: Uint8Array, count: number): number[] {
  return Array.from({ length: count }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0))
}

const scratch = new DataView(new ArrayBuffer(8))

/** Ordered words (2 or 4) as an IEEE 754 number. */
export function toFloat(words: readonly number[]): number {
  for (let index = 0; index < words.length; index += 1) scratch.setUint16(index * 2, words[index]!)
  return words.length === 2 ? plainFloat32(scratch.getFloat32(0)) : scratch.getFloat64(0)
}

/** 230.1 instead of 230.10000610351562 where seven digits name the same 32-bit number; otherwise the number itself. */
function plainFloat32(value: number): number {
  const size = Math.abs(value)
  if (size < 1e-3 || size >= 1e7) return value
  const factor = 10 ** (6 - Math.max(0, Math.floor(Math.log10(size))))
  const plain = Math.round(value * factor) / factor
  return Math.fround(plain) === value ? plain : value
}

export function fromFloat(value: number, count: number): number[] {
  if (count === 2) scratch.setFloat32(0, value)
  else scratch.setFloat64(0, value)
  return Array.from({ length: count }, (_, index) => scratch.getUint16(index * 2))
}
