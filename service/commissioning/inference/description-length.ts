import { type Form, valueOf } from './forms.ts'

/**
 * How well a form explains what its registers read: the length of the shortest description of the values, in nats, under plain
 * assumptions on what devices measure (small numbers, round numbers, mains voltages and frequencies, values that move little).
 * The form that makes the whole shortest is the likeliest.
 */
export interface Explained {
  readonly nats: number
  readonly values: readonly number[]
  readonly constant: boolean
  readonly neverFalls: boolean
}

/** Share of values that never change, are zero, say "not available", are round, and lie at a nominal value. */
const share = { constant: 0.6, zero: 0.15, sentinel: 0.03, round: 0.08, nominal: 0.06, negative: 0.2 } as const

interface Window {
  readonly low: number
  readonly high: number
}
const around = (middle: number, part: number): Window => ({ low: middle * (1 - part), high: middle * (1 + part) })
const nominals: readonly Window[] = [
  around(230, 0.08),
  around(400, 0.08),
  around(120, 0.06),
  around(50, 0.004),
  around(60, 0.004),
]
const nominalScales = [1, 0.1, 0.01, 0.001]

export function explain(form: Form, series: readonly (readonly number[])[]): Explained {
  const readings = series[0]?.length ?? 0
  const at = (index: number): number[] => series.map((words) => words[index]!)
  const values = Array.from({ length: readings }, (_, index) => valueOf(form, at(index)))
  const constant = series.every((words) => words.every((word) => word === words[0]))
  const ranks =
    form.kind === 'float' ? Array.from({ length: readings }, (_, index) => floatRank(form, at(index))) : values
  const first = form.kind === 'float' ? floatNats(values[0]!, form) : integerNats(values[0]!, form)
  const nats = first + (readings < 2 ? 0 : constant ? -Math.log(share.constant) : moveNats(ranks, form))
  return {
    nats: nats + sleepingNats(form, series),
    values,
    constant,
    neverFalls: ranks.every((rank, index) => index === 0 || rank >= ranks[index - 1]!),
  }
}

/** One high word that is always 0 is usual; two and more of them, beside registers that read 0, are no sign of a wide value. */
function sleepingNats({ kind, words, wordOrder }: Form, series: readonly (readonly number[])[]): number {
  if (kind !== 'integer' || words < 4) return 0
  const fromTop = wordOrder === 'big' ? series : series.toReversed()
  const used = fromTop.findIndex((each) => each.some((word) => word !== 0))
  return used <= 0 ? 0 : 3 * Math.max(0, used - 1)
}

/** A whole number of any size: small ones are likelier, however wide the register is. */
const universalNats = (size: number): number => Math.log(size) + 2 * Math.log(Math.log(size) + 1) + 0.85

/** Values beyond some hundred million are rare, whatever they count. */
const rareNats = (size: number): number => (size < 1e7 ? 0 : 1.2 * Math.log10(size / 1e7))

/** Registers that nothing uses read 0 or 0xFFFF in rows: many of them are no sign of a wide value. */
const emptyNats = (first: number, { words }: Form): number => first * (1 + 0.95 * (words - 1))

function integerNats(value: number, form: Form): number {
  const size = Math.abs(value)
  if (size === 0) return emptyNats(-Math.log(share.zero), form)
  const ones = 2 ** (16 * form.words)
  if ((!form.signed && value === ones - 1) || (form.signed && value === -ones / 2))
    return emptyNats(-Math.log(share.sentinel), form)
  const sign = form.signed ? -Math.log(value < 0 ? share.negative : 1 - share.negative) : 0
  const plain = universalNats(size) + rareNats(size)
  // Nobody counts volts in 64 bits.
  const nominal = form.words > 2 ? Number.POSITIVE_INFINITY : nominalNats(size, 1) + form.words - 1
  return sign + Math.min(plain, roundNats(size), nominal)
}

/** 5000, 120000: one or two digits and zeros. */
function roundNats(size: number): number {
  let rest = size
  let zeros = 0
  while (rest % 10 === 0 && rest >= 10) {
    rest /= 10
    zeros++
  }
  return zeros >= 2 && rest < 100 ? -Math.log(share.round) + Math.log(99 * 5) : Number.POSITIVE_INFINITY
}

/** Values of the mains under the usual scales. `step` is the distance of two values that can be told apart. */
function nominalNats(size: number, step: number): number {
  let best = Number.POSITIVE_INFINITY
  for (const { low, high } of nominals)
    for (const scale of step === 1 ? nominalScales : [1])
      if (size * scale >= low && size * scale <= high)
        best = Math.min(
          best,
          Math.log((nominals.length * 2 * Math.max(1, (high - low) / scale / step)) / share.nominal),
        )
  return best
}

/** Devices without a value send one that is no number; what is no float at all often looks like one, too. */
const notANumberNats = 22

/** Floats of devices: sizes from a thousandth to ten million, some with few digits. */
function floatNats(value: number, form: Form): number {
  if (value === 0) return emptyNats(-Math.log(share.zero), form)
  if (Number.isNaN(value)) return notANumberNats
  const size = Math.abs(value)
  const mantissa = (form.words === 2 ? 23 : 52) * Math.LN2
  const sign = -Math.log(value < 0 ? share.negative : 1 - share.negative)
  const usual = size >= 1e-3 && size <= 1e8
  const exponent = usual ? Math.log(37) : 14
  if (!usual) return sign + exponent + mantissa
  const digits = significantDigits(size)
  const short = digits <= 5 ? Math.log(2) + digits * Math.LN10 : Number.POSITIVE_INFINITY
  const nominal = nominalNats(size, 2 ** (Math.floor(Math.log2(size)) - (form.words === 2 ? 23 : 52)))
  return sign + Math.min(exponent + mantissa, exponent + short, nominal)
}

function significantDigits(size: number): number {
  for (let digits = 1; digits <= 6; digits++)
    if (Math.abs(Number(size.toPrecision(digits)) - size) <= size * 1e-7) return digits
  return 17
}

/** Floats in their order, as whole numbers one step apart. */
function floatRank(form: Form, words: readonly number[]): number {
  const ordered = form.wordOrder === 'little' ? words.toReversed() : words
  let bits = 0
  for (const word of ordered) bits = bits * 0x1_0000 + word
  const negative = ordered[0]! >= 0x8000
  const size = negative ? bits - 2 ** (16 * words.length - 1) : bits
  return negative ? -size : size
}

/** Steps as large as half of the register's range, again and again, are those of a half of something else. */
const wildStep = 8000
const wildNats = 1.5

function moveNats(ranks: readonly number[], form: Form): number {
  const steps = ranks.slice(1).map((rank, index) => Math.abs(rank - ranks[index]!))
  const moves = steps.filter((step) => step > 0)
  // How often it moves is told once; how far, each time.
  const often = Math.min(0.98, Math.max(0.02, moves.length / steps.length))
  const rests = -(steps.length - moves.length) * Math.log(1 - often) - moves.length * Math.log(often)
  const mean = Math.max(0.5, moves.reduce((sum, step) => sum + step, 0) / Math.max(1, moves.length))
  const spread = rests + moves.length * (1 + Math.log(2 * mean)) + 0.5 * universalNats(Math.max(1, mean))
  const wild = form.words === 1 ? steps.filter((step) => step > wildStep).length * wildNats : 0
  return -Math.log(1 - share.constant) + spread + Math.min(12, wild)
}

/** A text that changes is read anew; what fills it up is rarer than zeros between numbers. */
const textMovesNats = 14
const fillNats = 2.5
const endNats = 5

/** One word of a text. */
export function textNats(form: Form, words: readonly number[]): number {
  const word = words[0]!
  const moves = words.filter((each, index) => index > 0 && each !== words[index - 1]).length
  const moved = moves === 0 ? -Math.log(share.constant) : moves * textMovesNats
  const [first, second] = form.byteOrder === 'big' ? [word >> 8, word & 0xff] : [word & 0xff, word >> 8]
  if (word === 0 || word === 0x2020) return fillNats + moved
  // An end inside the word: the second character is the one that is missing.
  if (second === 0 || second === 32) return charNats(first) + endNats + moved
  return charNats(first) + charNats(second) + moved
}

const charNats = (code: number): number => {
  if ((code >= 48 && code <= 57) || (code >= 65 && code <= 90)) return Math.log(45)
  if (code >= 97 && code <= 122) return Math.log(60)
  if (code >= 32 && code < 127) return Math.log(300)
  return 12
}
