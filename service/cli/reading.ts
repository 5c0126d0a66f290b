import type { Device, TimedReading } from '../drivers/driver.ts'
import type { ArmedBus, ReadOnlyBus } from '../drivers/modbus/bus.ts'
import { createModbusDevice } from '../drivers/modbus/device.ts'
import type { SunspecModels } from '../pointmap/sunspec/models.ts'
import type { LoadedMap, RegisterFunction } from '../pointmap/types.ts'
import { systemClock } from '../runtime/system-clock.ts'

/** A point as the commands print it: every field is there, null where nothing is known. */
export interface ShownPoint {
  readonly value: NonNullable<TimedReading['value']> | null
  readonly unit: string
  readonly quality: 'good' | 'stale' | 'bad'
  readonly reason: string | null
  readonly address: number | null
  readonly fc: number | null
  readonly raw: readonly number[]
}

/** Period of fast polls while a person watches. */
export const watchMs = 1000
/** A unit that was lost once is left in peace for half a second. */
const retryMs = 600
const codes: Readonly<Record<RegisterFunction, number>> = { coil: 1, discrete: 2, holding: 3, input: 4 }

export function deviceOn(bus: ReadOnlyBus | ArmedBus, unitId: number, map: LoadedMap, models: SunspecModels): Device {
  return createModbusDevice({
    id: map.id,
    unitId,
    map,
    bus,
    clock: systemClock,
    cycleMs: watchMs,
    sunspecModels: models,
  })
}

/** Polls until something was answered, at most twice. */
export async function firstPoll(device: Device, signal: AbortSignal): Promise<void> {
  await device.poll()
  if (['online', 'degraded'].includes(device.link().state) || signal.aborted) return
  await systemClock.sleep(retryMs, signal).catch(() => undefined)
  await device.poll()
}

export function shownPoints(device: Device): Record<string, ShownPoint> {
  const readings = device.readings()
  const { state, reason: why } = device.link()
  return Object.fromEntries(
    device.points().map(({ name, unit, address, function: fn }): [string, ShownPoint] => {
      const reading = readings.get(name)
      const lost = state === 'silent' && reading?.quality === 'good'
      const place = { unit, address: address ?? null, fc: fn ? codes[fn] : null, raw: reading?.raw ?? [] }
      if (!reading) return [name, { value: null, quality: 'bad', reason: why ?? 'not read', ...place }]
      const { value = null, quality, reason = null } = reading
      return [name, { value, quality: lost ? 'stale' : quality, reason: lost ? (why ?? 'silent') : reason, ...place }]
    }),
  )
}
