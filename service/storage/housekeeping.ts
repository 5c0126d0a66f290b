import type { Database } from 'better-sqlite3'
import type { StorageLimits } from './limits.ts'
import type { StorageNote } from './types.ts'

const hourMs = 3_600_000
const minuteMs = 60_000
/** About the rows that one slice deletes. */
const sliceRows = 5000
/** Least valuable data to keep, when there is no space, before the next more valuable kind is cut. */
const spareSamplesMs = hourMs
const spareMeansMs = 24 * hourMs
const spareEvents = 1000

export interface Housekeeping {
  /** Does what is due in small transactions, until nothing is or the budget is spent. */
  run(nowMs: number, budgetMs: number): void
  usedBytes(): number
}

/** Sorts new samples into their series, forgets what is too old, and keeps the database below its size. */
export function createHousekeeping(options: {
  database: Database
  limits: StorageLimits
  note(note: StorageNote): void
}): Housekeeping {
  const { database, limits, note } = options
  const sortDue = createSorting(database, limits)
  const samples = timedTable(database, 'sample', 1, 1000)
  const means = timedTable(database, 'minute', minuteMs, minuteMs)
  const eventCount = numberOf(database, 'SELECT count(*) FROM event')
  const deleteEvents = database.prepare<[number]>(
    'DELETE FROM event WHERE id <= (SELECT max(id) FROM (SELECT id FROM event ORDER BY id LIMIT ?))',
  )
  const pages = numberOf(database, 'PRAGMA page_count')
  const freePages = numberOf(database, 'PRAGMA freelist_count')
  const pageBytes = numberOf(database, 'PRAGMA page_size')() ?? 4096
  const usedBytes = (): number => ((pages() ?? 0) - (freePages() ?? 0)) * pageBytes
  let squeezing = false

  /** Deletes a slice of rows beyond their age; some slack saves rewriting the same pages each second. */
  function expire(table: TimedTable, ageMs: number, nowMs: number): boolean {
    const oldestMs = table.oldestMs()
    if (oldestMs >= nowMs - ageMs - Math.min(hourMs, ageMs / 20)) return false
    table.deleteBefore(Math.min(nowMs - ageMs, oldestMs + table.sliceMs()))
    return true
  }

  function expireEvents(): boolean {
    const excess = (eventCount() ?? 0) - limits.events
    if (excess <= 0) return false
    deleteEvents.run(Math.min(excess, sliceRows))
    return true
  }

  /** Above the size, deletes a slice of the oldest rows of the least valuable kind. */
  function squeeze(nowMs: number): boolean {
    const bytes = usedBytes()
    if (bytes < limits.historyBytes * (squeezing ? 0.85 : 0.95)) {
      squeezing = false
      return false
    }
    if (!squeezing)
      note({
        severity: 'warning',
        code: 'storage.trimmed',
        message: `the history has reached its size of ${Math.round(limits.historyBytes / 1024 ** 2)} MB; the oldest data is deleted before its time`,
      })
    squeezing = true
    if (cut(samples, nowMs - spareSamplesMs) || cut(means, nowMs - spareMeansMs)) return true
    if ((eventCount() ?? 0) > spareEvents) return deleteEvents.run(spareEvents).changes > 0
    return cut(samples, nowMs - minuteMs)
  }

  function cut(table: TimedTable, beforeMs: number): boolean {
    const oldestMs = table.oldestMs()
    if (oldestMs >= beforeMs) return false
    table.deleteBefore(Math.min(beforeMs, oldestMs + table.sliceMs()))
    return true
  }

  return {
    usedBytes,
    run(nowMs, budgetMs) {
      const startMs = performance.now()
      const slices = [
        // First, because without space nothing else can be done.
        () => squeeze(nowMs),
        () => sortDue(nowMs),
        () => expire(samples, limits.sampleAgeMs, nowMs),
        () => expire(means, limits.meanAgeMs, nowMs),
        () => expireEvents(),
      ]
      for (const slice of slices) while (performance.now() - startMs < budgetMs && slice());
    },
  }
}

/** Moves a slice of rows from arrival order into their series and minutes, when enough have come or waited long. */
function createSorting(database: Database, limits: StorageLimits): (nowMs: number) => boolean {
  const ends = database.prepare<[], { first: number | null; last: number | null; at: number | null }>(
    `SELECT (SELECT min(id) FROM recent) AS first, (SELECT max(id) FROM recent) AS last,
            (SELECT at FROM recent ORDER BY id LIMIT 1) AS at`,
  )
  const sort = database.prepare<[number]>(
    'INSERT OR REPLACE INTO sample SELECT series, at, value FROM recent WHERE id <= ? ORDER BY series, at',
  )
  const average = database.prepare<[number]>(
    `INSERT INTO minute SELECT series, at / 60000, avg(value), count(*) FROM recent WHERE id <= ? GROUP BY 1, 2
     ON CONFLICT DO UPDATE SET
       mean = (mean * count + excluded.mean * excluded.count) / (count + excluded.count),
       count = count + excluded.count`,
  )
  const forget = database.prepare<[number]>('DELETE FROM recent WHERE id <= ?')
  const move = database.transaction((upTo: number) => {
    sort.run(upTo)
    average.run(upTo)
    forget.run(upTo)
  })
  return (nowMs) => {
    const { first, last, at } = ends.get() ?? { first: null, last: null, at: null }
    if (first === null || last === null || at === null) return false
    // A clock that was set back leaves samples from the future; they have waited long too.
    if (last - first + 1 < limits.recentRows && Math.abs(nowMs - at) < limits.recentAgeMs) return false
    move(Math.min(last, first + limits.recentRows - 1))
    return true
  }
}

/** Rows by series and time. */
interface TimedTable {
  /** Infinity when there are none. */
  oldestMs(): number
  deleteBefore(atMs: number): void
  /** Time span that holds about one slice of rows. */
  sliceMs(): number
}

function timedTable(database: Database, name: 'sample' | 'minute', unitMs: number, everyMs: number): TimedTable {
  const oldest = numberOf(
    database,
    `SELECT min((SELECT min(at) FROM ${name} WHERE ${name}.series = series.id)) FROM series`,
  )
  const seriesCount = numberOf(database, 'SELECT count(*) FROM series')
  const remove = database.prepare<[number]>(`DELETE FROM ${name} WHERE series IN (SELECT id FROM series) AND at < ?`)
  return {
    oldestMs: () => {
      const at = oldest()
      return at === undefined ? Infinity : at * unitMs
    },
    deleteBefore: (atMs) => void remove.run(Math.ceil(atMs / unitMs)),
    sliceMs: () => Math.max(1, Math.floor(sliceRows / Math.max(1, seriesCount() ?? 1))) * everyMs,
  }
}

function numberOf(database: Database, sql: string): () => number | undefined {
  const statement = database.prepare<[], number | null>(sql).pluck()
  return () => statement.get() ?? undefined
}
