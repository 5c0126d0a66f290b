import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { loadPointMap } from '../../../../service/pointmap/load.ts'
import type { LoadedMap } from '../../../../service/pointmap/types.ts'
import { pointmaps } from '../../pointmap/helpers.ts'

/** Every map that is shipped. */
export const libraryMaps = (): LoadedMap[] =>
  readdirSync(pointmaps, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) =>
      readdirSync(join(pointmaps, name))
        .filter((file) => file.endsWith('.yaml'))
        .map((file) => loadPointMap(`${name}/${file.slice(0, -'.yaml'.length)}`, [pointmaps])),
    )
