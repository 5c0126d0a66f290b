/** As on the wire, counted from one, and with the kind of register in front as manuals of old write it. */
export const addressBases = ['hex', 'dec', 'one', 'classic'] as const
export type AddressBase = (typeof addressBases)[number]

const hex4 = (value: number): string => value.toString(16).toUpperCase().padStart(4, '0')

/** The digit that manuals of old put in front of an address, by the function that reads it. */
const kindDigits: Readonly<Record<number, string>> = { 1: '0', 2: '1', 3: '4', 4: '3' }

/** A register address: 0x0028, 40, 41 or 400041. Without its function, the last one is written as 40. */
export function formatAddress(address: number, base: AddressBase, fn?: number): string {
  if (base === 'hex') return `0x${hex4(address)}`
  if (base === 'one') return String(address + 1)
  const digit = fn === undefined ? undefined : kindDigits[fn]
  return base === 'dec' || digit === undefined ? String(address) : `${digit}${String(address + 1).padStart(5, '0')}`
}

/** The address that somebody typed in any notation: 0x28, 40, or with `base` 41 and 400041. */
export function parseAddress(text: string, base: AddressBase, fn: number): number | undefined {
  const typed = text.trim()
  if (!/^(0x[0-9a-f]{1,4}|\d{1,6})$/i.test(typed)) return undefined
  let address = Number(typed)
  if (base === 'one' && !/^0x/i.test(typed)) address -= 1
  else if (base === 'classic' && typed.length === 6 && typed.startsWith(kindDigits[fn] ?? '')) {
    address = Number(typed.slice(1)) - 1
  }
  return address >= 0 && address <= 65_535 ? address : undefined
}

/** Register words as received; single bits as 0 and 1. */
export const formatWords = (words: readonly number[], bits: boolean): string =>
  words.map((word) => (bits ? String(word & 1) : hex4(word))).join(' ')

/** The two bytes of a register word in the order of the wire. */
export const bytesOf = (word: number): readonly [string, string] => [hex4(word).slice(0, 2), hex4(word).slice(2)]

/** The function that reads a kind of register. */
export const readFunction = { holding: 3, input: 4, coil: 1, discrete: 2 } as const

/** FC03 and its sisters (Modbus 1.1b3 section 6). */
export const formatFunction = (name: keyof typeof readFunction): string => `FC0${readFunction[name]}`

/** The kind of register that a function reads. */
export const kindOf = (fn: 1 | 2 | 3 | 4): keyof typeof readFunction =>
  ({ 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' } as const)[fn]
