import { type MapPoint, pointType } from '#contract/point-map.ts'
import { type Order, orderOf } from './registers.ts'

/** The forms that cells of register tables have in the field. Nothing that looks like a formula is computed. */

export const isFormula = (cell: string): boolean => /^[=@]|^[+-][A-Za-z(]/.test(cell)

export interface AddressCell {
  readonly first: number
  /** Of a range, such as 7~8. */
  readonly last: number
  /** `9.b8`, `10.4`: from which bit on. */
  readonly bit?: number
  /** Written in hexadecimal with a mark. */
  readonly marked: boolean
}

const number = String.raw`(?:0x[0-9a-f]+|[0-9a-f]+h|[0-9a-f]+)`
const form = new RegExp(String.raw`^r?(${number})(?:\s*(?:~|-|–|\.\.|to|bis)\s*(${number}))?(?:\.b?(\d{1,2}))?$`, 'i')

/** An address as written; undefined when it is none. `hexadecimal` is for numbers without a mark. */
export function readAddress(cell: string, hexadecimal: boolean): AddressCell | undefined {
  const match = form.exec(cell.slice(0, 60).trim())
  if (!match) return undefined
  const marked = /0x|h\b/i.test(cell.slice(0, 60))
  const value = (text: string): number => {
    if (/^0x/i.test(text)) return Number(text)
    if (/h$/i.test(text)) return Number.parseInt(text.slice(0, -1), 16)
    if (hexadecimal || (marked && /[a-f]/i.test(text))) return Number.parseInt(text, 16)
    return /^\d+$/.test(text) ? Number(text) : Number.NaN
  }
  const first = value(match[1]!)
  const last = match[2] === undefined ? first : value(match[2])
  if (!Number.isInteger(first) || !Number.isInteger(last) || last < first || last > 999_999) return undefined
  return { first, last, marked, ...(match[3] !== undefined && { bit: Number(match[3]) }) }
}

/** A number as people write factors: 0.1, 0,1, 1/10, /10, x10, 10^-1, 1e-3. */
export function readNumber(cell: string, comma: boolean): number | undefined {
  const short = cell.slice(0, 60)
  const text = (comma ? short.replace(',', '.') : short).replaceAll(/\s+/g, '').replace(/^[*×x]/i, '')
  const fraction = /^([+-]?\d+(?:\.\d+)?)?\/(\d+(?:\.\d+)?)$/.exec(text)
  if (fraction) return finite(Number(fraction[1] ?? 1) / Number(fraction[2]))
  const power = /^10(?:\^|\*\*)([+-]?\d{1,2})$/.exec(text)
  if (power) return Number(`1e${Number(power[1])}`)
  return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?$/i.test(text) ? finite(Number(text)) : undefined
}

const finite = (value: number): number | undefined =>
  Number.isFinite(value) ? Number(value.toPrecision(12)) : undefined

type FunctionName = NonNullable<MapPoint['function']>

const functionWords: readonly (readonly [RegExp, FunctionName])[] = [
  [/discrete[ _-]?output|digital[ _-]?output|^coils?|^0x$|^fc ?0?1$|^0?1$/, 'coil'],
  [/discrete|digital|contact|^1x$|^fc ?0?2$|^0?2$/, 'discrete'],
  [/hold|^4x?$|analog[ _-]?output|^hr$|^fc ?0?3$|^0?3$|^0x03$|^3,/, 'holding'],
  [/input|^3x$|analog[ _-]?input|^ir$|^fc ?0?4$|^0?4$|^0x04$/, 'input'],
]

export function readFunction(cell: string): FunctionName | undefined {
  const text = cell.trim().toLowerCase()
  if (text === '4x') return 'holding'
  if (text === '4' || text === '04') return 'input'
  return functionWords.find(([pattern]) => pattern.test(text))?.[1]
}

const typeWords: Readonly<Record<string, string>> = {
  word: 'uint16',
  ushort: 'uint16',
  unsigned: 'uint16',
  unsignedshort: 'uint16',
  unsignedint: 'uint16',
  '16bit': 'uint16',
  uint: 'uint16',
  unsignedinteger: 'uint16',
  short: 'int16',
  signed: 'int16',
  int: 'int16',
  integer: 'int16',
  signedint: 'int16',
  signedshort: 'int16',
  signedinteger: 'int16',
  dword: 'uint32',
  ulong: 'uint32',
  udint: 'uint32',
  unsignedlong: 'uint32',
  doubleword: 'uint32',
  '32bit': 'uint32',
  uinteger32: 'uint32',
  long: 'int32',
  dint: 'int32',
  signedlong: 'int32',
  qword: 'uint64',
  ulint: 'uint64',
  lint: 'int64',
  '64bit': 'uint64',
  float: 'float32',
  real: 'float32',
  single: 'float32',
  float32: 'float32',
  ieee754: 'float32',
  floatingpoint: 'float32',
  double: 'float64',
  lreal: 'float64',
  float64: 'float64',
  bool: 'bool',
  boolean: 'bool',
  bit: 'bool',
  enum: 'enum16',
  enum16: 'enum16',
  enum32: 'enum32',
  bitfield: 'flags16',
  bitfield16: 'flags16',
  bitfield32: 'flags32',
  bitmap: 'flags16',
  bitmap16: 'flags16',
  '16bitflags': 'flags16',
  '32bitflags': 'flags32',
  bitmask: 'flags16',
  flags: 'flags16',
  acc32: 'acc32',
  acc64: 'acc64',
  sunssf: 'sunssf',
}

/** `U16`, `unsigned int 32`, `float (CDAB)`, `string[8]`, `>f`. A text's length is in registers. */
export function readType(cell: string, count: number | undefined): ({ type: string } & Order) | string {
  const own = cell.slice(0, 80).trim()
  if (/[:\d]/.test(own) && pointType.safeParse(own).success) return { type: own }
  const plain = own.toLowerCase()
  const order = /\b([abcd]{4})\b/i.exec(own)?.[1]
  const swapped = /swap|little|_le\b|\ble\b|lsw|low(er)? word first/.test(plain) && order === undefined
  const orders = (order === undefined ? undefined : orderOf(order)) ?? (swapped ? { wordOrder: 'little' as const } : {})
  const bare = plain
    .replace(/\(.*\)|\[.*\]/g, '')
    .replaceAll(/\b([abcd]{4}|swapped|swap|little|big|endian|be|le|lsw|msw|word|first)\b(?=.)/g, (word) =>
      word === 'word' ? word : '',
    )
  const compact = bare.replaceAll(/[\s_\-/.]+/g, '').replace(/(be|le|swap)$/, '')
  const sized =
    /^(u|unsigned|uint|unsignedint|s|signed|i|int|sint|signedint|integer)(16|32|48|64)(?:bits?)?$/.exec(compact) ??
    /^(16|32|64)bits?(u|unsigned|s|signed)?(?:int(?:eger)?)?$/.exec(compact)
  if (sized) {
    const [, a = '', b = ''] = sized
    const bits = /^\d/.test(a) ? a : b
    const word = /^\d/.test(a) ? b : a
    return {
      type: `${word.startsWith('u') || word === '' ? 'u' : ''}int${bits}`,
      ...fitting(orders, Number(bits) > 16),
    }
  }
  if (/^f(loat)?(32|64)$/.test(compact)) return { type: `float${compact.slice(-2)}`, ...fitting(orders, true) }
  if (/^>?[a-z]$/.test(plain)) {
    const packed = { f: 'float32', d: 'float64', h: 'int16', i: 'int32', l: 'int32', q: 'int64' }[
      plain.replace('>', '')
    ]
    if (packed) return { type: packed }
  }
  if (/^(str(ing)?|ascii|char|text|utf8|varchar)\d*$/.test(compact)) {
    const written = Number(/(\d+)/.exec(plain)?.[1] ?? Number.NaN)
    const registers =
      count ?? (Number.isInteger(written) ? (plain.startsWith('ascii.') ? written : Math.ceil(written / 2)) : undefined)
    if (registers === undefined || registers < 1 || registers > 125)
      return 'a text needs its number of registers (1 to 125)'
    return { type: `string:${registers}` }
  }
  const word = Object.hasOwn(typeWords, compact) ? typeWords[compact] : undefined
  if (word === undefined) return `the type "${cell.slice(0, 40)}" has no counterpart here`
  return { type: word, ...fitting(orders, /32|64/.test(word)) }
}

const fitting = (orders: Order, wide: boolean) => ({
  ...(wide && orders.wordOrder && { wordOrder: orders.wordOrder }),
  ...(orders.byteOrder && { byteOrder: orders.byteOrder }),
})

/** `{"0": "off", "1": "on"}` as words for numbers. */
export function readWords(cell: string): Record<string, string> | undefined {
  if (!cell.startsWith('{') || cell.length > 20_000) return undefined
  let data: unknown
  try {
    data = JSON.parse(cell)
  } catch {
    return undefined
  }
  if (typeof data !== 'object' || data === null) return undefined
  const words = Object.entries(data).flatMap(([key, value]) =>
    /^\d{1,5}$/.test(key) && typeof value === 'string' && value !== ''
      ? [[String(Number(key)), value.slice(0, 64)] as const]
      : [],
  )
  return words.length > 0 ? Object.fromEntries(words) : undefined
}

/** `0xFFFF -1`: raw values that mean not available. */
export function readSentinels(cell: string): NonNullable<MapPoint['sentinels']> | undefined {
  const words = cell.split(/[\s;,]+/).filter((word) => word !== '')
  if (words.length === 0 || words.length > 16) return undefined
  const list = words.map((word) =>
    /^0x[0-9a-f]{1,16}$/i.test(word) ? word : /^-?\d{1,15}$/.test(word) ? Number(word) : undefined,
  )
  return list.includes(undefined) ? undefined : (list as NonNullable<MapPoint['sentinels']>)
}
