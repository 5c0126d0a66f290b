import type { MapExportRequest, MapExportResult } from '#contract/map-import.ts'
import { EdgeError } from '#contract/errors.ts'
import { pointTitle } from '#contract/metrics.ts'
import type { MapPoint } from '#contract/point-map.ts'
import { csvLine } from '../domain/csv.ts'
import { parsePointMap } from '../pointmap/load.ts'
import { placeOf, typeSpec } from '../pointmap/point-types.ts'
import type { EffectiveMap, LoadedMap } from '../pointmap/types.ts'
import { metricOf } from '../pointmap/units.ts'
import { homeAssistantText } from './export-home-assistant.ts'

/** A point with everything said that its map says by default. */
export interface Exported {
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly function: NonNullable<MapPoint['function']>
  readonly address: number
  readonly type: string
  readonly wordOrder: 'big' | 'little'
  readonly byteOrder: 'big' | 'little'
  readonly point: MapPoint
}

type Left = MapExportResult['left'][number]

/** The text of a map in another format. Throws `map.invalid` when the text is no map, or extends one. */
export function exportText(request: MapExportRequest): MapExportResult {
  const loaded = parsePointMap(request.text, request.name, () => {
    throw new EdgeError('map.invalid', `${request.name}: a map that extends another one is exported by its name only`)
  })
  return exportMap(loaded, request.format)
}

/** A map in another format, and what that format cannot say. */
export function exportMap({ id, map }: LoadedMap, format: MapExportRequest['format']): MapExportResult {
  const left: Left[] = []
  const points = Object.entries(map.points).flatMap(([name, point]) => {
    const made = exported(name, point, map)
    if (typeof made !== 'string') return [made]
    left.push({ point: name, reason: made })
    return []
  })
  for (const name of Object.keys(map.derived)) left.push({ point: name, reason: 'is computed from other points' })
  for (const name of Object.keys(map.commands))
    left.push({ point: name, reason: 'is a command; only what is read is exported' })
  const base = id.replaceAll('/', '-')
  if (format === 'csv') return { name: `${base}.csv`, text: csvText(points, left), left }
  return { name: `${base}.home-assistant.yaml`, text: homeAssistantText(map, points, left), left }
}

function exported(name: string, point: MapPoint, { defaults }: EffectiveMap): Exported | string {
  const { address } = point
  if (address === undefined) return 'is found by walking the SunSpec models of the device'
  if (typeof address === 'object') return 'its registers lie apart'
  const { function: fn, type } = placeOf(point, defaults)
  if (type === undefined) return 'has no type'
  if (point.scaleFactor !== undefined || point.decimals !== undefined)
    return `its power of ten stands in register ${point.scaleFactor ?? point.decimals}`
  if (point.negativeWhen) return 'its sign stands in another point'
  return {
    name,
    title: point.title ?? pointTitle(name),
    unit: point.unit ?? (name.startsWith('vendor.') ? '' : metricOf(name).unit),
    function: fn,
    address,
    type,
    wordOrder: point.wordOrder ?? defaults?.wordOrder ?? 'big',
    byteOrder: point.byteOrder ?? defaults?.byteOrder ?? 'big',
    point,
  }
}

const titles = [
  'name',
  'title',
  'function',
  'address',
  'address (hex)',
  'type',
  'word order',
  'scale',
  'offset',
  'unit',
  'values',
  'sentinels',
] as const

function csvText(points: readonly Exported[], left: Left[]): string {
  const lines = points.map((entry) => {
    const { point } = entry
    const numeric = typeSpec(entry.type).numeric
    if (point.typeSentinels)
      left.push({ point: entry.name, reason: 'that its type’s own value means "not available" is not in the table' })
    const words = point.values ?? point.bits
    return csvLine([
      entry.name,
      entry.title,
      entry.function,
      entry.address,
      `0x${entry.address.toString(16).toUpperCase().padStart(4, '0')}`,
      entry.type,
      orderName(entry),
      numeric ? (point.scale ?? 1) : '',
      numeric ? (point.offset ?? 0) : '',
      entry.unit,
      words ? JSON.stringify(words) : '',
      (point.sentinels ?? []).join(' '),
    ])
  })
  return [csvLine(titles), ...lines].join('')
}

const orderName = ({ wordOrder, byteOrder }: Exported): string =>
  wordOrder === 'little' ? (byteOrder === 'little' ? 'DCBA' : 'CDAB') : byteOrder === 'little' ? 'BADC' : 'ABCD'
