import { join, resolve } from 'node:path'
import { EdgeError } from '#contract/errors.ts'
import { UsageError } from '../args.ts'
import { entries } from '../entries.ts'
import { listMaps, loadPointMap } from '../pointmap/load.ts'
import { loadSunspecModels, type SunspecModels } from '../pointmap/sunspec/models.ts'
import type { LoadedMap } from '../pointmap/types.ts'

/** The point maps a command knows: own folders first, then those of the package. */
export interface Library {
  readonly folders: readonly string[]
  /** Throws a usage error for an unknown map, and map.invalid for a broken one. */
  load(id: string): LoadedMap
  /** Every map, and of the broken ones the reason. */
  all(): {
    readonly maps: readonly LoadedMap[]
    readonly broken: readonly { readonly id: string; readonly reason: string }[]
  }
  sunspecModels(): SunspecModels
}

export function createLibrary(own: readonly string[] = []): Library {
  const folders = [...own.map((folder) => resolve(folder)), entries.mapFolder]
  let models: SunspecModels | undefined
  return {
    folders,
    load(id) {
      try {
        return loadPointMap(id, folders)
      } catch (error) {
        if (error instanceof EdgeError && error.code === 'map.not-found')
          throw new UsageError(`--map: ${error.message}`, { cause: error })
        throw error
      }
    },
    all() {
      const maps: LoadedMap[] = []
      const broken: { id: string; reason: string }[] = []
      for (const id of [...new Set(folders.flatMap(listMaps))].toSorted()) {
        try {
          maps.push(loadPointMap(id, folders))
        } catch (error) {
          if (!(error instanceof EdgeError)) throw error
          broken.push({ id, reason: error.message })
        }
      }
      return { maps, broken }
    },
    sunspecModels: () => (models ??= loadSunspecModels(join(entries.mapFolder, 'sunspec/models'))),
  }
}
