import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { Database } from 'better-sqlite3'
import type { CallName, Calls, DatabaseName, FromWorker, Reply, Request, WorkerStart } from './calls.ts'
import { isDamage, lockFolder, needsReopening, openDatabase, storageError } from './database.ts'
import { createExplainStore } from './explain-store.ts'
import { historyMigrations } from './history-schema.ts'
import { createHistoryStore } from './history-store.ts'
import { createHousekeeping } from './housekeeping.ts'
import { createJournalStore } from './journal-store.ts'
import { journalMigrations } from './journal-schema.ts'
import { createMeasurements } from './measurements.ts'
import type { StorageNote } from './types.ts'

/** Time that housekeeping may take after each write. */
const housekeepingMs = 25

const { folder, limits, nowMs, damaged }: WorkerStart = workerData
const opened: Database[] = []

function post(message: FromWorker): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(message)
}

type Handlers = { [K in CallName]: (params: Calls[K]['params']) => Calls[K]['result'] | Promise<Calls[K]['result']> }

/** The database whose damage an error in a call shows. */
const databaseOf: Record<CallName, DatabaseName> = {
  write: 'history',
  measurements: 'history',
  events: 'history',
  metrics: 'history',
  explain: 'history',
  explanations: 'history',
  close: 'history',
  append: 'journal',
  entries: 'journal',
  verify: 'journal',
}

function start(): Handlers {
  opened.push(lockFolder(join(folder, 'lock.db')))
  const notes: StorageNote[] = []
  const open = (
    name: DatabaseName,
    options: Pick<Parameters<typeof openDatabase>[0], 'migrations' | 'synchronous' | 'maxBytes'>,
  ) => {
    const result = openDatabase({
      ...options,
      file: join(folder, `${name}.db`),
      checkedBytes: limits.checkedBytes,
      nowMs,
      damaged: damaged.includes(name),
    })
    opened.push(result.database)
    if (result.setAside !== undefined)
      notes.push({
        severity: 'error',
        code: 'storage.corrupt',
        message: `the ${name} database was damaged; it is kept as ${result.setAside} and a new one was started`,
      })
    return result
  }
  const historyFile = open('history', {
    migrations: historyMigrations,
    synchronous: 'NORMAL',
    maxBytes: limits.historyBytes,
  })
  const journalFile = open('journal', { migrations: journalMigrations, synchronous: 'FULL' })
  const history = createHistoryStore(historyFile.database)
  const journal = createJournalStore(journalFile.database, limits.journalEntries)
  const anchor = history.journalAnchor()
  const newestKnown = anchor.seq > journal.head().seq ? anchor : journal.head()
  if (journalFile.setAside === undefined) {
    const tail = journal.verifyTail(newestKnown)
    if (!tail.ok)
      notes.push({ severity: 'error', code: 'journal.broken', message: `the journal is broken: ${tail.message}` })
  }
  const explain = createExplainStore(historyFile.database, limits)
  const measurements = createMeasurements(historyFile.database, history.seriesId)
  const housekeeping = createHousekeeping({
    database: historyFile.database,
    limits,
    note: (note) => post({ kind: 'note', note }),
  })
  let untold: unknown

  /** After the answer has gone out, so that it waits for nothing but the write. A failure is told by the next write. */
  async function tidyLater(atMs: number): Promise<void> {
    await setImmediate()
    try {
      if (!historyFile.database.open) return
      housekeeping.run(atMs, housekeepingMs)
      explain.tidy(atMs)
      journal.prune()
    } catch (error) {
      if (storageError(error, folder).code !== 'storage.full') untold = error
    }
  }

  function tellFailure(): void {
    const error = untold
    untold = undefined
    if (error !== undefined) throw error
  }

  post({
    kind: 'ready',
    ready: {
      head: newestKnown,
      notes,
      ...(journalFile.setAside !== undefined && { journalSetAside: journalFile.setAside }),
    },
  })

  return {
    write({ samples, events, nowMs: atMs }) {
      tellFailure()
      try {
        history.write(samples, events, journal.head())
      } finally {
        void tidyLater(atMs)
      }
      return { historyBytes: housekeeping.usedBytes() }
    },
    append(rows) {
      const prune = journal.append(rows)
      return prune ? { prune } : {}
    },
    measurements,
    events: (query) => history.events(query),
    metrics: ({ deviceId }) => history.metrics(deviceId),
    explain(rows) {
      explain.add(rows)
      return undefined
    },
    explanations: ({ deviceId, atMs }) => explain.at(deviceId, atMs),
    entries: (query) => journal.entries(query),
    verify: () => journal.verify(newestKnown, () => setImmediate()),
    close() {
      for (const database of opened.toReversed()) database.close()
      return undefined
    },
  }
}

function failure(id: number, name: CallName, error: unknown): Reply {
  const { code, message } = storageError(error, folder)
  const reply = { id, ok: false, code, message } as const
  if (isDamage(error)) return { ...reply, restart: [databaseOf[name]] }
  return needsReopening(error) ? { ...reply, restart: [] } : reply
}

function serve(handlers: Handlers): void {
  const carryOut = async <K extends CallName>(id: number, name: K, params: Calls[K]['params']): Promise<void> => {
    try {
      const result = handlers[name](params)
      post({ kind: 'reply', reply: { id, ok: true, result: result instanceof Promise ? await result : result } })
    } catch (error) {
      post({ kind: 'reply', reply: failure(id, name, error) })
    }
  }
  parentPort?.on('message', ({ id, name, params }: Request) => void carryOut(id, name, params))
}

try {
  serve(start())
} catch (error) {
  for (const database of opened.toReversed()) database.close()
  const { code, message } = storageError(error, folder)
  post({ kind: 'failed', code, message })
}
