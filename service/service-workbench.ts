import type { Logger } from 'pino'
import { join } from 'node:path'
import type { ControlState } from '#contract/api.ts'
import type { LiveMessage } from '#contract/live.ts'

import type { Sources } from './api/sources.ts'
import type { Options } from './config.ts'
import { openKeyFolder } from './deployment/key-folder.ts'
import { openSigningKey } from './deployment/keys.ts'
import type { SiteText } from './deployment/site-text.ts'
import type { Clock } from './domain/clock.ts'
import type { SiteCommands } from './domain/site-model.ts'
import type { ArmedBus } from './drivers/modbus/bus.ts'
import type { Entries } from './entries.ts'
import type { SunspecModels } from './pointmap/sunspec/models.ts'
import type { Armed } from './runtime/armed.ts'
import { openChecks } from './runtime/checks/checks.ts'
import { createSiteMeaning } from './runtime/checks/site-meaning.ts'
import { openHandover } from './runtime/handover/handover.ts'
import type { EdgeIdentity } from './runtime/identity.ts'
import type { MapReload } from './runtime/map-reload.ts'
import type { SiteDeviceEntry, SiteRuntime } from './runtime/site-runtime.ts'
import { createMapConverter } from './mapimport/in-worker.ts'
import { createRelinquish } from './runtime/workbench/relinquish.ts'
import { openWorkbench } from './runtime/workbench/workbench.ts'
import { openServiceSetup } from './service-setup.ts'
import type { Storage } from './storage/types.ts'

/** Wires the workbench to the running service, and what is built on it: the wizard, the checks and the report. */
export async function openServiceWorkbench(parts: {
  options: Options
  entries: Entries
  resources: AsyncDisposableStack
  clock: Clock
  version: string
  identity: EdgeIdentity
  siteText: SiteText
  storage: Storage
  log: Logger
  devices: readonly SiteDeviceEntry[]
  buses: ReadonlyMap<string, ArmedBus>
  commands: SiteCommands
  control(): ControlState
  armed: Armed
  lent: Map<string, string>
  runtime: SiteRuntime
  mapReload: Pick<MapReload, 'check' | 'staged'>
  mapFolders: readonly [string, string]
  sunspecFolder: string
  sunspecModels(): SunspecModels
  sources(): Sources
  restart(): void
  changed(topic: string): void
  publish(message: LiveMessage): void
}) {
  const { options, entries, resources, clock, version, identity, siteText, storage, log, devices, buses } = parts
  const { commands, control, armed, lent, runtime, mapReload, mapFolders, sunspecFolder, sunspecModels } = parts
  const { changed, publish } = parts
  const { site, demo, dataFolder } = options
  // The site of the demo is part of the program.
  const folder = join(demo ? dataFolder : options.root, 'workbench')
  const field = { clock, buses, entries: devices, control, sunspecModels }
  // A deployed configuration is never changed in place: what is edited lies beside it until it is deployed.
  const deployed = options.configuration?.generations.pointer() !== undefined
  const ownMaps = deployed ? join(options.root, 'pointmaps') : mapFolders[0]
  const trouble = (message: string): void => log.warn(message)
  const workbench = resources.use(
    await openWorkbench({
      folder,
      ...field,
      relinquish: createRelinquish({ ...field, ...runtime }),
      mapFolders: [ownMaps, mapFolders[1]],
      deployedMaps: deployed ? mapFolders[0] : undefined,
      sunspecFolder,
      mapFiles: createMapConverter({ workerUrl: entries.mapWorker, clock }),
      mapsChanged: mapReload.check,
      stagedMaps: mapReload.staged,
      journal: (kind, principal, detail) => void storage.journal.append({ kind, principal, detail }),
      changed,
      publish,
      trouble,
    }),
  )
  const setup = openServiceSetup(options, {
    mapFolders,
    sunspecFolder,
    buses,
    storage,
    log,
    found: () => workbench.forApi.overview().found,
    siteWritten: parts.restart,
  })
  const checks = resources.use(
    await openChecks({
      folder,
      dataFolder,
      site,
      siteHash: createSiteMeaning(siteText),
      epoch: identity.epoch,
      version,
      ...field,
      commands,
      armed,
      lent,
      runtime,
      journal: (record) => void storage.journal.append(record),
      changed: () => changed('checks'),
      trouble,
    }),
  )
  const handover = await openHandover({
    folder,
    sources: parts.sources,
    clock,
    edgeId: identity.edgeId,
    siteText,
    maps: () => devices.map(({ map }) => map),
    generations: options.configuration?.generations,
    buses,
    key: async () => (await openSigningKey(openKeyFolder(dataFolder))).privateKey,
    journal: storage.journal,
    trouble,
  })
  return { workbench, setup, checks, handover }
}
