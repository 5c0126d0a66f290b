import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { commandName } from '#contract/point-map.ts'
import { site as siteSchema } from '#contract/site.ts'
import { compileSite } from '../../../service/domain/site-model.ts'
import { loadPointMap } from '../../../service/pointmap/load.ts'

const root = join(import.meta.dirname, '../../..')
const folder = join(root, 'service/examples')

describe('the example sites', () => {
  test.each(readdirSync(folder).filter((name) => name.endsWith('.yaml')))(
    '%s uses maps that can do what its devices are for',
    (name) => {
      const site = siteSchema.parse(parse(readFileSync(join(folder, name), 'utf8')))
      const commands = new Map(
        site.devices.map(({ id, map }) => {
          const declared = loadPointMap(map, [join(root, 'pointmaps')]).map.commands ?? {}
          return [id, new Set(commandName.options.filter((command) => declared[command]))] as const
        }),
      )
      const idle = compileSite(site, commands)
        .devices.filter(({ config, controlled }) => (config.battery ?? config.charger ?? config.load) && !controlled)
        .map(({ config }) => `${config.id} (${config.map})`)
      expect(idle).toEqual([])
    },
  )
})
