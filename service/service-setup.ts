import type { Logger } from 'pino'
import type { FoundDevice } from '#contract/workbench.ts'
import type { SetupSources } from './api/setup-sources.ts'
import type { Options } from './config.ts'
import type { ArmedBus } from './drivers/modbus/bus.ts'
import { createKnownMaps } from './runtime/setup/known-maps.ts'
import { createDeviceReader } from './runtime/setup/read-device.ts'
import { createSetupSources } from './runtime/setup/setup-sources.ts'
import { systemClock } from './runtime/system-clock.ts'
import type { Storage } from './storage/types.ts'

/** The setup wizard of this service. */
export function openServiceSetup(
  { demo, empty, siteFile, root, dataFolder }: Options,
  parts: {
    readonly mapFolders: readonly string[]
    readonly sunspecFolder: string
    readonly buses: ReadonlyMap<string, ArmedBus>
    readonly storage: Pick<Storage, 'journal'>
    readonly log: Logger
    found(): readonly FoundDevice[]
    siteWritten(): void
  },
): SetupSources {
  const { mapFolders, sunspecFolder, buses, storage, log, found, siteWritten } = parts
  const folder = demo ? dataFolder : root
  const trouble = (message: string): void => log.warn(message)
  return createSetupSources({
    folder,
    root: folder,
    // The demo is nobody's site: what is set up there is deployed to an edge.
    site: demo || empty ? undefined : siteFile,
    becomes: empty ? 'site' : 'draft',
    mapFolders,
    maps: createKnownMaps(mapFolders, systemClock),
    read: createDeviceReader({ buses, mapFolders, sunspecFolder, clock: systemClock }),
    found,
    clock: systemClock,
    siteWritten,
    journal: (principal, detail) => void storage.journal.append({ kind: 'configuration', principal, detail }),
    trouble,
  })
}
