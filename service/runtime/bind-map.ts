import { inputsOf } from '../pointmap/derive.ts'
import { typeSpec } from '../pointmap/point-types.ts'
import { needsSunspecWalk, resolveMap } from '../pointmap/resolve.ts'
import type { SunspecModels } from '../pointmap/sunspec/models.ts'
import { walkSunspec } from '../pointmap/sunspec/walk.ts'
import type { LoadedMap, ResolvedMap, SunspecLayout } from '../pointmap/types.ts'
import type { BusUnit } from '../drivers/modbus/bus.ts'

/** Finds the SunSpec models of a unit. Undefined when it has none or does not answer. */
export function walkUnit(unit: BusUnit, signal?: AbortSignal): Promise<SunspecLayout | undefined> {
  return walkSunspec(async (address, count) => {
    const answer = await unit.ask({ fn: 3, address, count }, { ...(signal && { signal }) })
    return answer.kind === 'words' ? Array.from(answer.words) : undefined
  })
}

/** A map with its addresses, for which a SunSpec device has to be walked. */
export async function bindMap(loaded: LoadedMap, unit: BusUnit, models: SunspecModels): Promise<ResolvedMap> {
  return needsSunspecWalk(loaded) ? resolveMap(loaded, await walkUnit(unit), models) : resolveMap(loaded)
}

/** The command of a map that writes one of these holding registers, or undefined. */
export function commandAt(map: ResolvedMap, address: number, count: number): string | undefined {
  for (const [name, { writes, release, expiry }] of map.commands) {
    const all = [...writes, ...release, ...(expiry.kind === 'watchdog' ? expiry.heartbeat : [])]
    const touches = all.some(
      (write) =>
        write.function === 'holding' &&
        write.address < address + count &&
        write.address + typeSpec(write.type).words > address,
    )
    if (touches) return name
  }
  return undefined
}

/** The part of a map that the named points and commands need, so that nothing else is read. */
export function partOfMap(
  loaded: LoadedMap,
  names: readonly string[],
  commandNames: readonly string[] = [],
): LoadedMap {
  const { map } = loaded
  const commands = pick(map.commands, new Set(commandNames))
  const wanted = new Set(names)
  for (const { limits, readBack, effect, writes, release = [] } of Object.values(commands)) {
    for (const limit of [limits.min, limits.max]) if (typeof limit !== 'number') wanted.add(limit.point)
    for (const point of [readBack?.point, effect?.point]) if (point !== undefined) wanted.add(point)
    for (const { percentOf } of [...writes, ...release]) if (percentOf !== undefined) wanted.add(percentOf)
  }
  const derived = pick(map.derived, wanted)
  for (const input of Object.values(derived).flatMap(inputsOf)) wanted.add(input)
  for (const name of wanted) {
    const sign = map.points[name]?.negativeWhen
    if (sign) wanted.add(sign.point)
  }
  return { ...loaded, map: { ...map, points: pick(map.points, wanted), derived, commands } }
}

function pick<T>(all: Readonly<Record<string, T>>, wanted: ReadonlySet<string>): Record<string, T> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.has(name)))
}
