import type { DevicePoint } from '#contract/api.ts'
import { pointTitle } from '#contract/metrics.ts'
import { inputsOf } from '../../pointmap/derive.ts'
import type { LoadedMap, ResolvedMap } from '../../pointmap/types.ts'
import { metricOf, pointUnit } from '../../pointmap/units.ts'

/** Every point of the map, with its place where that is known. */
export function describePoints(loaded: LoadedMap, map: ResolvedMap | undefined): DevicePoint[] {
  const found = new Map(map?.points.map((point) => [point.name, point]))
  const { defaults, points, derived } = loaded.map
  const measured = Object.entries(points).map(([name, point]): DevicePoint => {
    const resolved = found.get(name)
    return {
      name,
      title: resolved?.title ?? point.title ?? pointTitle(name),
      unit: resolved?.unit ?? pointUnit(metricOf(name), point.unit),
      type: resolved?.type ?? point.type ?? defaults?.type ?? 'unknown',
      pollGroup: resolved?.pollGroup ?? point.pollGroup ?? defaults?.pollGroup ?? 'normal',
      ...(resolved ? { address: resolved.addresses[0]!, function: resolved.function } : {}),
    }
  })
  const computed = Object.entries(derived).map(([name, definition]): DevicePoint => {
    const input = found.get(inputsOf(definition)[0] ?? '')
    return {
      name,
      title: definition.title ?? pointTitle(name),
      unit: metricOf(name).unit,
      type: 'derived',
      pollGroup: input?.pollGroup ?? 'normal',
    }
  })
  return [...measured, ...computed]
}
