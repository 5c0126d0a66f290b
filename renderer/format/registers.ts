export type AddressBase = 'hex' | 'dec'

const hex4 = (value: number): string => value.toString(16).toUpperCase().padStart(4, '0')

/** A register address: 0x0028 or 40. */
export const formatAddress = (address: number, base: AddressBase): string =>
  base === 'hex' ? `0x${hex4(address)}` : String(address)

/** Register words as received; single bits as 0 and 1. */
export const formatWords = (words: readonly number[], bits: boolean): string =>
  words.map((word) => (bits ? String(word & 1) : hex4(word))).join(' ')

/** The two bytes of a register word in the order of the wire. */
export const bytesOf = (word: number): readonly [string, string] => [hex4(word).slice(0, 2), hex4(word).slice(2)]

const readFunction = { holding: 3, input: 4, coil: 1, discrete: 2 } as const

/** FC03 and its sisters (Modbus 1.1b3 section 6). */
export const formatFunction = (name: keyof typeof readFunction): string => `FC0${readFunction[name]}`
