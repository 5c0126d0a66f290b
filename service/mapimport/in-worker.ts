import { Worker } from 'node:worker_threads'
import { EdgeError } from '#contract/errors.ts'
import {
  type MapExportRequest,
  type MapExportResult,
  mapExportResult,
  type MapImportOptions,
  type MapImportResult,
  mapImportResult,
} from '#contract/map-import.ts'
import type { Clock } from '../domain/clock.ts'
import type { MapTask, MapTaskDone } from './worker.ts'

/** Longest time a file may take; ordinary ones take less than a second. */
const longestMs = 30_000
const heapMb = 384

/** Reads foreign maps beside the service, so that no file can hold up a cycle or outgrow its memory. One at a time. */
export interface MapConverter {
  /** Rejects with `workbench.busy` while another one is read. What a file contains is an answer, never an error. */
  importMap(source: {
    readonly bytes: Uint8Array
    readonly name: string
    readonly options: MapImportOptions
  }): Promise<MapImportResult>
  /** Rejects with `workbench.busy`, or `api.invalid` for a text that is no map. */
  exportMap(request: MapExportRequest): Promise<MapExportResult>
}

export function createMapConverter(options: { workerUrl: URL; clock: Clock }): MapConverter {
  let busy = false

  async function run(task: MapTask): Promise<MapTaskDone | 'too-much'> {
    if (busy) throw new EdgeError('workbench.busy', 'another map is being imported or exported')
    busy = true
    const worker = new Worker(options.workerUrl, {
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 32 },
    })
    const over = new AbortController()
    try {
      const done = new Promise<MapTaskDone | 'too-much'>((resolve, reject) => {
        worker.once('message', (message: MapTaskDone) => resolve(message))
        worker.once('error', (error: NodeJS.ErrnoException) =>
          error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? resolve('too-much') : reject(error),
        )
        worker.once('exit', () => resolve('too-much'))
      })
      const late = options.clock.sleep(longestMs, over.signal).then(
        () => 'too-much' as const,
        () => 'too-much' as const,
      )
      return await Promise.race([done, late])
    } finally {
      over.abort()
      busy = false
      await worker.terminate()
    }
  }

  return {
    async importMap(source) {
      const done = await run({ kind: 'import', ...source })
      if (done === 'too-much' || !done.ok)
        return { verdict: 'refused', place: source.name, reason: 'the file takes more time or memory than a map may' }
      return mapImportResult.parse(done.result)
    },
    async exportMap(request) {
      const done = await run({ kind: 'export', request })
      if (done === 'too-much')
        throw new EdgeError('api.invalid', `${request.name}: takes more time or memory than a map may`)
      if (!done.ok) throw new EdgeError('api.invalid', done.message)
      return mapExportResult.parse(done.result)
    },
  }
}
