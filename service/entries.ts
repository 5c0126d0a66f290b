import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Where the other programs and the data of the package are: beside the source, or beside the bundle in out/service. */
export interface Entries {
  readonly projectFolder: string
  readonly mapFolder: string
  readonly rendererFolder: string
  readonly storageWorker: URL
  readonly mapWorker: URL
  readonly plant: string
}

function locate(): Entries {
  const here = import.meta.dirname
  const fromSource = import.meta.filename.endsWith('.ts')
  const projectFolder = resolve(here, fromSource ? '..' : '../..')
  return {
    projectFolder,
    mapFolder: join(projectFolder, 'pointmaps'),
    rendererFolder: join(projectFolder, 'out/renderer'),
    storageWorker: pathToFileURL(join(here, fromSource ? 'storage/worker.ts' : 'storage-worker.js')),
    mapWorker: pathToFileURL(join(here, fromSource ? 'mapimport/worker.ts' : 'map-worker.js')),
    plant: join(here, fromSource ? 'plant.ts' : 'plant.js'),
  }
}

export const entries = locate()
