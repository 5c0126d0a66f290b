/** A number as digits * 10^exponent, so that 0.1 means one tenth and not its nearest binary fraction. */
interface Decimal {
  readonly digits: bigint
  readonly exponent: number
}

interface Factor extends Decimal {
  /** The digits as a number; exact when it is a safe integer. */
  readonly small: number
}

const cache = new Map<number, Factor>()
/** The powers of ten that are exact doubles. */
const powersOfTen = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent)

/** The shortest decimal that reads back as this number. Scales and offsets recur, so they are remembered. */
function decimalOf(value: number): Factor {
  const known = cache.get(value)
  if (known) return known
  const [, sign = '', whole = '0', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? []
  const digits = BigInt(`${sign}${whole}${fraction}`)
  const decimal = { digits, small: Number(digits), exponent: Number(power) - fraction.length }
  if (cache.size < 4096) cache.set(value, decimal)
  return decimal
}

/** The double nearest to digits * 10^exponent. */
function numberOf({ digits, exponent }: Decimal): number {
  const small = Number(digits)
  if (Number.isSafeInteger(small)) {
    // One operation with an exact power rounds once.
    if (exponent >= 0 && exponent <= 22) return small * powersOfTen[exponent]!
    if (exponent < 0 && exponent >= -22) return small / powersOfTen[-exponent]!
  }
  return Number(`${digits}e${exponent}`)
}

/** Product of two scales without binary noise: 0.1 * 1000 is 100. */
export function multiply(a: number, b: number): number {
  const left = decimalOf(a)
  const right = decimalOf(b)
  return numberOf({ digits: left.digits * right.digits, exponent: left.exponent + right.exponent })
}

/** raw * scale * 10^power + offset, rounded once. */
export function applyScale(raw: number | bigint, scale: number, power: number, offset: number): number {
  if (typeof raw === 'bigint') return applyExactly(raw, scale, power, offset)
  if (offset === 0) {
    if (power === 0 && scale === 1) return raw
    const factor = decimalOf(scale)
    const digits = raw * factor.small
    const exponent = factor.exponent + power
    if (Number.isSafeInteger(digits) && exponent >= -22 && exponent <= 22)
      return exponent >= 0 ? digits * powersOfTen[exponent]! : digits / powersOfTen[-exponent]!
  }
  return applyExactly(BigInt(raw), scale, power, offset)
}

function applyExactly(raw: bigint, scale: number, power: number, offset: number): number {
  const factor = decimalOf(scale)
  const scaled = { digits: raw * factor.digits, exponent: factor.exponent + power }
  if (offset === 0) return numberOf(scaled)
  const shift = decimalOf(offset)
  const exponent = Math.min(scaled.exponent, shift.exponent)
  return numberOf({
    digits:
      scaled.digits * 10n ** BigInt(scaled.exponent - exponent) +
      shift.digits * 10n ** BigInt(shift.exponent - exponent),
    exponent,
  })
}

/** The whole number nearest to (value - offset) / (scale * 10^power), halves away from zero. */
export function removeScale(value: number, scale: number, power: number, offset: number): bigint {
  const factor = decimalOf(scale)
  const [given, shift] = [decimalOf(value), decimalOf(offset)]
  const exponent = Math.min(given.exponent, shift.exponent, factor.exponent + power)
  const at = ({ digits, exponent: own }: Decimal) => digits * 10n ** BigInt(own - exponent)
  const numerator = at(given) - at(shift)
  const denominator = at({ digits: factor.digits, exponent: factor.exponent + power })
  const negative = numerator < 0n !== denominator < 0n
  const [top, bottom] = [numerator < 0n ? -numerator : numerator, denominator < 0n ? -denominator : denominator]
  const rounded = (2n * top + bottom) / (2n * bottom)
  return negative ? -rounded : rounded
}
