import type { SiteEvent } from '#contract/api.ts'
import { EdgeError, type ErrorCode } from '#contract/errors.ts'
import type { Clock } from '../domain/clock.ts'
import type { Ready } from './calls.ts'
import { createExplainQueue } from './explain-queue.ts'
import { prepareFolder } from './folder.ts'
import { createHistoryQueue } from './history-queue.ts'
import { createJournal } from './journal.ts'
import { defaultLimits, type StorageLimits } from './limits.ts'
import { createReporter } from './reporter.ts'
import type { Storage, StorageNote } from './types.ts'
import { createWorkerLink } from './worker-link.ts'

const tickMs = 1_000
/** Longest time that closing may take. */
const closeMs = 900

/** With these nothing can be stored, now or later: a person has to act before the service starts. */
const refusals: ReadonlySet<ErrorCode> = new Set(['storage.folder', 'storage.busy', 'storage.newer'])

/**
 * Opens history and journal of an edge. Rejects with `storage.folder`, `storage.busy` or `storage.newer`; anything else that
 * is wrong becomes a warning or, while it lasts, a fault, and the storage works as far as it can.
 */
export async function openStorage(options: {
  /** Data folder; made when it is missing. */
  folder: string
  /** Where `worker.ts`, or its bundle, is. */
  workerUrl: URL
  clock: Clock
  limits?: Partial<StorageLimits>
}): Promise<Storage> {
  const { folder, workerUrl, clock } = options
  const limits = { ...defaultLimits, ...options.limits }
  await prepareFolder(folder)

  const warnings: StorageNote[] = []
  const reporter = createReporter()
  let opened = false
  let lastEventId = 0

  const link = createWorkerLink({
    workerUrl,
    start: { folder, limits },
    clock,
    onReady(ready) {
      for (const note of ready.notes)
        if (opened) reporter.note(note)
        else warnings.push(note)
      attach(ready)
    },
    onLost: (error) => reporter.failed('worker', error),
    onNote: (note) => reporter.note(note),
  })
  const journal = createJournal({
    clock,
    maxPending: limits.queuedEntries,
    call: link.call,
    onStored: () => reporter.works('journal'),
    onFailure: (error) => reporter.failed('journal', error),
  })
  const history = createHistoryQueue({
    clock,
    limits,
    write: (params) => link.call('write', params),
    onStored: () => reporter.works('history'),
    onFailure: (error) => reporter.failed('history', error),
    note: (note) => reporter.note(note),
  })

  const explanations = createExplainQueue({
    clock,
    mostQueued: limits.queuedExplanations,
    write: (rows) => link.call('explain', rows),
  })

  function attach(ready: Ready): void {
    journal.attach(ready)
    history.retry()
    reporter.works('worker')
  }

  try {
    await link.connect()
  } catch (error) {
    if (!(error instanceof EdgeError) || refusals.has(error.code)) throw error
    reporter.failed('worker', error)
    link.keepTrying()
  }
  opened = true

  const stop = new AbortController()
  async function tick(): Promise<void> {
    while (!stop.signal.aborted) {
      await clock.sleep(tickMs, stop.signal)
      journal.tick()
      history.tick()
      explanations.tick()
    }
  }
  const ticking = tick().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error
  })

  const drain = async (): Promise<void> => {
    await Promise.all([journal.drain(), history.drain(), explanations.drain()])
  }

  return {
    warnings,
    journal,
    subscribe: (report) => reporter.subscribe(report),
    addSamples: (batch) => history.addSamples(batch),
    addEvent(event) {
      // Following the clock, so that an ID that was pushed but lost in a crash is not given to another event.
      lastEventId = Math.max(lastEventId + 1, Math.floor(clock.nowMs()))
      const added: SiteEvent = { ...event, id: lastEventId }
      history.addEvent(added)
      return added
    },
    flush: drain,
    measurements: (query) => link.call('measurements', query),
    async events(query) {
      const unstored = history.unstored(query)
      const stored = await link.call('events', query)
      const byId = new Map([...stored, ...unstored].map((event) => [event.id, event]))
      return [...byId.values()].toSorted((a, b) => b.id - a.id).slice(0, query.limit)
    },
    addExplanations: (rows) => explanations.add(rows),
    explanations: (deviceId, atMs) => link.call('explanations', { deviceId, atMs }),
    metricsOf: (deviceId) => link.call('metrics', { deviceId }),
    stats: () => ({
      state: reporter.state(),
      queuedSamples: history.queued(),
      droppedSamples: history.dropped(),
      pendingEntries: journal.pending(),
      droppedEntries: journal.dropped(),
      historyBytes: history.historyBytes(),
    }),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await ticking
      const deadline = new AbortController()
      const close = async (): Promise<void> => {
        await drain().catch(() => undefined)
        await link.close()
      }
      const late = clock.sleep(closeMs, deadline.signal).catch(() => undefined)
      await Promise.race([close(), late])
      deadline.abort()
      link.terminate()
    },
  }
}
