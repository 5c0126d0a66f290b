import { rm } from 'node:fs/promises'
import type { ControlState } from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import type { LiveMessage } from '#contract/live.ts'
import type { WorkbenchPort, WorkbenchPorts } from '#contract/workbench.ts'
import type { MapFileSources } from '../../api/map-file-sources.ts'
import type { WorkbenchSources } from '../../api/workbench-sources.ts'
import { likelySettings } from '../../commissioning/scan/likely.ts'
import type { ValueHistory } from '../../commissioning/values/history.ts'
import type { Clock } from '../../domain/clock.ts'
import type { ArmedBus } from '../../drivers/modbus/bus.ts'
import { loadSunspecModels } from '../../pointmap/sunspec/models.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'
import { openDevicesFound } from './devices-found.ts'
import { watchHealth } from './health.ts'
import { createJobFiles } from './job-files.ts'
import { openJobs } from './jobs.ts'
import { createLeases } from './leases.ts'
import { createLibrary } from './library.ts'
import { openMaps } from './maps/maps.ts'
import { openRegisters } from './registers.ts'
import { openPorts } from './ports.ts'
import type { Relinquish } from './relinquish.ts'
import { tableOf } from './tables.ts'
import { prepareWork } from './work/work.ts'

export interface Workbench extends AsyncDisposable {
  readonly forApi: WorkbenchSources
  /** Gives back every bus that was borrowed, such as before control is switched on. */
  endLeases(why: string): Promise<void>
}

/** The workbench of the service: jobs, borrowed buses and what was found, as files in a folder of the site. */
export async function openWorkbench(options: {
  folder: string
  clock: Clock
  /** Of the site, by canonical address. */
  buses: ReadonlyMap<string, ArmedBus>
  entries: readonly SiteDeviceEntry[]
  control(): ControlState
  relinquish: Relinquish
  /** The site's own maps, then those of the package. */
  mapFolders: readonly [string, string]
  /** Where a configuration was deployed: its maps, which nobody changes in place. */
  deployedMaps?: string | undefined
  sunspecFolder: string
  mapFiles: MapFileSources
  /** A person has changed a map: devices get what they may. */
  mapsChanged(): Promise<void>
  /** IDs of maps whose change waits for a confirmation. */
  stagedMaps(): ReadonlySet<string>
  journal(kind: 'lease' | 'map', by: string, detail: string): void
  /** Something has changed that the live topic shows. */
  changed(topic: string): void
  /** To those who follow a watch of registers. */
  publish(message: LiveMessage): void
  trouble(message: string): void
}): Promise<Workbench> {
  const { folder, clock, buses, entries, control, relinquish, journal, changed, publish, trouble } = options
  const files = createJobFiles(folder)
  const found = await openDevicesFound(folder, trouble)
  const ports = await openPorts({ folder, trouble, busNames: () => [...buses.keys()] })
  const library = createLibrary(options.mapFolders, options.sunspecFolder, trouble)
  const captures = new Map<string, () => Uint8Array>()
  const histories = new Map<string, ValueHistory>()
  const leases = createLeases({
    clock,
    buses,
    entries,
    control,
    relinquish,
    async vacate(bus) {
      await Promise.all([jobs.vacate(bus), registers.vacate(bus)])
    },
    journal: (by, detail) => journal('lease', by, detail),
    changed: () => changed('workbench'),
  })
  const jobs = await openJobs({
    clock,
    files,
    trouble,
    alsoBusy: () => registers.busyPlaces(),
    prepare: (request) =>
      prepareWork(request, {
        clock,
        files,
        buses,
        library,
        polled: (bus) => entries.filter((entry) => entry.bus === bus).map(({ config }) => config.unitId),
        leaseOf: leases.of,
        assertScannable: leases.assertScannable,
        captures,
        histories,
        mapOf,
        adapterMs: async (path) => (await portAt(path))?.latencyMs ?? undefined,
      }),
    changed(id) {
      changed('workbench')
      changed(`job:${id}`)
    },
  })

  const registers = openRegisters({
    folder,
    clock,
    buses,
    entries,
    leaseOf: leases.of,
    assertFree: jobs.assertFree,
    mapOf,
    library,
    publish: (update) => publish({ type: 'watch', data: update }),
    heardBy: (job) => histories.get(job),
  })

  const health = watchHealth({ clock, buses: () => [...buses.values(), ...registers.ownBuses()], entries })
  const [ownFolder, shippedFolder] = options.mapFolders
  const maps = openMaps({
    clock,
    folder,
    ownFolder,
    deployedFolder: options.deployedMaps,
    shippedFolder,
    entries,
    buses,
    sunspecModels: () => loadSunspecModels(options.sunspecFolder),
    changed: options.mapsChanged,
    staged: options.stagedMaps,
    result: async (id) => (await jobs.load(id)).result,
    async snapshot(bus, unitId) {
      const { snapshots } = await registers.forApi.snapshots()
      const newest = snapshots.find((snapshot) => snapshot.bus === bus && snapshot.unitId === unitId)
      return newest && registers.forApi.snapshot(newest.id)
    },
    journal: (by, detail) => journal('map', by, detail),
  })

  function mapOf(bus: string, unitId: number): string | undefined {
    const own = entries.find((entry) => entry.bus === bus && entry.config.unitId === unitId)
    return own?.map.id ?? found.list().find((device) => device.bus === bus && device.unitId === unitId)?.map
  }

  const listPorts = async (): Promise<WorkbenchPorts> => ({ ports: await ports.list() })

  async function portAt(path: string): Promise<WorkbenchPort | undefined> {
    return (await ports.list()).find((port) => port.path === path || port.byIdPath === path)
  }

  const overview: WorkbenchSources['overview'] = () => ({
    folder,
    jobs: jobs.list(),
    leases: leases.list(),
    heldBuses: leases.heldBuses(),
    found: [...found.list()],
    likelySettings: [...likelySettings],
  })

  const forApi: WorkbenchSources = {
    overview,
    ports: listPorts,
    async addPort(path) {
      await ports.add(path)
      return listPorts()
    },
    async removePort(path) {
      await ports.remove(path)
      return listPorts()
    },
    lowerLatency: ports.lowerLatency,
    start: jobs.start,
    resume: jobs.resume,
    stop: jobs.stop,
    remove: jobs.remove,
    job: jobs.load,
    recentJob: jobs.recent,
    async table(id) {
      const { result } = await jobs.load(id)
      if (!result) throw new EdgeError('workbench.unknown', 'this job has found nothing yet')
      return tableOf(result)
    },
    async capture(id) {
      const { request } = await jobs.load(id)
      const live = captures.get(id)
      if (live) return live()
      const bytes = await files.loadCapture(request.kind === 'replay' ? request.file : `${id}.pcapng`)
      if (!bytes) throw new EdgeError('workbench.unknown', 'nothing was recorded')
      return bytes
    },
    async replay(name, bytes, by) {
      await files.saveCapture(name, bytes)
      try {
        return await jobs.start({ kind: 'replay', file: name }, by)
      } catch (error) {
        await rm(files.captureFile(name), { force: true })
        throw error
      }
    },
    async accept(device, by) {
      await found.accept(device, by.name, clock.nowMs())
      changed('workbench')
      return overview()
    },
    async forget(bus, unitId) {
      await found.forget(bus, unitId)
      changed('workbench')
      return overview()
    },
    borrow: leases.borrow,
    renewLease: leases.renew,
    endLease: (id, by) => leases.end(id, `${by.name} gives it back`),
    registers: registers.forApi,
    health,
    maps: maps.forApi,
    mapFiles: options.mapFiles,
  }

  return {
    forApi,
    endLeases: leases.endAll,
    async [Symbol.asyncDispose]() {
      health[Symbol.dispose]()
      maps[Symbol.dispose]()
      await registers[Symbol.asyncDispose]()
      await leases[Symbol.asyncDispose]()
      await jobs[Symbol.asyncDispose]()
    },
  }
}
