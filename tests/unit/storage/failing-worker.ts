import { existsSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerStart } from '../../../service/storage/calls.ts'

/** The real worker, but it is gone at the next message after a file named `crash` appears. */
const { folder }: WorkerStart = workerData
parentPort?.on('message', () => {
  const file = join(folder, 'crash')
  if (!existsSync(file)) return
  unlinkSync(file)
  process.exit(1)
})
await import('../../../service/storage/worker.ts')
