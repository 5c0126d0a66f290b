import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerStart } from '../../../service/storage/calls.ts'

/** The real worker on a disk that hangs for as long as a file named `hang` is there. */
const { folder }: WorkerStart = workerData
const sleeper = new Int32Array(new SharedArrayBuffer(4))
parentPort?.on('message', () => {
  while (existsSync(join(folder, 'hang'))) Atomics.wait(sleeper, 0, 0, 10)
})
await import('../../../service/storage/worker.ts')
