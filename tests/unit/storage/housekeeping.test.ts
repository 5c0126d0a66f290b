import SqliteDatabase from 'better-sqlite3'
import { expect, test } from 'vitest'
import { migrate } from '../../../service/storage/migrations.ts'
import { genesisHash } from '../../../service/storage/journal-chain.ts'
import { createHistoryStore } from '../../../service/storage/history-store.ts'
import { historyMigrations } from '../../../service/storage/history-schema.ts'
import { createHousekeeping } from '../../../service/storage/housekeeping.ts'
import { defaultLimits, type StorageLimits } from '../../../service/storage/limits.ts'
import { createMeasurements } from '../../../service/storage/measurements.ts'
import type { StorageNote } from '../../../service/storage/types.ts'

const start = 1_800_000_000_000
const head = { seq: 0, hash: genesisHash }
const hourMs = 3_600_000

function history(limits: Partial<StorageLimits> = {}) {
  const database = new SqliteDatabase(':memory:')
  migrate(database, historyMigrations)
  const store = createHistoryStore(database)
  const notes: StorageNote[] = []
  const all = { ...defaultLimits, recentRows: 500, ...limits }
  const housekeeping = createHousekeeping({ database, limits: all, note: (note) => notes.push(note) })
  const count = (table: string): unknown => database.prepare(`SELECT count(*) FROM ${table}`).pluck().get()
  const oldest = (table: string): unknown => database.prepare(`SELECT min(at) FROM ${table}`).pluck().get()
  const measurements = createMeasurements(database, store.seriesId)
  const add = (times: readonly number[], metrics = ['powerW']): void => {
    const rows = times.flatMap((atMs) => metrics.map((metric) => ({ atMs, metric })))
    store.write(
      {
        devices: rows.map(() => 'meter'),
        metrics: rows.map(({ metric }) => metric),
        atMs: Float64Array.from(rows, ({ atMs }) => atMs),
        values: Float64Array.from(rows, ({ atMs }) => valueAt(atMs)),
      },
      [],
      head,
    )
  }
  const addEvents = (count: number, firstId: number): void => {
    const severity = 'info' as const
    const events = Array.from({ length: count }, (_, index) => ({ id: firstId + index, atMs: start, severity }))
    store.write(
      { devices: [], metrics: [], atMs: new Float64Array(), values: new Float64Array() },
      events.map((event) => ({ ...event, code: 'x', message: 'y'.repeat(200) })),
      head,
    )
  }
  return { database, store, housekeeping, notes, count, oldest, measurements, add, addEvents }
}

const valueAt = (atMs: number): number => ((atMs - start) / 1000) % 997
const seconds = (fromMs: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => fromMs + index * 1000)

test('samples are sorted in when enough have come or waited long, and not before', () => {
  const { housekeeping, count, add } = history({ recentRows: 500, recentAgeMs: 60_000 })
  add(seconds(start, 499))
  housekeeping.run(start + 59_000, 1000)
  expect([count('recent'), count('sample')]).toEqual([499, 0])
  add([start + 499_000])
  housekeeping.run(start + 59_000, 1000)
  expect([count('recent'), count('sample'), count('minute')]).toEqual([0, 500, 9])
  add([start + 500_000])
  housekeeping.run(start + 560_000, 1000)
  expect([count('recent'), count('sample')]).toEqual([0, 501])
})

test('a clock that is set back stops nothing', () => {
  const { housekeeping, count, add } = history({ recentAgeMs: 60_000 })
  add([start + 10 * hourMs])
  housekeeping.run(start, 1000)
  expect([count('recent'), count('sample')]).toEqual([0, 1])
})

test('samples beyond their age go, and their one-minute means answer for them', () => {
  const { housekeeping, count, oldest, add, measurements } = history({ sampleAgeMs: hourMs, meanAgeMs: 3 * hourMs })
  for (let hour = 0; hour < 4; hour += 1) {
    add(seconds(start + hour * hourMs, 3600), ['powerW', 'voltageV.l1'])
    housekeeping.run(start + (hour + 1) * hourMs, 10_000)
  }
  const nowMs = start + 4 * hourMs
  expect(count('recent')).toBeLessThan(500)
  expect(Number(oldest('sample'))).toBeGreaterThanOrEqual(nowMs - hourMs * 1.06)
  expect(Number(oldest('minute')) * 60_000).toBeGreaterThanOrEqual(nowMs - 3 * hourMs * 1.06)
  expect(Number(oldest('minute')) * 60_000).toBeLessThanOrEqual(nowMs - 3 * hourMs)

  const query = { deviceId: 'meter', metric: 'powerW', fromMs: start + 1.5 * hourMs, toMs: nowMs, points: 10 }
  const { stepMs, series } = measurements(query)
  expect(stepMs).toBe(900_000)
  expect(series).toHaveLength(10)
  for (const { atMs, value } of series) {
    const values = seconds(atMs, 900).map((at) => valueAt(at))
    expect(value).toBeCloseTo(values.reduce((a, b) => a + b) / 900, 6)
  }
  // Even where few enough points are asked for, minutes are the best there is.
  const old = measurements({ ...query, toMs: start + 1.5 * hourMs + 300_000, points: 1000 })
  expect(old).toMatchObject({ stepMs: 60_000 })
  expect(old.series).toHaveLength(5)
})

test('a minute that arrives in parts has the mean of all its samples', () => {
  const { housekeeping, count, add, database } = history({ recentRows: 7, recentAgeMs: 1e12 })
  for (const times of [seconds(start, 10), seconds(start + 10_000, 31), seconds(start + 41_000, 19)]) {
    add(times)
    housekeeping.run(start, 1000)
  }
  add(seconds(start + 60_000, 7))
  housekeeping.run(start, 1000)
  const mean = seconds(start, 60).reduce((sum, at) => sum + valueAt(at), 0) / 60
  const row = database.prepare('SELECT mean, count FROM minute ORDER BY at LIMIT 1').get()
  expect(row).toEqual({ mean: expect.closeTo(mean, 9) as number, count: 60 })
  expect(count('recent')).toBeLessThan(7)
})

test('the oldest events go above their number', () => {
  const { housekeeping, count, addEvents, store } = history({ events: 100 })
  addEvents(250, 1)
  housekeeping.run(start, 1000)
  expect(count('event')).toBe(100)
  expect(store.events({ limit: 500 }).at(-1)?.id).toBe(151)
})

test('above its size the database loses samples first, then means, then events, and says so once', () => {
  const historyBytes = 1_500_000
  const metrics = Array.from({ length: 20 }, (_, index) => `m${index}`)
  const { housekeeping, count, oldest, add, addEvents, notes } = history({ historyBytes })
  addEvents(2000, 1)
  for (let minute = 0; minute < 120; minute += 1) {
    add(seconds(start + minute * 60_000, 60), metrics)
    housekeeping.run(start + minute * 60_000 + 60_000, 10_000)
    expect(housekeeping.usedBytes()).toBeLessThan(historyBytes)
  }
  expect(Number(oldest('sample'))).toBeGreaterThan(start + 60_000)
  expect(count('minute')).toBe(120 * metrics.length)
  expect(count('event')).toBe(1000)
  expect(notes.length).toBeGreaterThan(0)
  expect(notes[0]).toMatchObject({ code: 'storage.trimmed', severity: 'warning' })
  expect(notes[0]!.message).toMatch(/^the history has reached its size of 1 MB/)
})

test('a slice stays within its budget, and what is left over is done later', () => {
  const { housekeeping, count, add, notes } = history({ sampleAgeMs: hourMs })
  add(
    seconds(start, 3600),
    Array.from({ length: 10 }, (_, index) => `m${index}`),
  )
  housekeeping.run(start + 24 * hourMs, 0)
  expect(count('recent')).toBe(36_000)
  let slices = 0
  while (Number(count('recent')) + Number(count('sample')) > 0) {
    housekeeping.run(start + 24 * hourMs, 1)
    slices += 1
  }
  expect(slices).toBeGreaterThan(10)
  expect(notes).toEqual([])
})
