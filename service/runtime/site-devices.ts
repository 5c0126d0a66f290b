import { EdgeError } from '#contract/errors.ts'
import type { Site } from '#contract/site.ts'
import type { Clock } from '../domain/clock.ts'
import { formatBusAddress, parseBusAddress } from '../drivers/modbus/address.ts'
import { type ArmedBus, createArmedBus } from '../drivers/modbus/bus.ts'
import { createModbusDevice } from '../drivers/modbus/device.ts'
import type { PlantProcess } from '../drivers/simulated/spawn-plant.ts'
import { loadPointMap } from '../pointmap/load.ts'
import { needsSunspecWalk } from '../pointmap/resolve.ts'
import { loadSunspecModels, type SunspecModels } from '../pointmap/sunspec/models.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import { createReplaceableDevice } from './replaceable-device.ts'
import type { SiteDeviceEntry } from './site-runtime.ts'
import { cycleMsOf, gridOfDevices } from './site-topology.ts'

const demoScheme = 'demo://'

/** The maps of all devices; the first missing or broken one is an error that names the device. */
export function loadSiteMaps(
  site: Site,
  siteFile: string,
  mapFolders: readonly string[],
): ReadonlyMap<string, LoadedMap> {
  const maps = new Map<string, LoadedMap>()
  for (const device of site.devices) {
    if (maps.has(device.map)) continue
    try {
      maps.set(device.map, loadPointMap(device.map, mapFolders))
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error
      throw new EdgeError(error.code, `${siteFile}: device "${device.id}": ${error.message}`, { cause: error })
    }
  }
  return maps
}

/**
 * Opens one bus per address and puts the devices on them. Nothing is sent before the first poll. Simulated is only what
 * the plant process itself has bound and reported.
 */
export function createSiteDevices(options: {
  site: Site
  maps: ReadonlyMap<string, LoadedMap>
  /** Folder with the definitions of the SunSpec models. */
  sunspecFolder: string
  plant: PlantProcess | undefined
  clock: Clock
  resources: AsyncDisposableStack
  /** Takes the buses that are opened, by their names. */
  buses: Map<string, ArmedBus>
}): SiteDeviceEntry[] {
  const { site, maps, sunspecFolder, plant, clock, resources, buses } = options
  // A map that is edited may begin to need them.
  let models: SunspecModels | undefined
  const sunspecFor = (map: LoadedMap) =>
    needsSunspecWalk(map) ? { sunspecModels: (models ??= loadSunspecModels(sunspecFolder)) } : {}
  const gridOf = gridOfDevices(site)
  const endpoints: Readonly<Record<string, { host: string; port: number; unitId: number } | undefined>> =
    plant?.devices ?? {}
  return site.devices.map((config) => {
    const map = maps.get(config.map)
    if (!map) throw new EdgeError('map.not-found', `the map ${config.map} is not loaded`)
    const name = config.connection.startsWith(demoScheme) ? config.connection.slice(demoScheme.length) : undefined
    const endpoint = name === undefined ? undefined : endpoints[name]
    if (name !== undefined && !endpoint)
      throw new EdgeError(
        'config.invalid',
        `device "${config.id}": the simulated plant has no device "${name}", only ${Object.keys(endpoints).join(', ')}`,
      )
    const connection = endpoint ? `tcp://${endpoint.host}:${endpoint.port}` : config.connection
    const address = parseBusAddress(connection)
    const busName = formatBusAddress(address)
    let bus = buses.get(busName)
    if (!bus) {
      bus = resources.use(createArmedBus({ address, clock }))
      buses.set(busName, bus)
    }
    const unitId = endpoint?.unitId ?? config.unitId
    const held = resources.use(
      createReplaceableDevice(map, (current) =>
        createModbusDevice({
          id: config.id,
          unitId,
          map: current,
          bus,
          clock,
          cycleMs: cycleMsOf(site, gridOf.get(config.id)),
          ...sunspecFor(current),
        }),
      ),
    )
    return {
      config: { ...config, unitId },
      device: held.device,
      get map() {
        return held.map()
      },
      replaceMap: (next) => held.replace(next),
      leaveAlone: () => held.leaveAlone(),
      bus: bus.name,
      simulated: endpoint !== undefined,
    }
  })
}
