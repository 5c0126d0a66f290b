import { parentPort, workerData } from 'node:worker_threads'
import type { MapExportRequest, MapImportOptions } from '#contract/map-import.ts'
import { EdgeError } from '#contract/errors.ts'
import { exportText } from './export-map.ts'
import { importMap } from './import-map.ts'

/** One task of the worker, which ends with it. */
export type MapTask =
  | { readonly kind: 'import'; readonly bytes: Uint8Array; readonly name: string; readonly options: MapImportOptions }
  | { readonly kind: 'export'; readonly request: MapExportRequest }

/** What it came to, or the problem of a text that is no map. */
export type MapTaskDone =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly message: string }

const task = workerData as MapTask

async function work(): Promise<MapTaskDone> {
  try {
    return { ok: true, result: task.kind === 'import' ? await importMap(task) : exportText(task.request) }
  } catch (error) {
    if (error instanceof EdgeError) return { ok: false, message: error.message }
    throw error
  }
}

const port = parentPort
const done = await work()
port?.postMessage(done)
