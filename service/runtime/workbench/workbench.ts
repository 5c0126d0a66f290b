import { rm } from 'node:fs/promises'
import type { ControlState } from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import type { LiveMessage } from '#contract/live.ts'
import type { WorkbenchPort, WorkbenchPorts } from '#contract/workbench.ts'
import type { WorkbenchSources } from '../../api/workbench-sources.ts'
import { likelySettings } from '../../commissioning/scan/likely.ts'
import type { Clock } from '../../domain/clock.ts'
import type { ArmedBus } from '../../drivers/modbus/bus.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'
import { openDevicesFound } from './devices-found.ts'
import { createJobFiles } from './job-files.ts'
import { openJobs } from './jobs.ts'
import { createLeases } from './leases.ts'
import { createLibrary } from './library.ts'
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
  mapFolders: readonly string[]
  sunspecFolder: string
  journal(by: string, detail: string): void
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
  const leases = createLeases({
    clock,
    buses,
    entries,
    control,
    relinquish,
    async vacate(bus) {
      await Promise.all([jobs.vacate(bus), registers.vacate(bus)])
    },
    journal,
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
  }

  return {
    forApi,
    endLeases: leases.endAll,
    async [Symbol.asyncDispose]() {
      await registers[Symbol.asyncDispose]()
      await leases[Symbol.asyncDispose]()
      await jobs[Symbol.asyncDispose]()
    },
  }
}
