import type { registerFunction } from '#contract/api.ts'
import type { CommandWrite, DerivedPoint, MapCommand, MapPoint, PointMap, Quirks } from '#contract/point-map.ts'
import type { z } from 'zod'

export type RegisterFunction = z.infer<typeof registerFunction>

/** A point map with `extends` applied and removed points gone. */
export interface EffectiveMap extends Omit<PointMap, 'extends' | 'points' | 'derived' | 'commands'> {
  readonly points: Readonly<Record<string, MapPoint>>
  readonly derived: Readonly<Record<string, DerivedPoint>>
  readonly commands: Readonly<Record<string, MapCommand>>
}

/** A point map as loaded: `extends` applied, every key checked. */
export interface LoadedMap {
  readonly id: string
  /** File it came from, for messages. */
  readonly file: string
  readonly map: EffectiveMap
  /** SHA-256 of the effective content, hex: what was proven is bound to this. */
  readonly hash: string
}

/** Where one SunSpec model was found on a device. */
export interface SunspecModelAt {
  readonly model: number
  /** Address of the model's first point after ID and L. */
  readonly address: number
  /** L, the number of registers after ID and L. */
  readonly length: number
}

/** The result of a SunSpec walk. */
export interface SunspecLayout {
  /** Address of the marker "SunS". */
  readonly base: number
  readonly models: readonly SunspecModelAt[]
  /** What was odd on the way, in words. */
  readonly warnings: readonly string[]
}

/** A point with its registers known. */
export interface ResolvedPoint {
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly function: RegisterFunction
  readonly type: string
  /** One address per register word, highest word first as the map lists them. For coils and discrete inputs: one address. */
  readonly addresses: readonly number[]
  readonly wordOrder: 'big' | 'little'
  readonly byteOrder: 'big' | 'little'
  readonly scale: number
  readonly offset: number
  /** Register with the power of ten, read in the same poll. */
  readonly scaleFactorAddress?: number
  /** The register holds a number of decimals: the power is its negative. */
  readonly decimals?: true
  /** A power of ten that a SunSpec model fixes instead. */
  readonly scalePower: number
  /** Raw patterns, unsigned. */
  readonly sentinels: readonly bigint[]
  readonly typeSentinels: boolean
  readonly values?: Readonly<Record<string, string>>
  readonly bits?: Readonly<Record<string, string>>
  readonly range?: readonly [number, number]
  readonly pollGroup: 'fast' | 'normal' | 'slow' | 'once'
  /** The metric is a text: numbers such as a serial number are written out. */
  readonly asText?: true
  readonly negativeWhen?: { readonly point: ResolvedPoint; readonly equals: number | string }
  readonly confidence?: MapPoint['confidence']
  readonly note?: string
}

/** One write of a command with its register known. */
export interface ResolvedWrite {
  readonly function: 'holding' | 'coil'
  readonly address: number
  readonly type: string
  readonly wordOrder: 'big' | 'little'
  readonly byteOrder: 'big' | 'little'
  readonly scale: number
  readonly offset: number
  readonly scaleFactorAddress?: number
  readonly decimals?: true
  readonly scalePower: number
  readonly typeSentinels: boolean
  readonly value: CommandWrite['value']
  readonly percentOf?: ResolvedPoint
  readonly when?: NonNullable<CommandWrite['when']>
  readonly with?: 'single' | 'multiple'
}

export interface ResolvedCommand extends Omit<MapCommand, 'writes' | 'release' | 'expiry'> {
  readonly name: string
  readonly writes: readonly ResolvedWrite[]
  readonly release: readonly ResolvedWrite[]
  readonly expiry:
    | { readonly kind: 'reversion'; readonly seconds: number; readonly fallback: string }
    | {
        readonly kind: 'watchdog'
        readonly seconds: number
        readonly heartbeat: readonly ResolvedWrite[]
        readonly fallback: string
      }
    | { readonly kind: 'none' }
}

/** A map bound to one device: all addresses known, points the device lacks listed. */
export interface ResolvedMap {
  readonly loaded: LoadedMap
  readonly points: readonly ResolvedPoint[]
  readonly derived: Readonly<Record<string, DerivedPoint>>
  readonly commands: ReadonlyMap<string, ResolvedCommand>
  readonly quirks: Quirks
  readonly pollMs: { readonly fast?: number; readonly normal: number; readonly slow: number }
  /** Where the SunSpec models of the device are, when it was walked for this. */
  readonly layout?: SunspecLayout
  /** Points the map names but this device does not have, with the reason. */
  readonly missing: ReadonlyMap<string, string>
}

/** One read request. */
export interface ReadBlock {
  readonly function: RegisterFunction
  readonly address: number
  readonly count: number
  readonly points: readonly ResolvedPoint[]
}

/** The registers a poll has brought, by function and address. */
export interface RegisterImage {
  word(fn: RegisterFunction, address: number): number | undefined
}

export type DecodedValue = number | string | string[]

/** `raw` belongs to the caller. */
export type Decoded =
  | { readonly ok: true; readonly value: DecodedValue; readonly raw: number[] }
  /** Not measured: sentinel, missing word, scale factor not available, out of range. */
  | { readonly ok: false; readonly reason: string; readonly raw: number[] }

export type Encoded =
  | {
      readonly ok: true
      /** Words in wire order, starting at the write's address; 0 or 1 for a coil. */
      readonly words: readonly number[]
      /** The value the device will understand, which the register's resolution may have rounded. */
      readonly value: number
    }
  | { readonly ok: false; readonly reason: string }
