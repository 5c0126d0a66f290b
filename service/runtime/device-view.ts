import type { Device as DeviceView, DevicePoint } from '#contract/api.ts'
import { commandName, type CommandName, type MapCommand } from '#contract/point-map.ts'
import type { Reading } from '#contract/reading.ts'
import type { TimedReading } from '../drivers/driver.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import { shownFreshMs } from './grid-flows.ts'
import type { SiteDeviceEntry } from './site-runtime.ts'

const text = (value: Reading['value']): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** The commands a map declares: the allowlist of the guard. */
export function commandsOf(map: LoadedMap): ReadonlyMap<string, MapCommand> {
  let found = commandsOfMap.get(map)
  if (!found) {
    found = new Map(
      Object.entries(map.map.commands ?? {}).flatMap(([name, command]) => (command ? [[name, command]] : [])),
    )
    commandsOfMap.set(map, found)
  }
  return found
}

/** Asked for every setpoint in every cycle. */
const commandsOfMap = new WeakMap<LoadedMap, ReadonlyMap<string, MapCommand>>()

/** The commands of every device of a site, by device. */
export function commandsOfSite(
  entries: readonly Pick<SiteDeviceEntry, 'config' | 'map'>[],
): ReadonlyMap<string, ReadonlySet<CommandName>> {
  return new Map(
    entries.map(({ config, map }) => [
      config.id,
      new Set(commandName.options.filter((name) => map.map.commands?.[name])),
    ]),
  )
}

/** A device as the API shows it: what the map says, what the wire brought, how old it is. */
export function deviceView(entry: SiteDeviceEntry, monotonicMs: number, cycleMs: number): DeviceView {
  const { config, device, map, bus, simulated } = entry
  const readings = device.readings()
  const groups = device.pollGroups()
  const periods = new Map(groups.map(({ name, everyMs }) => [name, everyMs]))
  const points = device.points().map((point): DevicePoint => {
    const reading = readings.get(point.name)
    if (!reading) return point
    return { ...point, reading: shown(reading, monotonicMs, periods.get(point.pollGroup), cycleMs) }
  })
  const vendor = text(readings.get('vendor')?.value) ?? map.map.maker
  const model = text(readings.get('model')?.value) ?? map.map.model
  const serial = text(readings.get('serial')?.value)
  const firmware = text(readings.get('firmware')?.value)
  return {
    id: config.id,
    name: config.name,
    role: config.role,
    map: config.map,
    connection: config.connection,
    unitId: config.unitId,
    bus,
    simulated,
    vendor,
    model,
    ...(serial && { serial }),
    ...(firmware && { firmware }),
    link: device.link(),
    pollGroups: [...groups],
    points,
    commands: [...commandsOf(map)].map(([name, command]) => ({
      name,
      title: command.title ?? name,
      unit: command.unit,
      ...(typeof command.limits.min === 'number' && { min: command.limits.min }),
      ...(typeof command.limits.max === 'number' && { max: command.limits.max }),
    })),
  }
}

/** Applies age: a good value that was not renewed in time is stale, keeps its number and its time. */
function shown(reading: TimedReading, monotonicMs: number, everyMs: number | undefined, cycleMs: number): Reading {
  const { monotonicMs: measuredMs, ...rest } = reading
  if (reading.quality !== 'good' || everyMs === undefined) return rest
  const ageMs = monotonicMs - measuredMs
  const allowedMs = Math.max(shownFreshMs(cycleMs), 3 * everyMs)
  return ageMs > allowedMs
    ? { ...rest, quality: 'stale', reason: `last measured ${Math.round(ageMs / 1000)} s ago` }
    : rest
}
