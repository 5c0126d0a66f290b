import { dirname, join } from 'node:path'
import type { Site } from '#contract/site.ts'
import { readSiteFile } from '../configuration/site-document.ts'
import type { SiteCommands } from '../domain/site-model.ts'
import { entries } from '../entries.ts'
import { commandsOfSite } from '../runtime/device-view.ts'
import { loadSiteMaps } from '../runtime/site-devices.ts'

/**
 * The site a file describes, and what its maps can be told; its own maps come before those of the package, as in the service.
 * Throws EdgeError config.invalid with every place that does not fit, map.not-found or map.invalid.
 */
export async function readSite(file: string): Promise<{ readonly site: Site; readonly commands: SiteCommands }> {
  const { site } = await readSiteFile(file)
  const maps = loadSiteMaps(site, file, [join(dirname(file), 'pointmaps'), entries.mapFolder])
  const devices = site.devices.flatMap((config) => {
    const map = maps.get(config.map)
    return map ? [{ config, map }] : []
  })
  return { site, commands: commandsOfSite(devices) }
}
