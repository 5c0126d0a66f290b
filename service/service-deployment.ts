import { join } from 'node:path'
import type { Site } from '#contract/site.ts'
import type { CaptureRecorder } from './capture/recorder.ts'
import type { Carried } from './carried.ts'
import type { Options } from './config.ts'
import { type CheckedSite, checkSiteFiles } from './configuration/check-site.ts'
import { readSiteFolder } from './configuration/read-site-folder.ts'
import { hashSiteFiles, siteFileOf, type SiteFiles } from './configuration/site-files.ts'
import { noGenerations } from './deployment/generations.ts'
import { openKeyFolder } from './deployment/key-folder.ts'
import { openEnrolledKeys, openSigningKey } from './deployment/keys.ts'
import { createReceiver, type Receiver } from './deployment/receiver.ts'
import type { SiteText } from './deployment/site-text.ts'
import type { Clock } from './domain/clock.ts'
import type { ArmedBus } from './drivers/modbus/bus.ts'
import { folderLibrary, type MapLibrary } from './pointmap/load.ts'
import type { SunspecModels } from './pointmap/sunspec/models.ts'
import { readCandidate } from './runtime/deployment/read-candidate.ts'
import { replayCandidate } from './runtime/deployment/replay-candidate.ts'
import type { StrictWatch } from './runtime/deployment/strict-watch.ts'
import { withoutEconomics } from './runtime/licensed-economics.ts'
import type { Faults } from './runtime/faults.ts'
import type { SiteDeviceEntry, SiteRuntime } from './runtime/site-runtime.ts'
import type { Journal } from './storage/types.ts'

/** Wires the receiving side of deployments to the running service. */
export async function openServiceDeployment(parts: {
  options: Options
  carried: Carried
  siteText: SiteText
  mapFolder: string
  edgeId: string
  builtAtMs: number
  clock: Clock
  buses: ReadonlyMap<string, ArmedBus>
  entries: readonly SiteDeviceEntry[]
  sunspecModels(): SunspecModels
  capture: Pick<CaptureRecorder, 'read'>
  runtime: Pick<SiteRuntime, 'devices' | 'cycles'>
  strict: StrictWatch
  journal: Pick<Journal, 'appendDurable'>
  faults: Pick<Faults, 'raise'>
  licenceNote(): string | undefined
  confirmMaps(): Promise<void>
  /** Ends the service, which then starts anew in this process. */
  restart(): void
  changed(): void
}): Promise<Receiver> {
  const { options, carried, siteText, clock, runtime, strict, journal, entries, faults } = parts
  const { configuration, dataFolder, site } = options
  const folder = openKeyFolder(dataFolder)
  const own = await openSigningKey(folder)
  const { keys, damaged } = await openEnrolledKeys({ folder, own, nowMs: clock.nowMs })
  if (damaged)
    faults.raise('deployment.keys', {
      code: 'deployment.key',
      severity: 'warning',
      message: 'the list of keys whose bundles are accepted is damaged: only the own key of this edge is',
      action: 'Add the keys of the laptops again.',
    })
  for (const { key, ...fault } of configuration?.faults ?? []) faults.raise(key, fault)
  const library = folderLibrary([parts.mapFolder])
  const current = await openCurrent(
    { siteFile: options.siteFile, siteText, emptySite: options.empty ? site : undefined },
    library,
  )
  if (carried.confirmMaps) await parts.confirmMaps()
  carried.confirmMaps = false
  carried.failure = undefined
  const startedMs = clock.monotonicMs()
  return createReceiver({
    edgeId: parts.edgeId,
    clock,
    clockFloorMs: parts.builtAtMs,
    generations: configuration?.generations ?? noGenerations,
    unavailable: configuration ? configuration.unavailable : 'the demo site is part of the program',
    current,
    library,
    own,
    enrolled: keys,
    trial: carried.trial,
    ports: {
      goodPoints: () =>
        runtime
          .devices()
          .flatMap(({ id, points }) =>
            points.flatMap(({ name, reading }) => (reading?.quality === 'good' ? [`${id}/${name}`] : [])),
          ),
      exceeded: strict.exceeded,
      loops: () =>
        runtime.cycles().map(({ name, count, overruns, state, reason }) => ({
          name,
          cycles: count,
          overruns,
          ...(state === 'failing' && { failing: reason ?? 'its control fails' }),
        })),
      upS: () => (clock.monotonicMs() - startedMs) / 1000,
      licenceNote: parts.licenceNote,
      readPoints: (devices, signal, progress) =>
        readCandidate({
          devices,
          buses: parts.buses,
          entries,
          sunspecModels: parts.sunspecModels,
          clock,
          signal,
          progress,
        }),
      replay: (candidate, signal, progress) =>
        replayCandidate({
          candidate,
          running: current(),
          acting: (of) => {
            const obstacle = parts.licenceNote()
            return obstacle === undefined ? of : withoutEconomics(of, obstacle)
          },
          capture: parts.capture,
          folder: dataFolder,
          clock,
          signal,
          progress,
        }),
      journal: (record) => journal.appendDurable({ kind: 'deployment', ...record }),
      confirmMaps: parts.confirmMaps,
      ended: () => void (carried.trial = undefined),
      restart(trial, confirmMaps) {
        carried.trial = trial
        carried.confirmMaps = confirmMaps
        parts.restart()
      },
      changed: parts.changed,
    },
  })
}

/** What runs as files, with the changes that were made on the edge since. */
async function openCurrent(
  { siteFile, siteText, emptySite }: { siteFile: string; siteText: SiteText; emptySite: Site | undefined },
  library: MapLibrary,
): Promise<() => CheckedSite> {
  if (emptySite) {
    const files: SiteFiles = new Map()
    const nothing: CheckedSite = {
      site: emptySite,
      files,
      siteFile: 'site.yaml',
      hash: hashSiteFiles(files),
      fromVersion: emptySite.version,
      notes: [],
      maps: new Map(),
      mapTexts: new Map(),
      warnings: [],
    }
    return () => nothing
  }
  const read = await readSiteFolder(siteFile)
  const name = siteFileOf(read)
  const check = (files: SiteFiles): CheckedSite => checkSiteFiles(files, library, (path) => join(siteFile, '..', path))
  let checked = check(read)
  let of = siteText.text()
  return () => {
    if (siteText.text() !== of) {
      of = siteText.text()
      checked = check(new Map([...read].map(([path, text]) => [path, path === name ? of : text])))
    }
    return checked
  }
}
