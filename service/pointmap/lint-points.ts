import type { MapPoint } from '#contract/point-map.ts'
import type { Metric } from '#contract/metrics-table.ts'
import { nearest } from '../domain/nearest.ts'
import { type TypeKind, type TypeSpec, placeOf, typeSpec } from './point-types.ts'
import type { EffectiveMap } from './types.ts'
import { metricOf, unitFactor, unitsOf } from './units.ts'

/** Reports a problem at a path of the file, with what is allowed there. */
export type Report = (path: readonly (string | number)[], message: string, allowed?: readonly string[]) => void

type Place = Pick<
  MapPoint,
  | 'address'
  | 'sunspec'
  | 'function'
  | 'type'
  | 'wordOrder'
  | 'byteOrder'
  | 'scale'
  | 'scaleFactor'
  | 'decimals'
  | 'offset'
>

/** Where a value is and how it is read. Returns its type when it is known without the device. */
export function lintPlace(place: Place, map: EffectiveMap, report: Report): TypeSpec | undefined {
  const { address, sunspec } = place
  if ((address === undefined) === (sunspec === undefined)) {
    report([], 'needs either address or sunspec')
    return undefined
  }
  if (sunspec) {
    for (const key of ['function', 'type', 'wordOrder', 'byteOrder', 'scaleFactor', 'decimals'] as const)
      if (place[key] !== undefined) report([key], `the SunSpec model says what ${key} is; remove it`)
    return undefined
  }
  const { function: fn, type } = placeOf(place, map.defaults)
  if (type === undefined) {
    report([], 'the key "type" is missing, here or in defaults')
    return undefined
  }
  const spec = typeSpec(type)
  if ((fn === 'coil' || fn === 'discrete') && spec.kind !== 'bool') report(['type'], `a ${fn} is a single bit: bool`)
  lintAddress(place, spec, type, report)
  lintScaling(place, spec, type, report)
  return spec
}

function lintAddress({ address, wordOrder }: Place, spec: TypeSpec, type: string, report: Report): void {
  if (typeof address === 'object') {
    if (address.length !== spec.words)
      report(['address'], `${type} takes ${registers(spec.words)}, but ${address.length} addresses are listed`)
    if (new Set(address).size < address.length) report(['address'], 'the same register is listed twice')
    if (wordOrder) report(['wordOrder'], 'listed registers are in order already, highest word first')
    return
  }
  if (address !== undefined && address + spec.words > 65_536)
    report(['address'], `${type} takes ${registers(spec.words)} and runs past 65535`)
  if (wordOrder && spec.words === 1) report(['wordOrder'], `${type} is a single register and has no word order`)
}

const registers = (count: number) => (count === 1 ? '1 register' : `${count} registers`)

function lintScaling(place: Place, spec: TypeSpec, type: string, report: Report): void {
  if (place.scaleFactor !== undefined && place.decimals !== undefined)
    report(['decimals'], 'a value has either a scale factor or decimals')
  if (spec.numeric) return
  for (const key of ['scale', 'scaleFactor', 'decimals', 'offset'] as const)
    if (place[key] !== undefined) report([key], `${type} is not a number and cannot be scaled`)
}

const wordKinds: ReadonlySet<TypeKind> = new Set(['enum', 'bool', 'bit', 'high-byte', 'low-byte'])

const kindsFor: Readonly<Record<Metric['type'], (spec: TypeSpec) => boolean>> = {
  number: (spec) => spec.numeric || spec.kind === 'bool' || spec.kind === 'bit',
  enum: (spec) => wordKinds.has(spec.kind) || spec.kind === 'unsigned' || spec.kind === 'string',
  flags: (spec) => spec.kind === 'flags',
  text: () => true,
  any: () => true,
}

/** One point: its place, and whether type, unit, words and sentinels go together. */
export function lintPoint(name: string, point: MapPoint, map: EffectiveMap, reportAt: Report): void {
  const report: Report = (path, message, allowed) => reportAt(['points', name, ...path], message, allowed)
  const spec = lintPlace(point, map, report)
  const metric = metricOf(name)
  lintUnit(point, metric, report)
  if (point.range && point.range[0] >= point.range[1]) report(['range'], 'the range runs backwards')
  if (spec) lintType(point, spec, metric, map, report)
  lintSign(name, point, map, report)
}

function lintUnit({ unit }: MapPoint, metric: Metric, report: Report): void {
  if (unit === undefined || unitFactor(metric, unit) !== undefined) return
  const allowed = unitsOf(metric)
  if (metric.unit === '' && metric.type !== 'any') report(['unit'], 'this metric has no unit')
  else {
    const hint = nearest(unit, allowed)
    report(['unit'], `"${unit}" is not a unit of this metric${hint ? `; did you mean "${hint}"?` : ''}`, allowed)
  }
}

function lintType(point: MapPoint, spec: TypeSpec, metric: Metric, map: EffectiveMap, report: Report): void {
  const { values, bits, sentinels } = point
  const type = placeOf(point, map.defaults).type ?? ''
  if (!kindsFor[metric.type](spec)) report(['type'], `${type} does not give a ${metric.type}, which this metric is`)
  if (values && !wordKinds.has(spec.kind))
    report(['values'], `words belong to enum, bool and bit types, not to ${type}`)
  if (bits && spec.kind !== 'flags') report(['bits'], `names of bits belong to flags types, not to ${type}`)
  for (const bit of Object.keys(bits ?? {}))
    if (spec.kind === 'flags' && Number(bit) >= spec.bits)
      report(['bits', bit], `${type} has bits 0 to ${spec.bits - 1}`)
  for (const raw of Object.keys(values ?? {}))
    if (BigInt(raw) >= 1n << BigInt(spec.bits)) report(['values', raw], `${raw} does not fit ${type}`)
  for (const [index, sentinel] of (sentinels ?? []).entries()) {
    const raw = BigInt(sentinel)
    const size = 1n << BigInt(spec.bits)
    if (raw >= size || raw < -size / 2n) report(['sentinels', index], `${sentinel} does not fit ${type}`)
  }
  const most = map.quirks?.maxReadRegisters ?? 125
  if (spec.words > most && spec.numeric)
    report(['type'], `${type} is larger than the largest block of ${most} registers`)
}

function lintSign(name: string, { negativeWhen, ...point }: MapPoint, map: EffectiveMap, report: Report): void {
  if (!negativeWhen) return
  const at = ['negativeWhen', 'point']
  const sign = map.points[negativeWhen.point]
  if (!sign) {
    report(at, `there is no point ${negativeWhen.point}`)
    return
  }
  if (negativeWhen.point === name || sign.negativeWhen)
    report(at, 'the sign must be in a point that has no sign point itself')
  const group = (entry: Pick<MapPoint, 'pollGroup'>) => entry.pollGroup ?? map.defaults?.pollGroup ?? 'normal'
  if (group(sign) !== group(point)) report(at, `${negativeWhen.point} must be in the same poll group`)
  if (placeOf(sign, map.defaults).function !== placeOf(point, map.defaults).function)
    report(at, `${negativeWhen.point} must be read with the same function`)
}
