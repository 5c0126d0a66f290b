import { EdgeError } from '#contract/errors.ts'
import type { SetupReading, SetupReadingRequest } from '#contract/setup.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Device } from '../../drivers/driver.ts'
import { parseBusAddress } from '../../drivers/modbus/address.ts'
import { type ArmedBus, createReadOnlyBus } from '../../drivers/modbus/bus.ts'
import { createModbusDevice } from '../../drivers/modbus/device.ts'
import { loadPointMap } from '../../pointmap/load.ts'
import { loadSunspecModels, type SunspecModels } from '../../pointmap/sunspec/models.ts'
import type { LoadedMap } from '../../pointmap/types.ts'
import { findPlace, readOnlyView } from '../workbench/places.ts'

/** What says most about whether it is the right device; the first that there are. */
const telling =
  /^(powerW|socPercent|voltageV\.l1|voltageV|currentA\.l1|currentA|frequencyHz|state|status|energyImportWh|energyExportWh|energyWh|powerW\.l[123]|temperatureC|irradianceWPerM2)$/
const most = 8
/** A unit that was lost once is left in peace for half a second. */
const retryMs = 600
const longestMs = 10_000

/** Reads devices that are not of the site yet, one after the other. */
export function createDeviceReader(options: {
  buses: ReadonlyMap<string, ArmedBus>
  mapFolders: readonly string[]
  sunspecFolder: string
  clock: Clock
}): (request: SetupReadingRequest) => Promise<SetupReading> {
  const { buses, mapFolders, sunspecFolder, clock } = options
  let sunspecModels: SunspecModels | undefined
  let queue: Promise<unknown> = Promise.resolve()

  async function read({ connection, unitId, map: id }: SetupReadingRequest): Promise<SetupReading> {
    const map = loadMap(id, mapFolders)
    sunspecModels ??= loadSunspecModels(sunspecFolder)
    const address = parseBusAddress(connection)
    const { held } = await findPlace(address, buses)
    await using bus = held ? readOnlyView(held, [unitId]) : createReadOnlyBus({ address, clock })
    await using device = createModbusDevice({ id: 'setup', unitId, map, bus, clock, cycleMs: 1000, sunspecModels })
    const signal = AbortSignal.timeout(longestMs)
    await device.poll()
    if (!['online', 'degraded'].includes(device.link().state)) {
      await clock.sleep(retryMs, signal).catch(() => undefined)
      await device.poll()
    }
    return readingOf(device)
  }

  return (request) => {
    const done = queue.then(() => read(request).catch(explained))
    queue = done.catch(() => undefined)
    return done
  }
}

function loadMap(id: string, folders: readonly string[]): LoadedMap {
  try {
    return loadPointMap(id, folders)
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error
    // Its message names folders of this machine.
    throw new EdgeError('setup.invalid', `there is no point map "${id}", or it is broken`, { cause: error })
  }
}

/** What happens in the field is an answer, not a refusal. */
function explained(error: unknown): SetupReading {
  if (error instanceof EdgeError && !/^(serial|bus|device)\./.test(error.code)) throw error
  if (!(error instanceof Error)) throw error
  return { problem: error.message.slice(0, 1000), points: [] }
}

function readingOf(device: Device): SetupReading {
  const { state, reason = 'it does not answer', latencyMs } = device.link()
  const readings = device.readings()
  if (readings.size === 0 || state === 'silent' || state === 'connecting') return { problem: reason, points: [] }
  const all = device.points()
  const told = all.filter(({ name }) => telling.test(name))
  const points = (told.length > 0 ? told : all).slice(0, most).map(({ name, title, unit }) => {
    const reading = readings.get(name)
    const value = reading?.quality === 'good' ? reading.value : undefined
    const why = reading === undefined ? 'not read' : reading.reason
    return {
      name,
      title,
      unit,
      ...(value !== undefined && { value: typeof value === 'object' ? value.join(', ') : value }),
      ...(value === undefined && why !== undefined && { reason: why }),
    }
  })
  return { ...(latencyMs !== undefined && { latencyMs }), points }
}
