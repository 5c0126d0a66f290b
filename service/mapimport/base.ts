import type { AddressBase } from '#contract/map-import.ts'
import type { MapPoint } from '#contract/point-map.ts'
import type { Assumption } from './types.ts'

/** An address of a table with what else its row says about it. */
export interface Addressed {
  readonly row: number
  readonly address: number
  readonly marked: boolean
  readonly function: MapPoint['function']
  /** Of a second column of addresses. */
  readonly other?: number
}

type Found =
  | { readonly base: Exclude<AddressBase, 'auto'>; readonly assumption?: Assumption }
  | { readonly row: number; readonly reason: string }

type FunctionName = NonNullable<MapPoint['function']>
const digits: Readonly<Record<string, FunctionName>> = { 0: 'coil', 1: 'discrete', 3: 'input', 4: 'holding' }

/** 40001 or 400001 as function and address on the wire; undefined when it is no such number. */
export function fromModicon(value: number): { readonly function: FunctionName; readonly address: number } | undefined {
  const text = value < 100_000 ? String(value).padStart(5, '0') : String(value)
  const fn = digits[text.charAt(0)]
  const rest = Number(text.slice(1))
  if (fn === undefined || rest < 1 || rest > (text.length === 5 ? 9999 : 65_536)) return undefined
  return { function: fn, address: rest - 1 }
}

const prove = 'Prove it live: one value that you know, such as the mains frequency, tells.'

/** How the addresses of a table count, where nobody said it; or why they contradict one another. */
export function findBase(list: readonly Addressed[]): Found {
  const proof = bySecondColumn(list)
  if (proof) return proof
  const plain = list.filter(({ marked }) => !marked)
  const like = plain.filter(({ address, function: fn }) => {
    const modicon = address >= 10_001 ? fromModicon(address) : undefined
    return modicon !== undefined && (fn === undefined || fn === modicon.function)
  })
  const low = plain.filter(({ address, function: fn }) => address < 10_000 && fn !== 'coil' && fn !== 'discrete')
  if (like.length > 0 && like.length === plain.length && plain.length === list.length && isCompact(like))
    return {
      base: 'modicon',
      assumption: {
        about: 'base',
        text: `Addresses such as ${like[0]!.address} name the first ${fromModicon(like[0]!.address)!.function} register 1 (Modicon). ${prove}`,
      },
    }
  const first = like.find(({ address }) => address >= 40_001 && address <= 40_400)
  if (first && low.length > 0 && low.length + like.length === plain.length && low.some(({ address }) => address < 1000))
    return {
      row: low[0]!.row,
      reason: `the addresses count in different ways: ${low[0]!.address} here, ${first.address} in row ${first.row}; say which with the base (0, 1 or modicon)`,
    }
  const zero = list.some(({ address }) => address === 0)
  if (zero || list.every(({ marked }) => marked)) return { base: '0' }
  return { base: '0', assumption: { about: 'base', text: `Addresses were taken as on the wire, from 0. ${prove}` } }
}

/** Wire addresses lie far apart or hit 40000; numbers of a manual in this style stay within a few thousand of 30001 and 40001. */
const isCompact = (list: readonly Addressed[]): boolean =>
  list.every(({ address }) => address > 99_999 || address % 10_000 < 6000) &&
  list.some(({ address }) =>
    [30_001, 40_001, 300_001, 400_001].some((start) => address >= start && address < start + 400),
  )

/** Two columns of addresses prove how the first counts, or contradict each other. */
function bySecondColumn(list: readonly Addressed[]): Found | undefined {
  const both = list.filter(({ other }) => other !== undefined)
  if (both.length === 0) return undefined
  const bases = new Map<Exclude<AddressBase, 'auto'>, Addressed>()
  for (const entry of both) {
    const base = baseOf(entry.address, entry.other!)
    if (base === undefined)
      return { row: entry.row, reason: `its two addresses, ${entry.address} and ${entry.other}, contradict each other` }
    bases.set(base, entry)
  }
  if (bases.size === 1) return { base: [...bases.keys()][0]! }
  const [[a, first], [b, second]] = [...bases] as [[string, Addressed], [string, Addressed]]
  return {
    row: second.row,
    reason: `the addresses contradict each other: row ${first.row} counts as base ${a}, this one as base ${b}`,
  }
}

function baseOf(address: number, wire: number): Exclude<AddressBase, 'auto'> | undefined {
  if (address === wire) return '0'
  if (address === wire + 1) return '1'
  return fromModicon(address)?.address === wire ? 'modicon' : undefined
}

/** An address of the table as it goes over the wire; or why it has none. */
export function toWire(
  value: number,
  marked: boolean,
  base: Exclude<AddressBase, 'auto'>,
): { readonly address: number; readonly function?: FunctionName } | string {
  if (base === 'modicon' && !marked) return fromModicon(value) ?? `${value} is no address of the kind 40001`
  if (base === '1') return value === 0 ? 'there is no register 0 where the first one is 1' : bounded(value - 1)
  return bounded(value)
}

const bounded = (address: number): { address: number } | string =>
  address <= 65_535 ? { address } : `${address} is larger than 65535`
