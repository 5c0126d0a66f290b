import { toBigint, toFloat } from '../../pointmap/words.ts'

/** How the words of a value may be put together: what of its type can be seen in the registers. */
export interface Form {
  readonly id: string
  readonly kind: 'integer' | 'float' | 'text'
  readonly words: number
  readonly signed: boolean
  readonly wordOrder: 'big' | 'little'
  /** Of text only. */
  readonly byteOrder: 'big' | 'little'
}

const integer = (words: number, signed: boolean, wordOrder: Form['wordOrder']): Form => ({
  id: `${signed ? '' : 'u'}int${words * 16}${words === 1 ? '' : ` ${wordOrder}`}`,
  kind: 'integer',
  words,
  signed,
  wordOrder,
  byteOrder: 'big',
})
const float = (words: number, wordOrder: Form['wordOrder']): Form => ({
  id: `float${words * 16} ${wordOrder}`,
  kind: 'float',
  words,
  signed: true,
  wordOrder,
  byteOrder: 'big',
})
const text = (byteOrder: Form['byteOrder']): Form => ({
  id: `string ${byteOrder}`,
  kind: 'text',
  words: 1,
  signed: false,
  wordOrder: 'big',
  byteOrder,
})
const orders = ['big', 'little'] as const

/** Text counts word by word: how long it is comes from how far it reaches. */
export const forms: readonly Form[] = [
  integer(1, false, 'big'),
  integer(1, true, 'big'),
  ...orders.flatMap((order) => [
    integer(2, false, order),
    integer(2, true, order),
    float(2, order),
    integer(4, false, order),
    integer(4, true, order),
    float(4, order),
  ]),
  ...orders.map(text),
]

/** The form of a register type with its order; undefined for types that are only a part of a register, or packed. */
export function formOf(type: string, wordOrder: Form['wordOrder'], byteOrder: Form['byteOrder']): Form | undefined {
  const kind = /^(u?)(?:int)(16|32|64)$/.exec(type)
  const bits = kind?.[2] ?? /^(?:acc|enum|flags)(16|32|64)$/.exec(type)?.[1] ?? (type === 'bool' ? '16' : undefined)
  const order = bits === '16' ? '' : ` ${wordOrder}`
  const named =
    bits !== undefined
      ? `${kind && kind[1] === '' ? '' : 'u'}int${bits}${order}`
      : type === 'sunssf'
        ? 'int16'
        : /^float(32|64)$/.test(type)
          ? `${type} ${wordOrder}`
          : type.startsWith('string:')
            ? `string ${byteOrder}`
            : undefined
  if (byteOrder === 'little' && !type.startsWith('string:')) return undefined
  return forms.find(({ id }) => id === named)
}

/** The value of words as they stand in the registers. Integers beyond 53 bits lose their last digits. */
export function valueOf(form: Form, words: readonly number[]): number {
  const ordered = form.wordOrder === 'little' ? words.toReversed() : words
  if (form.kind === 'float') return toFloat(ordered)
  if (words.length === 1) return form.signed ? (words[0]! << 16) >> 16 : words[0]!
  const whole = toBigint(ordered)
  return Number(form.signed ? BigInt.asIntN(16 * words.length, whole) : whole)
}

/** The text of words, without what fills it up. */
export function textOf(form: Form, words: readonly number[]): string {
  const codes = words.flatMap((word) =>
    form.byteOrder === 'big' ? [word >> 8, word & 0xff] : [word & 0xff, word >> 8],
  )
  return String.fromCharCode(...codes.map((code) => (code === 0 ? 32 : code))).trimEnd()
}
