import type { Database } from 'better-sqlite3'
import {
  type ChainPoint,
  createChainVerifier,
  genesisHash,
  type JournalEntry,
  type JournalRow,
  readEntry,
  type VerifyResult,
} from './journal-chain.ts'
import type { EntryQuery } from './types.ts'

export interface JournalStore {
  /** The newest entry that was ever committed here, even if its row is gone since. */
  head(): ChainPoint
  /** Commits rows durably; those already there are left as they are. Returns up to where entries should be pruned. */
  append(rows: readonly JournalRow[]): ChainPoint | undefined
  /** Deletes a slice of what a pruning entry in the chain allows to go. */
  prune(): void
  entries(query: EntryQuery): JournalEntry[]
  /** Checks the last entries, for a start without delay. */
  verifyTail(known: ChainPoint): VerifyResult
  /** Checks everything; `pause` lets other work in between slices. */
  verify(known: ChainPoint, pause: () => Promise<void>): Promise<VerifyResult>
}

const sliceRows = 1000

export function createJournalStore(database: Database, maxEntries: number): JournalStore {
  const insert = database.prepare<[number, string, string]>(
    'INSERT INTO journal (seq, body, hash) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  )
  const setHead = database.prepare<[number, string]>('INSERT OR REPLACE INTO head (id, seq, hash) VALUES (1, ?, ?)')
  const getHead = database.prepare<[], ChainPoint>('SELECT seq, hash FROM head')
  const ends = database.prepare<[], { first: number | null; last: number | null }>(
    'SELECT (SELECT min(seq) FROM journal) AS first, (SELECT max(seq) FROM journal) AS last',
  )
  const rowAt = database.prepare<[number], JournalRow>('SELECT seq, body, hash FROM journal WHERE seq = ?')
  const rowsAfter = database.prepare<[number, number], JournalRow>(
    'SELECT seq, body, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT ?',
  )
  const pruned = database.prepare<[], { upToSeq: number | null }>(
    `SELECT max(body ->> '$.data.upToSeq') AS upToSeq FROM journal WHERE kind = 'pruned'`,
  )
  const deleteUpTo = database.prepare<[number]>('DELETE FROM journal WHERE seq <= ?')

  let prunedUpTo = pruned.get()?.upToSeq ?? 0
  let verifications = 0

  const commit = database.transaction((rows: readonly JournalRow[]) => {
    for (const { seq, body, hash } of rows) insert.run(seq, body, hash)
    const last = rows.at(-1)
    if (last) setHead.run(last.seq, last.hash)
  })

  const head = (): ChainPoint => getHead.get() ?? { seq: 0, hash: genesisHash }

  function pruneDue(): ChainPoint | undefined {
    const { first, last } = ends.get() ?? { first: null, last: null }
    if (first === null || last === null || last - first + 1 <= maxEntries * 1.05) return undefined
    // One permission at a time: the rows of the last one are deleted first.
    if (first <= prunedUpTo) return undefined
    const row = rowAt.get(last - maxEntries)
    return row && { seq: row.seq, hash: row.hash }
  }

  return {
    head,
    append(rows) {
      commit(rows)
      // Only rows of the chain itself may allow pruning, so the new ones are looked at after the commit.
      if (rows.some(({ body }) => body.includes('"kind":"pruned"'))) prunedUpTo = pruned.get()?.upToSeq ?? 0
      return pruneDue()
    },
    prune() {
      const first = ends.get()?.first
      if (verifications > 0 || first === null || first === undefined || first > prunedUpTo) return
      deleteUpTo.run(Math.min(prunedUpTo, first + sliceRows - 1))
    },
    entries({ before = Number.MAX_SAFE_INTEGER, limit, kind, deviceId }) {
      const rows = database
        .prepare<unknown[], JournalRow>(
          `SELECT seq, body, hash FROM journal WHERE seq < ?${kind === undefined ? '' : ' AND kind = ?'}${
            deviceId === undefined ? '' : ' AND device = ?'
          } ORDER BY seq DESC LIMIT ?`,
        )
        .all(before, ...[kind, deviceId].filter((value) => value !== undefined), limit)
      return rows.map((row) => readEntry(row))
    },
    verifyTail(known) {
      const last = ends.get()?.last ?? 0
      const verifier = createChainVerifier('middle')
      for (const row of rowsAfter.iterate(last - sliceRows, sliceRows)) {
        const problem = verifier.add(row)
        if (problem) return problem
      }
      return verifier.finish(known)
    },
    async verify(known, pause) {
      verifications += 1
      try {
        const verifier = createChainVerifier('start')
        const newest = known.seq > head().seq ? known : head()
        for (let seq = 0; ; await pause()) {
          const rows = rowsAfter.all(seq, sliceRows)
          for (const row of rows) {
            const problem = verifier.add(row)
            if (problem) return problem
          }
          seq = rows.at(-1)?.seq ?? seq
          if (rows.length < sliceRows) return verifier.finish(newest)
        }
      } finally {
        verifications -= 1
      }
    },
  }
}
