import { EdgeError } from '#contract/errors.ts'
import { listMaps, loadPointMap } from '../../pointmap/load.ts'
import { loadSunspecModels, type SunspecModels } from '../../pointmap/sunspec/models.ts'
import type { LoadedMap } from '../../pointmap/types.ts'

/** What devices are recognised by. */
export interface WorkbenchLibrary {
  readonly maps: readonly LoadedMap[]
  readonly sunspecModels: SunspecModels
}

/** All maps that can be read, those of the site before those of the package; read anew for each job, as they are edited. */
export function createLibrary(
  folders: readonly string[],
  sunspecFolder: string,
  trouble: (message: string) => void,
): () => WorkbenchLibrary {
  let models: SunspecModels | undefined
  return () => {
    const maps: LoadedMap[] = []
    for (const id of new Set(folders.flatMap(listMaps))) {
      try {
        maps.push(loadPointMap(id, folders))
      } catch (error) {
        if (!(error instanceof EdgeError)) throw error
        trouble(`the map ${id} is left out: ${error.message}`)
      }
    }
    return { maps, sunspecModels: (models ??= loadSunspecModels(sunspecFolder)) }
  }
}
