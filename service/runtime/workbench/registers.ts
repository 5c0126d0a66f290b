import { EdgeError } from '#contract/errors.ts'
import { type RegisterSnapshot, watchId, type WatchUpdate } from '#contract/workbench-registers.ts'
import type { Lease } from '#contract/workbench.ts'
import type { RegisterSources } from '../../api/register-sources.ts'
import { diffSnapshots } from '../../commissioning/values/diff.ts'
import { diffTable, snapshotTable } from '../../commissioning/values/register-tables.ts'
import type { Clock } from '../../domain/clock.ts'
import type { ValueHistory } from '../../commissioning/values/history.ts'
import type { ArmedBus } from '../../drivers/modbus/bus.ts'
import type { LoadedMap } from '../../pointmap/types.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'
import { createFrameLogs } from './bus-frames.ts'
import type { WorkbenchLibrary } from './library.ts'
import { createKnobs } from './knob.ts'
import { createSnapshots } from './snapshots.ts'
import { createWatches, type Watches } from './watches.ts'

export interface Registers extends AsyncDisposable, Pick<Watches, 'busyPlaces' | 'vacate' | 'ownBuses'> {
  readonly forApi: RegisterSources
}

/** Values of registers: what they read now, what they read before, and the frames that carry them. */
export function openRegisters(options: {
  folder: string
  clock: Clock
  buses: ReadonlyMap<string, ArmedBus>
  entries: readonly SiteDeviceEntry[]
  leaseOf(bus: string): Lease | undefined
  assertFree(places: readonly string[]): void
  /** The point map that a person or the site has given a unit. */
  mapOf(bus: string, unitId: number): string | undefined
  library(): WorkbenchLibrary
  publish(update: WatchUpdate): void
  /** What a job has heard in the last minutes. */
  heardBy(job: string): ValueHistory | undefined
}): Registers {
  const { folder, clock, buses, entries, leaseOf, assertFree, mapOf, library, publish, heardBy } = options
  const snapshots = createSnapshots(folder)
  const watches = createWatches({
    clock,
    buses,
    leaseOf,
    assertFree,
    mapOf(bus, unitId) {
      const own = entries.find((entry) => entry.bus === bus && entry.config.unitId === unitId)?.map
      const { maps, sunspecModels } = library()
      const loaded: LoadedMap | undefined = own ?? maps.find(({ id }) => id === mapOf(bus, unitId))
      return loaded && { loaded, sunspecModels }
    },
    publish,
  })
  const knobs = createKnobs({
    clock,
    historyOf: ({ kind, id }) => (kind === 'watch' ? watches.history(id) : heardBy(id)),
    maps: () => library().maps,
  })
  const frames = createFrameLogs({
    clock,
    buses: () => [...buses.values(), ...watches.ownBuses()],
    application: 'R-EMS',
  })

  /** A snapshot by its file, or of a watch as it is now. */
  async function find(id: string): Promise<RegisterSnapshot> {
    return watchId.safeParse(id).success ? watches.snapshot(id, '', 0, '') : snapshots.load(id)
  }

  return {
    forApi: {
      startWatch: watches.start,
      watch: watches.get,
      renewWatch: watches.renew,
      endWatch: watches.end,
      recentWatch: watches.recent,
      watchTable: (id) => snapshotTable(watches.snapshot(id, '', 0, ''), watches.get(id).points),
      snapshots: snapshots.list,
      takeSnapshot({ watch, name, baselineMs }, by) {
        const snapshot = watches.snapshot(watch, name, baselineMs, by.name)
        if (snapshot.tables.length === 0) throw new EdgeError('workbench.refused', 'nothing has been read yet')
        return snapshots.save(snapshot)
      },
      snapshot: snapshots.load,
      removeSnapshot: snapshots.remove,
      snapshotTable: async (id) => snapshotTable(await snapshots.load(id)),
      changesTable: async (from, to) => diffTable(diffSnapshots(await snapshots.load(from), await find(to))),
      tappedBuses: frames.buses,
      frames: frames.read,
      framesCapture: frames.pcapng,
      candidates: knobs.candidates,
      startKnob: knobs.start,
      knob: knobs.state,
      turnKnob: knobs.turn,
      endKnob: knobs.end,
    },
    busyPlaces: watches.busyPlaces,
    vacate: watches.vacate,
    ownBuses: watches.ownBuses,
    async [Symbol.asyncDispose]() {
      frames[Symbol.dispose]()
      await watches[Symbol.asyncDispose]()
    },
  }
}
