import { applyScale, removeScale } from './decimal.ts'
import { type TypeSpec, typeSentinel, typeSpec } from './point-types.ts'
import { decodeText } from './text-codec.ts'
import type {
  Decoded,
  DecodedValue,
  Encoded,
  RegisterFunction,
  RegisterImage,
  ResolvedPoint,
  ResolvedWrite,
} from './types.ts'
import { fromBigint, fromFloat, reorder, toBigint, toFloat } from './words.ts'

type Result = { readonly value: DecodedValue } | { readonly reason: string }

/** What a sentinel means: the device says that it has no such value. */
export const notAvailableReason = 'not available'
const notAvailable = { reason: notAvailableReason } as const

/**
 * Decodes one point from the registers a poll has brought. What is not available, not read or not plausible is not
 * measured: the answer then has a reason and no value.
 */
export function decodePoint(point: ResolvedPoint, image: RegisterImage): Decoded {
  // Addresses turned into words in place: an array of the right size from the start costs half of one that grows.
  const raw = point.addresses.slice()
  for (let index = 0; index < raw.length; index += 1) {
    const address = raw[index]!
    const word = image.word(point.function, address)
    if (word === undefined) return { ok: false, reason: `register ${address} was not read`, raw: [] }
    raw[index] = word
  }
  const result = decodeWords(point, reorder(raw, point), image)
  if ('reason' in result) return { ok: false, reason: result.reason, raw }
  const value = point.asText && typeof result.value === 'number' ? String(result.value) : result.value
  const outside = outsideRange(point, value)
  return outside ? { ok: false, reason: outside, raw } : { ok: true, value, raw }
}

function outsideRange(point: ResolvedPoint, value: DecodedValue): string | undefined {
  if (!point.range || typeof value !== 'number') return undefined
  const [low, high] = point.range
  // A millionth of slack, for devices that compute 1.0000001.
  const slack = (high - low) * 1e-6
  if (value >= low - slack && value <= high + slack) return undefined
  const unit = point.unit ? ` ${point.unit}` : ''
  return `${value}${unit} is implausible (${low} to ${high}${unit})`
}

function decodeWords(point: ResolvedPoint, words: readonly number[], image: RegisterImage): Result {
  const spec = typeSpec(point.type)
  const number = rawNumber(spec, words)
  if (number === undefined) {
    const result = decodeText(spec, words)
    return 'text' in result ? { value: result.text } : result
  }
  if (isSentinel(point, spec, words)) return notAvailable
  if (!isFiniteRaw(number)) return { reason: Number.isNaN(number) ? notAvailableReason : 'the device sent infinity' }
  if (spec.kind === 'bcd' && number < 0) return { reason: `0x${toBigint(words).toString(16)} is not BCD` }
  if (spec.kind === 'flags') return { value: flagWords(BigInt(number), spec.bits, point.bits) }
  if (spec.kind === 'enum' || point.values) {
    if (point.values) return { value: point.values[String(number)] ?? String(number) }
    return { value: Number(number) }
  }
  return scaled(point, number, image)
}

const isFiniteRaw = (raw: number | bigint) => typeof raw === 'bigint' || Number.isFinite(raw)

function isSentinel(point: ResolvedPoint, spec: TypeSpec, words: readonly number[]): boolean {
  const own = point.typeSentinels ? typeSentinel(spec) : undefined
  if (own === undefined && point.sentinels.length === 0) return false
  const pattern = patternOf(spec, words)
  return pattern === own || point.sentinels.includes(pattern)
}

/** The bits of a value without sign, which is what sentinels are compared with. */
function patternOf(spec: TypeSpec, words: readonly number[]): bigint {
  const all = toBigint(words)
  if (spec.kind === 'high-byte') return all >> 8n
  if (spec.kind === 'low-byte') return all & 0xffn
  return all
}

/** The raw number, or undefined for types whose value is a text. NaN and infinity only come from floats. */
function rawNumber(spec: TypeSpec, words: readonly number[]): number | bigint | undefined {
  const first = words[0]!
  switch (spec.kind) {
    case 'float':
      return toFloat(words)
    case 'bool':
      return first === 0 ? 0 : 1
    case 'bit':
      return (first >>> spec.bit) & 1
    case 'high-byte':
    case 'low-byte': {
      const byte = spec.kind === 'high-byte' ? first >>> 8 : first & 0xff
      return spec.signed && byte > 0x7f ? byte - 0x100 : byte
    }
    case 'bcd':
      return spec.numeric ? bcdNumber(words) : undefined
    case 'unsigned':
    case 'signed':
    case 'acc':
    case 'enum':
    case 'flags':
    case 'sunssf':
      return integer(spec, words)
    default:
      return undefined
  }
}

function integer(spec: TypeSpec, words: readonly number[]): number | bigint {
  if (words.length > 2) return spec.signed ? BigInt.asIntN(spec.bits, toBigint(words)) : toBigint(words)
  const value = words.length === 1 ? words[0]! : words[0]! * 65_536 + words[1]!
  return spec.signed && value >= 2 ** (spec.bits - 1) ? value - 2 ** spec.bits : value
}

/** The decimal digits of up to three registers, or -1 when one is above 9. */
function bcdNumber(words: readonly number[]): number {
  const digits = toBigint(words).toString(16)
  return /^\d+$/.test(digits) ? Number(digits) : -1
}

function flagWords(raw: bigint, bits: number, names: ResolvedPoint['bits']): string[] {
  const set: string[] = []
  for (let bit = 0; bit < bits; bit += 1) if ((raw >> BigInt(bit)) & 1n) set.push(names?.[String(bit)] ?? `bit ${bit}`)
  return set
}

function scaled(point: ResolvedPoint, raw: number | bigint, image: RegisterImage): Result {
  const power = scalePower(point, image)
  if (typeof power === 'string') return { reason: power }
  const whole = typeof raw === 'bigint' || Number.isInteger(raw)
  // Adding 0 turns the -0 that a negative scale makes of 0 into 0.
  const value = (whole ? applyScale(raw, point.scale, power, point.offset) : scaleFloat(raw, point, power)) + 0
  if (!Number.isFinite(value)) return { reason: 'too large for a number' }
  if (!point.negativeWhen) return { value }
  const sign = decodePoint(point.negativeWhen.point, image)
  if (!sign.ok) return { reason: `its sign is unknown: ${sign.reason}` }
  return { value: sign.value === point.negativeWhen.equals && value !== 0 ? -Math.abs(value) : value }
}

function scaleFloat(raw: number, { scale, offset }: Pick<ResolvedPoint, 'scale' | 'offset'>, power: number): number {
  if (scale === 1 && power === 0 && offset === 0) return raw
  // 15 digits hold all a 64-bit float can say and drop the noise of the multiplication.
  return Number((raw * scale * 10 ** power + offset).toPrecision(15))
}

interface Scaled {
  readonly function: RegisterFunction
  readonly scaleFactorAddress?: number
  readonly decimals?: true
  readonly scalePower: number
}

/** The power of ten in force, or why it is unknown. Devices change it at run time. */
function scalePower(place: Scaled, image: RegisterImage): number | string {
  if (place.scaleFactorAddress === undefined) return place.scalePower
  const word = image.word(place.function, place.scaleFactorAddress)
  if (word === undefined) return `scale factor register ${place.scaleFactorAddress} was not read`
  if (word === 0x8000) return 'its scale factor is not available'
  const sent = word > 0x7fff ? word - 0x10000 : word
  const power = place.decimals ? -sent : sent
  return power >= -10 && power <= 10 ? power : `its scale factor ${power} is implausible (-10 to 10)`
}

/** Whether a write belongs to a value; those without a sign of their own belong to every one. */
export function appliesTo(write: ResolvedWrite, value: number): boolean {
  const sign = value < 0 ? 'negative' : value > 0 ? 'positive' : 'zero'
  return write.when === undefined || write.when.includes(sign)
}

/** What a write carries: a constant of the map, the commanded value or its size, or the life of the setpoint in seconds. */
export function writeValue(
  write: ResolvedWrite,
  inputs: { readonly value?: number; readonly expiryS?: number },
): number | undefined {
  if (write.value === '$value') return inputs.value
  if (write.value === '$magnitude') return inputs.value === undefined ? undefined : Math.abs(inputs.value)
  return write.value === '$expiryS' ? inputs.expiryS : write.value
}

/**
 * The registers that carry a value, the inverse of decoding. A value that does not fit is refused, never wrapped or
 * clipped; one between two steps goes to the nearer. The image supplies the scale factor, and for types that are only
 * a part of a register (bit:B, uint8h …) the rest of it, and the rating that a percentage is of.
 */
export function encodeWrite(write: ResolvedWrite, value: number, image: RegisterImage): Encoded {
  if (!write.percentOf || typeof write.value === 'number') return encodeValue(write, value, image)
  const { name } = write.percentOf
  const base = decodePoint(write.percentOf, image)
  if (!base.ok) return { ok: false, reason: `${name}, of which a percentage is written, is unknown: ${base.reason}` }
  if (typeof base.value !== 'number' || base.value <= 0)
    return { ok: false, reason: `${name} is ${String(base.value)}; no percentage of that can be written` }
  const encoded = encodeValue(write, (value / base.value) * 100, image)
  return encoded.ok ? { ...encoded, value: Number(((encoded.value / 100) * base.value).toPrecision(12)) } : encoded
}

function encodeValue(write: ResolvedWrite, value: number, image: RegisterImage): Encoded {
  if (!Number.isFinite(value)) return { ok: false, reason: `${value} is not a number that can be written` }
  if (write.function === 'coil') {
    return value === 0 || value === 1
      ? { ok: true, words: [value], value }
      : { ok: false, reason: `a coil takes 0 or 1, not ${value}` }
  }
  const power = scalePower(write, image)
  if (typeof power === 'string') return { ok: false, reason: power }
  const spec = typeSpec(write.type)
  if (spec.kind === 'float') return encodeFloat(write, value, power)
  if (!spec.numeric && !['enum', 'flags', 'bool', 'bit'].includes(spec.kind))
    return { ok: false, reason: `a number cannot be written as ${write.type}` }
  const raw = removeScale(value, write.scale, power, write.offset)
  const [low, high] = rawRange(spec)
  if (raw < low || raw > high)
    return { ok: false, reason: `${value} does not fit ${write.type} (raw ${raw}, allowed ${low} to ${high})` }
  const whole = spec.kind === 'bcd' ? BigInt(`0x${raw}`) : raw
  const pattern = BigInt.asUintN(spec.words * 16, whole)
  if (write.typeSentinels && pattern === typeSentinel(spec))
    return { ok: false, reason: `${value} would be read as "not available" by the device` }
  const words = merge(spec, whole, write, image)
  if (typeof words === 'string') return { ok: false, reason: words }
  return { ok: true, words: reorder(words, write), value: applyScale(raw, write.scale, power, write.offset) }
}

function encodeFloat(write: ResolvedWrite, value: number, power: number): Encoded {
  const words = fromFloat((value - write.offset) / write.scale / 10 ** power, typeSpec(write.type).words)
  const sent = toFloat(words)
  if (!Number.isFinite(sent)) return { ok: false, reason: `${value} does not fit ${write.type}` }
  return { ok: true, words: reorder(words, write), value: scaleFloat(sent, write, power) }
}

function rawRange(spec: TypeSpec): readonly [bigint, bigint] {
  if (spec.kind === 'bool') return [0n, 1n]
  if (spec.kind === 'bcd') return [0n, 10n ** BigInt(spec.words * 4) - 1n]
  const size = 1n << BigInt(spec.bits)
  return spec.signed ? [-size / 2n, size / 2n - 1n] : [0n, size - 1n]
}

/** Ordered words of the value; for a part of a register, with the other bits as last read. */
function merge(spec: TypeSpec, raw: bigint, write: ResolvedWrite, image: RegisterImage): readonly number[] | string {
  if (spec.kind !== 'bit' && spec.kind !== 'high-byte' && spec.kind !== 'low-byte') return fromBigint(raw, spec.words)
  const present = image.word(write.function, write.address)
  if (present === undefined) return `register ${write.address} holds more than this value and was not read before`
  const word = reorder([present], write)[0]!
  if (spec.kind === 'bit') return [(word & ~(1 << spec.bit)) | (Number(raw) << spec.bit)]
  const byte = Number(BigInt.asUintN(8, raw))
  return [spec.kind === 'high-byte' ? (byte << 8) | (word & 0xff) : (word & 0xff00) | byte]
}
