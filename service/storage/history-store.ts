import type { Database } from 'better-sqlite3'
import type { SiteEvent } from '#contract/api.ts'
import type { SampleColumns } from './calls.ts'
import { type ChainPoint, genesisHash } from './journal-chain.ts'
import type { EventQuery } from './types.ts'

export interface HistoryStore {
  /** Stores samples and events in one transaction, with the newest place of the journal as a witness. */
  write(samples: SampleColumns, events: readonly SiteEvent[], journalHead: ChainPoint): void
  /** Newest place of the journal that was ever recorded here. */
  journalAnchor(): ChainPoint
  events(query: EventQuery): SiteEvent[]
  metrics(deviceId: string): string[]
  seriesId(deviceId: string, metric: string): number | undefined
}

interface EventRow {
  readonly id: number
  readonly at: number
  readonly severity: SiteEvent['severity']
  readonly code: string
  readonly message: string
  readonly device: string | null
}

export function createHistoryStore(database: Database): HistoryStore {
  const addSeries = database.prepare<[string, string]>('INSERT INTO series (device, metric) VALUES (?, ?)')
  const findSeries = database
    .prepare<[string, string], number>('SELECT id FROM series WHERE device = ? AND metric = ?')
    .pluck()
  const addSample = database.prepare<[number, number, number]>(
    'INSERT INTO recent (series, at, value) VALUES (?, ?, ?)',
  )
  const addEvent = database.prepare<[number, number, string, string, string, string | null]>(
    'INSERT OR REPLACE INTO event (id, at, severity, code, message, device) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const getAnchor = database.prepare<[], ChainPoint>('SELECT seq, hash FROM journal_anchor')
  const setAnchor = database.prepare<[number, string]>(
    'INSERT OR REPLACE INTO journal_anchor (id, seq, hash) VALUES (1, ?, ?)',
  )
  const metricsOf = database
    .prepare<[string], string>('SELECT metric FROM series WHERE device = ? ORDER BY metric')
    .pluck()
  const known = new Map<string, number>()
  let anchorSeq = getAnchor.get()?.seq ?? 0

  function seriesOf(deviceId: string, metric: string): number {
    const key = `${deviceId} ${metric}`
    const id =
      known.get(key) ?? findSeries.get(deviceId, metric) ?? Number(addSeries.run(deviceId, metric).lastInsertRowid)
    known.set(key, id)
    return id
  }

  const store = database.transaction(
    ({ devices, metrics, atMs, values }: SampleColumns, events: readonly SiteEvent[], journalHead: ChainPoint) => {
      for (const [index, deviceId] of devices.entries())
        addSample.run(seriesOf(deviceId, metrics[index] ?? ''), Math.round(atMs[index] ?? 0), values[index] ?? 0)
      for (const { id, atMs, severity, code, message, deviceId } of events)
        addEvent.run(id, Math.round(atMs), severity, code, message, deviceId ?? null)
      if (journalHead.seq > anchorSeq) setAnchor.run(journalHead.seq, journalHead.hash)
    },
  )

  return {
    write(samples, events, journalHead) {
      try {
        store(samples, events, journalHead)
        anchorSeq = Math.max(anchorSeq, journalHead.seq)
      } catch (error) {
        // Series made in the transaction went with it.
        known.clear()
        throw error
      }
    },
    journalAnchor: () => getAnchor.get() ?? { seq: 0, hash: genesisHash },
    events({ before = Number.MAX_SAFE_INTEGER, limit, deviceId, severity }) {
      return database
        .prepare<unknown[], EventRow>(
          `SELECT * FROM event WHERE id < ?${deviceId === undefined ? '' : ' AND device = ?'}${
            severity === undefined ? '' : ' AND severity = ?'
          } ORDER BY id DESC LIMIT ?`,
        )
        .all(before, ...[deviceId, severity].filter((value) => value !== undefined), limit)
        .map(({ at, device, ...event }) => ({ ...event, atMs: at, ...(device !== null && { deviceId: device }) }))
    },
    metrics: (deviceId) => metricsOf.all(deviceId),
    seriesId: (deviceId, metric) => findSeries.get(deviceId, metric),
  }
}
