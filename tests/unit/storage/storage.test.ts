import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Sample, Storage } from '../../../service/storage/types.ts'
import { listen, open, quickClock, sample, temporaryFolder } from './temporary-storage.ts'

const start = 1_800_000_000_000
const query = { deviceId: 'meter', metric: 'powerW', fromMs: start, toMs: start + 3_600_000, points: 1000 }

test('samples are read back as they were added, by device, metric and time, also after a restart', async () => {
  const folder = await temporaryFolder()
  const first = await open(folder)
  first.addSamples([
    sample(start + 2000, 0.1 + 0.2),
    sample(start, -1e-12),
    sample(start + 1000, 5),
    sample(start + 1000, 7, 'voltageV.l1'),
    sample(start + 1000, 9, 'powerW', 'other'),
    sample(start + 3_600_000, 1),
    sample(start + 1500, NaN),
    sample(start + 1600, Infinity),
  ])
  await first.flush()
  const expected = [
    { atMs: start, value: -1e-12 },
    { atMs: start + 1000, value: 5 },
    { atMs: start + 2000, value: 0.1 + 0.2 },
  ]
  expect(await first.measurements(query)).toEqual({ series: expected })
  await first[Symbol.asyncDispose]()
  expect(await readdir(folder)).toEqual(['history.db', 'journal.db', 'lock.db'])

  const second = await open(folder)
  expect(second.warnings).toEqual([])
  expect(await second.measurements(query)).toEqual({ series: expected })
  expect(await second.metricsOf('meter')).toEqual(['powerW', 'voltageV.l1'])
  expect(await second.metricsOf('nobody')).toEqual([])
  expect(await second.measurements({ ...query, metric: 'currentA.l1' })).toEqual({ series: [] })
})

test('closing stores what was queued', async () => {
  const folder = await temporaryFolder()
  const first = await open(folder)
  first.addSamples([sample(start, 1)])
  first.addEvent({ atMs: start, severity: 'info', code: 'service.started', message: 'started' })
  first.journal.append({ kind: 'write', principal: 'automatic control' })
  await first[Symbol.asyncDispose]()
  const second = await open(folder)
  expect((await second.measurements(query)).series).toHaveLength(1)
  expect(await second.events({ limit: 10 })).toHaveLength(1)
  expect(await second.journal.entries({ limit: 10 })).toHaveLength(1)
})

/** Means of the samples over the same steps, by hand. */
function byHand(samples: readonly Sample[], stepMs: number, firstMs: number, toMs: number) {
  const steps = new Map<number, number[]>()
  for (const { atMs, value } of samples) {
    if (atMs < firstMs || atMs >= toMs) continue
    const step = firstMs + Math.floor((atMs - firstMs) / stepMs) * stepMs
    steps.set(step, [...(steps.get(step) ?? []), value])
  }
  return [...steps.entries()]
    .toSorted(([a], [b]) => a - b)
    .map(([atMs, values]) => ({ atMs, value: values.reduce((a, b) => a + b) / values.length }))
}

async function expectMeans(storage: Storage, samples: readonly Sample[], range: Partial<typeof query>): Promise<void> {
  const asked = { ...query, ...range }
  const { stepMs, series } = await storage.measurements(asked)
  const inRange = samples.filter(({ atMs }) => atMs >= asked.fromMs && atMs < asked.toMs)
  if (stepMs === undefined) {
    expect(series).toEqual(inRange.map(({ atMs, value }) => ({ atMs, value })))
    return
  }
  expect(inRange.length).toBeGreaterThan(asked.points)
  expect(series.length).toBeLessThanOrEqual(asked.points)
  const wholeMinutes = stepMs >= 60_000
  const firstMs = wholeMinutes ? Math.floor(asked.fromMs / 60_000) * 60_000 : asked.fromMs
  const toMs = wholeMinutes ? Math.ceil(asked.toMs / 60_000) * 60_000 : asked.toMs
  const expected = byHand(samples, stepMs, firstMs, toMs)
  expect(series.map(({ atMs }) => atMs)).toEqual(expected.map(({ atMs }) => atMs))
  for (const [index, { value }] of series.entries()) expect(value).toBeCloseTo(expected[index]?.value ?? NaN, 6)
}

test('long series are averaged into equal steps, whatever part of them has been sorted in', async () => {
  const clock = quickClock(start + 7_200_000)
  const samples = Array.from({ length: 5000 }, (_, index) =>
    sample(start + index * 1000 + (index % 7) * 31, Math.sin(index / 50) * 3000 + (index % 11)),
  )
  const arrived = await open(await temporaryFolder(), {
    clock,
    limits: { recentRows: 1_000_000, recentAgeMs: 1e12 },
  })
  const sorted = await open(await temporaryFolder(), { clock, limits: { recentRows: 700, recentAgeMs: 1e12 } })
  for (const storage of [arrived, sorted]) {
    for (let at = 0; at < samples.length; at += 500) {
      storage.addSamples(samples.slice(at, at + 500))
      await storage.flush()
    }
  }
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: -100_000, max: 5_000_000 }),
      fc.integer({ min: 1, max: 5_400_000 }),
      fc.integer({ min: 2, max: 400 }),
      async (offset, length, points) => {
        const range = { fromMs: start + offset, toMs: start + offset + length, points }
        await expectMeans(arrived, samples, range)
        await expectMeans(sorted, samples, range)
      },
    ),
    { numRuns: 60 },
  )
})

test('events get growing IDs, are paged back and filtered, and are seen before they are on the disk', async () => {
  const folder = await temporaryFolder()
  const clock = quickClock(start, 1)
  const storage = await open(folder, { clock })
  const add = (index: number) =>
    storage.addEvent({
      atMs: start + index,
      severity: index % 2 ? 'warning' : 'info',
      code: 'device.silent',
      message: `event ${index}`,
      ...(index % 3 === 0 && { deviceId: 'meter' }),
    })
  const added = Array.from({ length: 10 }, (_, index) => add(index))
  await storage.flush()
  added.push(add(10), add(11))
  const newestFirst = added.toReversed()
  expect(await storage.events({ limit: 100 })).toEqual(newestFirst)
  expect(await storage.events({ limit: 3 })).toEqual(newestFirst.slice(0, 3))
  expect(await storage.events({ limit: 4, before: newestFirst[3]!.id })).toEqual(newestFirst.slice(4, 8))
  expect(await storage.events({ limit: 100, severity: 'warning', deviceId: 'meter' })).toEqual(
    newestFirst.filter(({ severity, deviceId }) => severity === 'warning' && deviceId === 'meter'),
  )
  await storage[Symbol.asyncDispose]()
  clock.set(start + 60_000)
  const again = await open(folder, { clock })
  expect(again.addEvent({ atMs: 0, severity: 'info', code: 'x', message: '' }).id).toBeGreaterThan(newestFirst[0]!.id)
})

test('a worker that does not keep up costs the oldest samples, counted, and nothing else', async () => {
  const folder = await temporaryFolder()
  const storage = await open(folder, { limits: { queuedSamples: 1000 } })
  const heard = listen(storage)
  storage.addSamples(Array.from({ length: 2500 }, (_, index) => sample(start + index, index)))
  expect(storage.stats()).toMatchObject({ queuedSamples: 1000, droppedSamples: 1500 })
  await storage.flush()
  const { series } = await storage.measurements({ ...query, points: 5000 })
  expect(series.map(({ value }) => value)).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1500))
  await heard.until('note storage.gap')
  expect(heard.notes).toEqual([
    {
      severity: 'warning',
      code: 'storage.gap',
      message: '1500 samples between 2027-01-15T08:00:00.000Z and 2027-01-15T08:00:01.499Z were not stored',
    },
  ])
})

test('a database of a newer version is refused and left as it is', async () => {
  const folder = await temporaryFolder()
  await (await open(folder))[Symbol.asyncDispose]()
  const database = new SqliteDatabase(join(folder, 'history.db'))
  database.pragma('user_version = 99')
  database.close()
  await expect(open(folder)).rejects.toMatchObject({
    code: 'storage.newer',
    message: expect.stringMatching(/history\.db was written by a newer version .*schema 99, this version knows \d/),
  })
  expect(await readdir(folder)).not.toContainEqual(expect.stringContaining('corrupt'))
})
