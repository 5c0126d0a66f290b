import type { CheckedPoint } from '#contract/deployment.ts'
import type { DeviceToRead } from '../../deployment/changed-points.ts'
import type { Clock } from '../../domain/clock.ts'
import type { TimedReading } from '../../drivers/driver.ts'
import { formatBusAddress, parseBusAddress } from '../../drivers/modbus/address.ts'
import { readBlock } from '../../drivers/modbus/block-reader.ts'
import { type ArmedBus, type BusUnit, createReadOnlyBus, type ReadOnlyBus } from '../../drivers/modbus/bus.ts'
import { describePoints } from '../../drivers/modbus/device-points.ts'
import { updateDerived, updateReadings } from '../../drivers/modbus/device-readings.ts'
import { samePlace } from '../../drivers/modbus/place.ts'
import { planReads } from '../../pointmap/plan.ts'
import { needsSunspecWalk, resolveMap } from '../../pointmap/resolve.ts'
import type { SunspecModels } from '../../pointmap/sunspec/models.ts'
import type { LoadedMap } from '../../pointmap/types.ts'
import { bindMap, partOfMap } from '../bind-map.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'

/** New endpoints that are connected to at once. */
const mostAtOnce = 16

/** Where a device of the candidate can be asked. */
type Way =
  | { readonly kind: 'held' | 'new'; readonly bus: string; readonly unitId: number }
  | { readonly kind: 'none'; readonly bus: string; readonly reason: string }

export interface ReadCandidateOptions {
  devices: readonly DeviceToRead[]
  /** That the service holds, by canonical address. */
  buses: ReadonlyMap<string, ArmedBus>
  entries: readonly SiteDeviceEntry[]
  sunspecModels(): SunspecModels
  clock: Clock
  signal: AbortSignal
  progress(share: number, text: string): void
}

/**
 * Reads points of a candidate once, with the candidate's maps. What is on a bus that the service holds is asked there, behind
 * everything that control asks: a device with room for one client never sees a second connection. Only other endpoints are
 * connected to, for as long as it takes, by a bus that cannot write.
 */
export async function readCandidate(options: ReadCandidateOptions): Promise<CheckedPoint[]> {
  const { devices, buses, entries, progress, signal } = options
  let models: SunspecModels | undefined
  const sunspecModels = (): SunspecModels => (models ??= options.sunspecModels())
  const ways = await Promise.all(devices.map(({ device }) => wayTo(device, buses, entries)))
  const byBus = Map.groupBy(
    devices.map((wanted, at) => ({ wanted, way: ways[at]! })),
    ({ way }) => way.bus,
  )
  const found = new Map<DeviceToRead, CheckedPoint[]>()
  const waiting = [...byBus.values()]
  const worker = async (): Promise<void> => {
    for (let group = waiting.shift(); group && !signal.aborted; group = waiting.shift()) {
      await using opened = new AsyncDisposableStack()
      let own: ReadOnlyBus | undefined
      for (const { wanted, way } of group) {
        if (signal.aborted) return
        progress(found.size / devices.length, `reads ${wanted.device.id} (${found.size + 1} of ${devices.length})`)
        if (way.kind === 'none') {
          found.set(wanted, unreadable(wanted, way.reason))
          continue
        }
        const held = buses.get(way.bus)
        if (way.kind === 'new')
          own ??= opened.use(createReadOnlyBus({ address: parseBusAddress(way.bus), clock: options.clock }))
        const bus = own ?? held
        if (!bus) continue
        // What is polled already has its quirks; another map's would change how it is asked.
        const polled = entries.some((entry) => entry.bus === way.bus && entry.config.unitId === way.unitId)
        const unit = polled ? bus.unit(way.unitId) : bus.unit(way.unitId, wanted.map.map.quirks)
        found.set(wanted, await readDevice(wanted, unit, bus.costs, { ...options, sunspecModels }))
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(mostAtOnce, waiting.length) }, worker))
  return devices.flatMap((wanted) => found.get(wanted) ?? [])
}

async function wayTo(
  device: DeviceToRead['device'],
  buses: ReadonlyMap<string, ArmedBus>,
  entries: readonly SiteDeviceEntry[],
): Promise<Way> {
  const { connection, unitId } = device
  if (connection.startsWith('demo://')) {
    const entry = entries.find(({ config }) => config.connection === connection)
    if (entry) return { kind: 'held', bus: entry.bus, unitId: entry.config.unitId }
    return { kind: 'none', bus: connection, reason: 'the simulated plant gets this device with the restart' }
  }
  const address = parseBusAddress(connection)
  const bus = formatBusAddress(address)
  if (buses.has(bus)) return { kind: 'held', bus, unitId }
  for (const name of buses.keys()) {
    const other = parseBusAddress(name)
    if (!(await samePlace(address, other))) continue
    if (other.kind === address.kind && address.kind !== 'rtu') return { kind: 'held', bus: name, unitId }
    return {
      kind: 'none',
      bus,
      reason: `the service holds this ${address.kind === 'rtu' ? 'line' : 'endpoint'} as ${name}`,
    }
  }
  return { kind: 'new', bus, unitId }
}

const plain = (value: number | string | readonly string[]): number | string =>
  typeof value === 'object' ? value.join(', ') : value

const partFor = ({ map, points }: DeviceToRead): LoadedMap => (points ? partOfMap(map, points) : map)

function unreadable(wanted: DeviceToRead, reason: string): CheckedPoint[] {
  const names = wanted.points ?? [...Object.keys(wanted.map.map.points), ...Object.keys(wanted.map.map.derived ?? {})]
  return names.map((point) => ({ deviceId: wanted.device.id, point, unit: '', quality: 'bad', reason }))
}

async function readDevice(
  wanted: DeviceToRead,
  unit: BusUnit,
  costs: ReadOnlyBus['costs'],
  { entries, clock, signal, sunspecModels }: ReadCandidateOptions,
): Promise<CheckedPoint[]> {
  const { device, points } = wanted
  const part = partFor(wanted)
  const now = () => ({ atMs: clock.nowMs(), monotonicMs: clock.monotonicMs() })
  // Reading all models takes longer than reading a device.
  const resolved = needsSunspecWalk(part) ? await bindMap(part, unit, sunspecModels()) : resolveMap(part)
  const readings = new Map<string, TimedReading>()
  for (const block of planReads([...resolved.points], resolved.quirks, { costs })) {
    if (signal.aborted) break
    updateReadings(
      readings,
      await readBlock(unit, block, { priority: 'background', signal, proven: false, now }),
      now(),
    )
  }
  updateDerived(readings, resolved.derived)
  for (const [name, reason] of resolved.missing)
    readings.set(name, { quality: 'bad', reason, ...now(), ...(unit.stats().silent === undefined && { absent: true }) })
  const running = entries.find(({ config }) => config.id === device.id)?.device.readings()
  const names = new Set(points ?? describePoints(part, resolved).map(({ name }) => name))
  return describePoints(part, resolved).flatMap(({ name, unit: of }): CheckedPoint[] => {
    const reading = readings.get(name)
    // A device without this point is no device that cannot be read.
    if (!names.has(name) || !reading || reading.absent) return []
    const before = running?.get(name)
    return [
      {
        deviceId: device.id,
        point: name,
        unit: of,
        quality: reading.quality === 'good' ? 'good' : 'bad',
        ...(reading.value !== undefined && { value: plain(reading.value) }),
        ...(before?.quality === 'good' && before.value !== undefined && { before: plain(before.value) }),
        ...(reading.quality !== 'good' && { reason: reading.reason ?? 'no value' }),
      },
    ]
  })
}
