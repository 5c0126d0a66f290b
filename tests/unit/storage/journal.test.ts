import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { expect, test } from 'vitest'
import { open, quickClock, temporaryFolder } from './temporary-storage.ts'

const entry = (value: number) =>
  ({
    kind: 'write',
    principal: 'automatic control',
    deviceId: 'battery',
    command: 'setPowerW',
    value,
    outcome: 'attempt',
    detail: 'self-consumption',
    frames: ['0001 0000'],
  }) as const

/** A closed journal of `count` entries. */
async function written(count: number): Promise<string> {
  const folder = await temporaryFolder()
  const storage = await open(folder)
  for (let index = 1; index <= count; index += 1) storage.journal.append(entry(index))
  await storage.flush()
  await storage[Symbol.asyncDispose]()
  return folder
}

function tamper(folder: string, sql: string): void {
  const database = new SqliteDatabase(join(folder, 'journal.db'))
  database.exec(sql)
  database.close()
}

test('entries are chained at once, stored in order and read back, newest first', async () => {
  const folder = await temporaryFolder()
  const storage = await open(folder)
  const first = storage.journal.append(entry(-1500.25))
  const second = storage.journal.append({ ...entry(2), kind: 'release', deviceId: 'pv' })
  expect(first).toMatchObject({ seq: 1, prevHash: '0'.repeat(64), value: -1500.25 })
  expect(second).toMatchObject({ seq: 2, prevHash: first?.hash })
  await storage.flush()
  expect(await storage.journal.entries({ limit: 10 })).toEqual([second, first])
  expect(await storage.journal.entries({ limit: 10, deviceId: 'battery' })).toEqual([first])
  expect(await storage.journal.entries({ limit: 10, kind: 'release' })).toEqual([second])
  expect(await storage.journal.entries({ limit: 1, before: 2 })).toEqual([first])
  await storage[Symbol.asyncDispose]()

  const again = await open(folder)
  expect(again.warnings).toEqual([])
  expect(again.journal.append(entry(3))).toMatchObject({ seq: 3, prevHash: second?.hash })
  expect(await again.journal.verify()).toMatchObject({ ok: true, entries: 2 })
  await again.flush()
  expect(await again.journal.verify()).toMatchObject({ ok: true, entries: 3 })
})

test('a durable entry is in the file before its promise resolves', async () => {
  const folder = await temporaryFolder()
  const storage = await open(folder)
  const reader = new SqliteDatabase(join(folder, 'journal.db'), { readonly: true })
  const stored = reader.prepare<[number], { hash: string }>('SELECT hash FROM journal WHERE seq = ?')
  storage.journal.append(entry(1))
  for (let index = 0; index < 20; index += 1) {
    const { seq, hash } = await storage.journal.appendDurable({ kind: 'arm', principal: 'engineer' })
    expect(stored.get(seq)).toEqual({ hash })
  }
  reader.close()
})

test('append and flush never wait for the disk, and everything follows in batches', async () => {
  const storage = await open(await temporaryFolder())
  for (let cycle = 0; cycle < 1300; cycle += 1) {
    storage.journal.append(entry(cycle))
    storage.journal.flush()
  }
  expect(storage.stats().pendingEntries).toBe(1300)
  await storage.flush()
  expect(storage.stats().pendingEntries).toBe(0)
  expect(await storage.journal.verify()).toMatchObject({ ok: true, entries: 1300 })
})

const damages = [
  ['an edit', `UPDATE journal SET body = replace(body, '"value":20', '"value":21') WHERE seq = 20`, 'edited', 20],
  ['a deletion', 'DELETE FROM journal WHERE seq = 20', 'missing', 20],
  ['a deletion at the beginning', 'DELETE FROM journal WHERE seq <= 3', 'missing', 3],
  [
    'a reordering',
    `UPDATE journal SET seq = -20 WHERE seq = 20; UPDATE journal SET seq = 20 WHERE seq = 21;
     UPDATE journal SET seq = 21 WHERE seq = -20`,
    'reordered',
    20,
  ],
  ['a truncation', 'DELETE FROM journal WHERE seq > 27', 'truncated', 28],
] as const

test.each(damages)('verify finds %s, and the start says so', async (_, sql, problem, seq) => {
  const folder = await written(30)
  tamper(folder, sql)
  const storage = await open(folder)
  expect(await storage.journal.verify()).toMatchObject({ ok: false, problem, seq })
  // What is missing at the beginning shows only when the whole journal is read.
  if (seq !== 3) expect(storage.warnings).toMatchObject([{ code: 'journal.broken' }])
  // New entries neither hide nor repair it.
  await storage.journal.appendDurable(entry(99))
  expect(await storage.journal.verify()).toMatchObject({ ok: false, seq })
})

test('a truncation with a forged head, or a removed file, is found through the history', async () => {
  const folder = await written(30)
  // One more write of the history, so that it has seen all entries.
  const storage = await open(folder)
  storage.addEvent({ atMs: 0, severity: 'info', code: 'x', message: '' })
  await storage.flush()
  await storage[Symbol.asyncDispose]()
  tamper(
    folder,
    'DELETE FROM journal WHERE seq > 27; UPDATE head SET (seq, hash) = (SELECT seq, hash FROM journal WHERE seq = 27)',
  )
  const cut = await open(folder)
  expect(cut.warnings).toMatchObject([{ code: 'journal.broken' }])
  expect(await cut.journal.verify()).toMatchObject({ problem: 'truncated', seq: 28 })
  await cut[Symbol.asyncDispose]()

  await rm(join(folder, 'journal.db'))
  const removed = await open(folder)
  expect(await removed.journal.verify()).toMatchObject({ problem: 'truncated', seq: 1 })
  expect(await removed.journal.appendDurable(entry(1))).toMatchObject({ seq: 31 })
  expect(await removed.journal.verify()).toMatchObject({ problem: 'missing', seq: 30 })
})

test('a damaged journal is set aside and the chain goes on, saying so', async () => {
  const folder = await written(30)
  const storage = await open(folder)
  storage.addEvent({ atMs: 0, severity: 'info', code: 'x', message: '' })
  await storage.flush()
  await storage[Symbol.asyncDispose]()
  await rm(join(folder, 'journal.db'))
  await writeFile(join(folder, 'journal.db'), 'x'.repeat(8192))
  const after = await open(folder)
  expect(after.warnings).toMatchObject([{ code: 'storage.corrupt' }])
  expect(await after.journal.appendDurable(entry(1))).toMatchObject({ seq: 32 })
  expect(await after.journal.entries({ limit: 9 })).toMatchObject([{ seq: 32 }, { seq: 31, kind: 'set-aside' }])
  expect(await after.journal.verify()).toMatchObject({ ok: true, entries: 2 })
})

test('the oldest entries go when there are too many, and an entry in the chain says so', async () => {
  const folder = await temporaryFolder()
  const storage = await open(folder, { limits: { journalEntries: 100 } })
  for (let index = 0; index < 150; index += 1) storage.journal.append(entry(index))
  await storage.flush()
  await storage.flush()
  const [pruned] = await storage.journal.entries({ limit: 1, kind: 'pruned' })
  expect(pruned).toMatchObject({ seq: 151, principal: 'storage', data: { upToSeq: 50 } })
  // Every write of the history is followed by a slice of housekeeping.
  let entries = await storage.journal.entries({ limit: 500 })
  while (entries.length > 101) {
    storage.addEvent({ atMs: 0, severity: 'info', code: 'x', message: '' })
    await storage.flush()
    entries = await storage.journal.entries({ limit: 500 })
  }
  expect([entries.length, entries.at(-1)?.seq]).toEqual([101, 51])
  expect(await storage.journal.verify()).toMatchObject({ ok: true, entries: 101 })
  await storage[Symbol.asyncDispose]()

  tamper(folder, 'DELETE FROM journal WHERE seq <= 60')
  const cut = await open(folder)
  expect(await cut.journal.verify()).toMatchObject({ problem: 'missing', seq: 60 })
})

test('entries that find no room are counted, and a gap entry follows when there is room', async () => {
  const clock = quickClock(1_800_000_000_000, 1)
  const storage = await open(await temporaryFolder(), { clock, limits: { queuedEntries: 20 } })
  const results = Array.from({ length: 50 }, (_, index) => storage.journal.append(entry(index)))
  expect(results.map((result) => result?.seq)).toEqual(
    Array.from({ length: 50 }, (_, index) => (index < 20 ? index + 1 : undefined)),
  )
  await expect(storage.journal.appendDurable(entry(1))).rejects.toMatchObject({ code: 'storage.full' })
  expect(storage.stats().droppedEntries).toBe(31)
  await storage.flush()
  await storage.flush()
  expect(storage.journal.append(entry(50))?.seq).toBe(22)
  await storage.flush()
  expect((await storage.journal.entries({ limit: 2 }))[1]).toMatchObject({
    seq: 21,
    kind: 'gap',
    data: { count: 31, fromMs: clock.nowMs(), toMs: clock.nowMs() },
  })
  expect(await storage.journal.verify()).toMatchObject({ ok: true, entries: 22 })
})
