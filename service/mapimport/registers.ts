import type { MapPoint } from '#contract/point-map.ts'

/** Address and word order of registers that are listed lowest word first. */
export function fromLowestFirst(registers: readonly number[]): Pick<MapPoint, 'address' | 'wordOrder'> | undefined {
  const [first] = registers
  if (
    first === undefined ||
    registers.some((register) => !Number.isInteger(register) || register < 0 || register > 65_535)
  )
    return undefined
  if (registers.length === 1) return { address: first }
  if (registers.every((register, index) => register === first + index)) return { address: first, wordOrder: 'little' }
  const last = registers.at(-1)!
  if (registers.every((register, index) => register === first - index)) return { address: last }
  return registers.length <= 4 ? { address: registers.toReversed() } : undefined
}

/** Order of words and bytes, where it is not the plain one. */
export type Order = Pick<MapPoint, 'wordOrder' | 'byteOrder'>

/** The first of registers that follow one another. */
export function consecutive(registers: readonly number[]): number | undefined {
  const [first] = registers
  return first !== undefined && registers.every((register, index) => register === first + index) ? first : undefined
}

const orders = {
  ABCD: {},
  AB: {},
  CDAB: { wordOrder: 'little' },
  BADC: { byteOrder: 'little' },
  BA: { byteOrder: 'little' },
  DCBA: { wordOrder: 'little', byteOrder: 'little' },
} as const satisfies Record<string, Pick<MapPoint, 'wordOrder' | 'byteOrder'>>

/** Word and byte order of `ABCD` and the like; more letters (ABCDEFGH) mean the same. */
export function orderOf(text: string): Pick<MapPoint, 'wordOrder' | 'byteOrder'> | undefined {
  const name = text.trim().toUpperCase()
  const long = { ABCDEFGH: 'ABCD', GHEFCDAB: 'CDAB', BADCFEHG: 'BADC', HGFEDCBA: 'DCBA' }[name]
  const order = orders[(long ?? name) as keyof typeof orders]
  return Object.hasOwn(orders, long ?? name) ? order : undefined
}

/** Leaves out what a type has no use for: word order of one register, any order of bits. */
export function fittingOrder(
  order: Pick<MapPoint, 'wordOrder' | 'byteOrder'>,
  words: number,
  bits = false,
): Pick<MapPoint, 'wordOrder' | 'byteOrder'> {
  if (bits) return {}
  return {
    ...(order.wordOrder === 'little' && words > 1 && { wordOrder: 'little' as const }),
    ...(order.byteOrder === 'little' && { byteOrder: 'little' as const }),
  }
}
