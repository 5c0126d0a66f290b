import { Worker } from 'node:worker_threads'
import { EdgeError } from '#contract/errors.ts'
import type { Clock } from '../domain/clock.ts'
import type { CallName, Calls, DatabaseName, FromWorker, Ready, Reply, WorkerStart } from './calls.ts'
import type { StorageNote } from './types.ts'

const firstBackOffMs = 1_000
const longestBackOffMs = 60_000
/** Bound of the worker's JavaScript heap. */
const heapMb = 128

/** The worker that holds the databases, started anew after a growing pause whenever it is lost. */
export interface WorkerLink {
  /** Starts the worker for the first time. Rejects when the databases cannot be opened. */
  connect(): Promise<void>
  /** Tries again until it works, after a first attempt that failed. */
  keepTrying(): void
  /** Rejects with `storage.down` while there is no worker. Calls are carried out in their order. */
  call<K extends CallName>(name: K, params: Calls[K]['params']): Promise<Calls[K]['result']>
  /** Closes the databases and resolves when that is done. */
  close(): Promise<void>
  /** Ends the worker, whatever it is doing. */
  terminate(): void
}

export function createWorkerLink(options: {
  workerUrl: URL
  start: Omit<WorkerStart, 'nowMs' | 'damaged'>
  clock: Clock
  onReady(ready: Ready): void
  onLost(error: EdgeError): void
  onNote(note: StorageNote): void
}): WorkerLink {
  const { workerUrl, start, clock, onReady, onLost, onNote } = options
  const stop = new AbortController()
  const waiting = new Map<number, (reply: Reply) => void>()
  let spawned: Worker | undefined
  let ready = false
  let damaged: readonly DatabaseName[] = []
  let nextId = 1
  let backOffMs = firstBackOffMs

  function connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      const startedMs = clock.monotonicMs()
      const started = new Worker(workerUrl, {
        workerData: { ...start, nowMs: clock.nowMs(), damaged } satisfies WorkerStart,
        resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 8 },
      })
      spawned = started
      let problem = new EdgeError('storage.down', 'the storage worker has stopped')
      started.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') {
          ready = true
          damaged = []
          onReady(message.ready)
          resolve()
        } else if (message.kind === 'failed') problem = new EdgeError(message.code, message.message)
        else if (message.kind === 'note') onNote(message.note)
        else take(message.reply)
      })
      started.on('error', (error) => {
        const text = error instanceof Error ? error.message : String(error)
        problem = new EdgeError('storage.down', `the storage worker has stopped: ${text}`, { cause: error })
      })
      started.on('exit', () => {
        const wasReady = ready
        ready = false
        if (!wasReady) return reject(problem)
        for (const reply of waiting.values())
          reply({ id: 0, ok: false, code: 'storage.down', message: problem.message })
        waiting.clear()
        if (stop.signal.aborted) return
        if (clock.monotonicMs() - startedMs > longestBackOffMs) backOffMs = firstBackOffMs
        onLost(problem)
        keepTrying()
      })
    })
  }

  function take(reply: Reply): void {
    if (!reply.ok && reply.restart) {
      damaged = [...new Set([...damaged, ...reply.restart])]
      void spawned?.terminate()
    }
    waiting.get(reply.id)?.(reply)
    waiting.delete(reply.id)
  }

  async function tryAgain(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await clock.sleep(backOffMs, stop.signal)
        backOffMs = Math.min(2 * backOffMs, longestBackOffMs)
        return await connect()
      } catch (error) {
        if (error instanceof EdgeError) onLost(error)
      }
    }
  }

  function keepTrying(): void {
    void tryAgain()
  }

  function call<K extends CallName>(name: K, params: Calls[K]['params']): Promise<Calls[K]['result']> {
    return new Promise((resolve, reject) => {
      if (!spawned || !ready) return reject(new EdgeError('storage.down', 'the database is not open at the moment'))
      const id = nextId
      nextId += 1
      waiting.set(id, (reply) => (reply.ok ? resolve(reply.result) : reject(new EdgeError(reply.code, reply.message))))
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker, not a window
      spawned.postMessage({ id, name, params })
    })
  }

  return {
    connect,
    keepTrying,
    call,
    async close() {
      stop.abort()
      await call('close', undefined).catch(() => undefined)
    },
    terminate() {
      stop.abort()
      void spawned?.terminate()
    },
  }
}
