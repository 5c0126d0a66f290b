import type { ReadFunction, WatchedPoint } from '#contract/workbench-registers.ts'
import type { BusUnit } from '../../drivers/modbus/bus.ts'
import type { SunspecModels } from '../../pointmap/sunspec/models.ts'
import type { LoadedMap, ResolvedPoint } from '../../pointmap/types.ts'
import { bindMap } from '../bind-map.ts'

/** The point map of a unit, and what its SunSpec points are found by. */
export interface WatchedMap {
  readonly loaded: LoadedMap
  readonly sunspecModels: SunspecModels
}

const functions: Readonly<Record<ResolvedPoint['function'], ReadFunction>> = {
  coil: 1,
  discrete: 2,
  holding: 3,
  input: 4,
}

/** What the registers of a unit mean by its map. A SunSpec device is walked for it. */
export async function watchedPoints(
  { loaded, sunspecModels }: WatchedMap,
  unit: BusUnit,
  signal: AbortSignal,
): Promise<WatchedPoint[]> {
  const asking: BusUnit = { ...unit, ask: (request, how) => unit.ask(request, { ...how, signal }) }
  const { points } = await bindMap(loaded, asking, sunspecModels)
  return points.flatMap((point) => {
    const first = Math.min(...point.addresses)
    const inOneRow = Math.max(...point.addresses) - first === point.addresses.length - 1
    const { name, title, unit: of, type, wordOrder, byteOrder, scale, scalePower, offset, scaleFactorAddress } = point
    return {
      fn: functions[point.function],
      address: first,
      count: inOneRow ? point.addresses.length : 1,
      name,
      title,
      unit: of,
      type: inOneRow ? type : 'uint16',
      wordOrder,
      byteOrder,
      scale: scaleFactorAddress === undefined && inOneRow ? scale * 10 ** scalePower : null,
      offset,
    }
  })
}
