import type { MapPoint, PointMap } from '#contract/point-map.ts'
import type { RegisterFunction } from './types.ts'

/** How the words of a type are to be read. */
export type TypeKind =
  | 'unsigned'
  | 'signed'
  | 'float'
  | 'acc'
  | 'enum'
  | 'flags'
  | 'sunssf'
  | 'bool'
  | 'bit'
  | 'high-byte'
  | 'low-byte'
  | 'bcd'
  | 'string'
  | 'bytes'
  | 'ipv4'
  | 'ipv6'
  | 'eui48'
  | 'date-time'

export interface TypeSpec {
  readonly kind: TypeKind
  /** Registers it takes. */
  readonly words: number
  /** Significant bits of a number. */
  readonly bits: number
  readonly signed: boolean
  /** The bit number of `bit:B`. */
  readonly bit: number
  /** True when word order and scale mean something. */
  readonly numeric: boolean
}

const patterns: readonly (readonly [
  RegExp,
  (argument: number, text: string) => Partial<TypeSpec> & Pick<TypeSpec, 'kind'>,
])[] = [
  [/^uint(16|32|48|64)$/, (bits) => ({ kind: 'unsigned', bits, numeric: true })],
  [/^int(16|32|48|64)$/, (bits) => ({ kind: 'signed', bits, numeric: true, signed: true })],
  [/^u?int8h$/, (_, text) => ({ kind: 'high-byte', bits: 8, numeric: true, signed: text.startsWith('i') })],
  [/^u?int8l$/, (_, text) => ({ kind: 'low-byte', bits: 8, numeric: true, signed: text.startsWith('i') })],
  [/^float(32|64)$/, (bits) => ({ kind: 'float', bits, numeric: true, signed: true })],
  [/^acc(16|32|64)$/, (bits) => ({ kind: 'acc', bits, numeric: true })],
  [/^enum(16|32)$/, (bits) => ({ kind: 'enum', bits })],
  [/^flags(16|32|64)$/, (bits) => ({ kind: 'flags', bits })],
  [/^sunssf$/, () => ({ kind: 'sunssf', bits: 16, signed: true, numeric: true })],
  [/^bool$/, () => ({ kind: 'bool', bits: 16 })],
  [/^bit:(\d+)$/, (bit) => ({ kind: 'bit', bits: 1, bit })],
  [/^bcd:(\d+)$/, (words) => ({ kind: 'bcd', words, numeric: words <= 3 })],
  [/^string:(\d+)$/, (words) => ({ kind: 'string', words })],
  [/^bytes:(\d+)$/, (words) => ({ kind: 'bytes', words })],
  [/^ipv4$/, () => ({ kind: 'ipv4', words: 2 })],
  [/^ipv6$/, () => ({ kind: 'ipv6', words: 8 })],
  [/^eui48$/, () => ({ kind: 'eui48', words: 4 })],
  [/^date-time$/, () => ({ kind: 'date-time', words: 3 })],
  [/^date-time:([26])$/, (words) => ({ kind: 'date-time', words })],
]

const known = new Map<string, TypeSpec>()

/** What a type of the contract means. Throws for text that the contract's `pointType` would have refused. */
export function typeSpec(type: string): TypeSpec {
  const remembered = known.get(type)
  if (remembered) return remembered
  for (const [pattern, build] of patterns) {
    const match = pattern.exec(type)
    if (!match) continue
    const parts = build(Number(match[1] ?? 0), type)
    const bits = parts.bits ?? (parts.words ?? 1) * 16
    const spec = { words: Math.ceil(bits / 16), signed: false, bit: 0, numeric: false, ...parts, bits }
    known.set(type, spec)
    return spec
  }
  throw new TypeError(`no such register type: ${type}`)
}

/**
 * Whether the type's own "not available" value counts when the map does not say. Plain integers use their full range
 * on most devices; SunSpec points and the types that only SunSpec has do not.
 */
export function defaultTypeSentinels(spec: TypeSpec, sunspec: boolean): boolean {
  return sunspec || ['acc', 'sunssf', 'ipv4', 'ipv6', 'eui48', 'date-time'].includes(spec.kind)
}

/** The raw value that means "not implemented" in SunSpec, or undefined when the type has none. */
export function typeSentinel(spec: TypeSpec): bigint | undefined {
  const { kind, bits } = spec
  if (kind === 'signed' || kind === 'sunssf') return 1n << BigInt(bits - 1)
  if (kind === 'unsigned' || kind === 'enum' || kind === 'flags') return (1n << BigInt(bits)) - 1n
  if (kind === 'acc') return 0n
  return undefined
}

/** Function and type of a place after the map's defaults; bits of coils and discrete inputs are always `bool`. */
export function placeOf(
  place: Pick<MapPoint, 'function' | 'type'>,
  defaults: PointMap['defaults'],
): { readonly function: RegisterFunction; readonly type: string | undefined } {
  const fn = place.function ?? defaults?.function ?? 'holding'
  const single = fn === 'coil' || fn === 'discrete'
  return { function: fn, type: single ? (place.type ?? 'bool') : (place.type ?? defaults?.type) }
}
