import { EdgeError } from '#contract/errors.ts'
import type { Clock } from '../domain/clock.ts'
import type { ExplainRow } from './types.ts'

const retryMs = 5_000
const batchRows = 5_000

/**
 * Explanations on their way to the worker. They are the least valuable of what is stored: without room the oldest are dropped, and
 * the history reports why.
 */
export interface ExplainQueue {
  add(rows: readonly ExplainRow[]): void
  tick(): void
  drain(): Promise<void>
}

export function createExplainQueue(options: {
  clock: Clock
  mostQueued: number
  write(rows: readonly ExplainRow[]): Promise<unknown>
}): ExplainQueue {
  const { clock, mostQueued, write } = options
  let queued: ExplainRow[] = []
  let underWay: Promise<void> | undefined
  let retryAtMs = -Infinity

  function bound(): void {
    if (queued.length > mostQueued) queued.splice(0, queued.length - mostQueued)
  }

  async function send(): Promise<void> {
    const batch = queued.splice(0, batchRows)
    try {
      await write(batch)
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error
      queued = batch.concat(queued)
      bound()
      retryAtMs = clock.monotonicMs() + retryMs
    }
  }

  function start(): Promise<void> {
    underWay ??= send().finally(() => {
      underWay = undefined
    })
    return underWay
  }

  return {
    add(rows) {
      queued.push(...rows)
      bound()
    },
    tick() {
      if (queued.length > 0 && !underWay && clock.monotonicMs() >= retryAtMs) void start()
    },
    async drain() {
      await underWay
      if (queued.length > 0) await start()
    },
  }
}
