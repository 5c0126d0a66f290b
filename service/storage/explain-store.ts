import type { Database } from 'better-sqlite3'
import type { ExplainRow } from './types.ts'
import type { StorageLimits } from './limits.ts'

/** Rows deleted at once. */
const sliceRows = 5000
/** A row with its place in the index, about. */
const rowBytes = 80
/** Texts that nothing refers to any more are looked for above this number. */
const manyTexts = 5000

export interface ExplainStore {
  add(rows: readonly ExplainRow[]): void
  /** The newest row at or before that time, of each command of the device. */
  at(deviceId: string, atMs: number): ExplainRow[]
  /** Deletes a slice of what is too old or too much. */
  tidy(nowMs: number): void
}

export function createExplainStore(database: Database, limits: StorageLimits): ExplainStore {
  const findSeries = database
    .prepare<[string, string], number>('SELECT id FROM explain_series WHERE device = ? AND command = ?')
    .pluck()
  const addSeries = database.prepare<[string, string]>('INSERT INTO explain_series (device, command) VALUES (?, ?)')
  const findText = database.prepare<[string], number>('SELECT id FROM explain_text WHERE body = ?').pluck()
  const addText = database.prepare<[string]>('INSERT INTO explain_text (body) VALUES (?)')
  const addRow = database.prepare<[number, number, number, number | null, number, string]>(
    'INSERT INTO explain (series, at, since, value, text, numbers) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const ofDevice = database.prepare<[string], { id: number; command: string }>(
    'SELECT id, command FROM explain_series WHERE device = ? ORDER BY command',
  )
  const newest = database.prepare<
    [number, number],
    { at: number; since: number; value: number | null; body: string; numbers: string }
  >(
    `SELECT at, since, value, body, numbers FROM explain JOIN explain_text ON explain_text.id = explain.text
     WHERE series = ? AND at <= ? ORDER BY at DESC, explain.id DESC LIMIT 1`,
  )
  const ends = database.prepare<[], { first: number | null; last: number | null; at: number | null }>(
    `SELECT (SELECT min(id) FROM explain) AS first, (SELECT max(id) FROM explain) AS last,
            (SELECT at FROM explain ORDER BY id LIMIT 1) AS at`,
  )
  const forget = database.prepare<[number]>('DELETE FROM explain WHERE id <= ?')
  const countTexts = database.prepare<[], number>('SELECT count(*) FROM explain_text').pluck()
  const forgetTexts = database.prepare('DELETE FROM explain_text WHERE id NOT IN (SELECT text FROM explain)')
  // They never take more than a quarter of the history.
  const mostRows = Math.min(limits.explainRows, limits.historyBytes / 4 / rowBytes)
  const texts = new Map<string, number>()

  function idOf(body: string): number {
    const id = texts.get(body) ?? findText.get(body) ?? Number(addText.run(body).lastInsertRowid)
    if (texts.size > manyTexts) texts.clear()
    texts.set(body, id)
    return id
  }

  const add = database.transaction((rows: readonly ExplainRow[]) => {
    for (const { deviceId, command, atMs, sinceMs, value, text, numbers } of rows) {
      const series = findSeries.get(deviceId, command) ?? Number(addSeries.run(deviceId, command).lastInsertRowid)
      addRow.run(series, Math.round(atMs), Math.round(sinceMs), value ?? null, idOf(text), numbers)
    }
  })

  if ((countTexts.get() ?? 0) > manyTexts) forgetTexts.run()

  return {
    add(rows) {
      try {
        add(rows)
      } catch (error) {
        // Texts made in the transaction went with it.
        texts.clear()
        throw error
      }
    },
    at: (deviceId, atMs) =>
      ofDevice.all(deviceId).flatMap(({ id, command }): ExplainRow[] => {
        const row = newest.get(id, atMs)
        if (!row) return []
        const { at, since, value, body, numbers } = row
        const times = { atMs: at, sinceMs: since }
        return [{ deviceId, command, ...times, ...(value !== null && { value }), text: body, numbers }]
      }),
    tidy(nowMs) {
      const { first, last, at } = ends.get() ?? { first: null, last: null, at: null }
      if (first === null || last === null || at === null) return
      const excess = last - first + 1 - mostRows
      // Some slack saves rewriting the same pages all the time.
      const old = at < nowMs - limits.explainAgeMs * 1.02
      if (excess > sliceRows || old) forget.run(first + sliceRows - 1)
    },
  }
}
