import type { Clock } from '../../domain/clock.ts'
import type { TimedReading } from '../../drivers/driver.ts'
import type { ArmedBus } from '../../drivers/modbus/bus.ts'
import { createModbusDevice } from '../../drivers/modbus/device.ts'
import type { SunspecModels } from '../../pointmap/sunspec/models.ts'
import { partOfMap } from '../bind-map.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'

/** Reads some points of a device faster than control needs them, in the gaps that control leaves on its bus. */
export interface Probe extends AsyncDisposable {
  /** One round. What could not be read is bad, never missing. */
  read(): Promise<ReadonlyMap<string, TimedReading>>
}

export interface ProbeOptions {
  readonly buses: ReadonlyMap<string, ArmedBus>
  readonly sunspecModels: () => SunspecModels
  readonly clock: Clock
}

const fastMs = 100

/** Undefined when the service does not hold the bus of the device. */
export function createProbe(
  { buses, sunspecModels, clock }: ProbeOptions,
  entry: SiteDeviceEntry,
  points: readonly string[],
): Probe | undefined {
  const bus = buses.get(entry.bus)
  if (!bus) return undefined
  const part = partOfMap(entry.map, points)
  const fast = Object.fromEntries(
    Object.entries(part.map.points).map(([name, point]) => [name, { ...point, pollGroup: 'fast' as const }]),
  )
  const device = createModbusDevice({
    id: entry.config.id,
    unitId: entry.config.unitId,
    map: { ...part, map: { ...part.map, points: fast, poll: { fastMs } } },
    sunspecModels: sunspecModels(),
    bus,
    clock,
    cycleMs: fastMs,
  })
  return {
    async read() {
      await device.poll()
      return device.readings()
    },
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  }
}
