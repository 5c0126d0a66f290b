import type { ImportedPoint, ImportTable, mapImportReport } from '#contract/map-import.ts'
import type { MapPoint, PointMap, Quirks } from '#contract/point-map.ts'
import type { z } from 'zod'

type Assumption = z.infer<typeof mapImportReport>['assumptions'][number]

/** One value as a foreign file describes it, before it has a name in our vocabulary. */
export interface ForeignPoint {
  /** `file:line` or `file:line:column`. */
  readonly place: string
  /** What the file calls it; the name is made from it unless `wanted` says one. */
  readonly original: string
  /** Name in the vocabulary, where the dialect says what the value means. */
  readonly wanted?: string
  /** Of the device, before the name: `battery`, `pv.1`. */
  readonly within?: string
  /** The address as it is written. */
  readonly originalAddress?: string
  readonly keys: Omit<MapPoint, 'title' | 'unit' | 'note' | 'source' | 'confidence' | 'overlapReason'>
  /** The unit as the file writes it; a factor in front of it (0.1V) is a scale already. */
  readonly unit?: string
  /** Unit on the bus; entries of other units than the chosen one are not of this device. */
  readonly unitId?: number | string
  /** Keys without a place in a map. */
  readonly kept: readonly (readonly [key: string, value: string])[]
}

/** A value that the file computes from others, which are points with these `place`s. */
export interface ForeignSum {
  readonly place: string
  readonly original: string
  readonly wanted?: string
  readonly within?: string
  readonly unit?: string
  readonly sum?: readonly { readonly of: ForeignPoint; readonly factor: number }[]
  readonly product?: readonly ForeignPoint[]
}

export interface Skipped {
  readonly place: string
  readonly original: string
  readonly reason: string
}

/** What a dialect has understood of a file. */
export interface ForeignMap {
  readonly maker?: string
  readonly model?: string
  readonly kind?: PointMap['kind']
  readonly connection?: PointMap['connection']
  readonly quirks?: Quirks
  readonly points: readonly ForeignPoint[]
  readonly sums?: readonly ForeignSum[]
  readonly skipped: readonly Skipped[]
  /** Keys of the file as a whole. */
  readonly kept: readonly { readonly place: string; readonly key: string; readonly value: string }[]
  readonly assumptions: readonly Assumption[]
  /** The signs are those of this vocabulary by the dialect's own rules. */
  readonly signsKnown?: boolean
  readonly table?: ImportTable
}

/** Why a file gives no map, in one sentence. */
export interface Refusal {
  readonly refused: { readonly place: string; readonly reason: string }
  readonly table?: ImportTable
}

export type Understood = ForeignMap | Refusal
export type { Assumption, ImportedPoint }

export const refuse = (place: string, reason: string): Refusal => ({ refused: { place, reason } })
export const isRefusal = (result: object): result is Refusal => 'refused' in result

/** Most points of one map; a file of a megabyte holds no more. */
export const mostPoints = 4000
/** Most entries of each list of a report. */
export const mostListed = 2000

/** Text of a foreign file that is safe to show and to write into a comment: one line, no control or invisible characters. */
export function oneLine(text: string, most = 200): string {
  const plain = text
    .slice(0, most * 4)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return plain.length > most ? `${plain.slice(0, most - 1)}…` : plain
}
