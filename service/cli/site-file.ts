import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { EdgeError } from '#contract/errors.ts'
import { type Site, site as siteSchema } from '#contract/site.ts'
import type { SiteCommands } from '../domain/site-model.ts'
import { entries } from '../entries.ts'
import { checkedYaml } from '../runtime/checked-yaml.ts'
import { commandsOfSite } from '../runtime/device-view.ts'
import { loadSiteMaps } from '../runtime/site-devices.ts'

/**
 * The site a file describes, and what its maps can be told; its own maps come before those of the package, as in the service.
 * Throws EdgeError config.invalid with every place that does not fit, map.not-found or map.invalid.
 */
export function readSite(file: string): { readonly site: Site; readonly commands: SiteCommands } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new EdgeError('config.invalid', `${file} cannot be read: ${error instanceof Error ? error.message : ''}`, {
      cause: error,
    })
  }
  const site = checkedYaml(siteSchema, text, file, 'config.invalid')
  const maps = loadSiteMaps(site, file, [join(dirname(file), 'pointmaps'), entries.mapFolder])
  const devices = site.devices.flatMap((config) => {
    const map = maps.get(config.map)
    return map ? [{ config, map }] : []
  })
  return { site, commands: commandsOfSite(devices) }
}
