import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { assertNodeVersion } from '../../../service/node-version.ts'
import { listen, open, quickClock, sample, temporaryFolder } from './temporary-storage.ts'

const start = 1_800_000_000_000
const failingWorker = new URL('failing-worker.ts', import.meta.url)

test('a crashed worker is started again, with nothing lost and one fault while it is gone', async () => {
  const folder = await temporaryFolder()
  const storage = await open(folder, { clock: quickClock(), worker: failingWorker })
  const heard = listen(storage)
  storage.addSamples([sample(start, 1)])
  await storage.journal.appendDurable({ kind: 'arm', principal: 'engineer' })
  await storage.flush()
  await writeFile(join(folder, 'crash'), '')
  storage.addSamples([sample(start + 1000, 2)])
  const kept = storage.journal.append({ kind: 'write', principal: 'automatic control' })
  await expect(storage.journal.appendDurable({ kind: 'arm', principal: 'engineer' })).rejects.toMatchObject({
    code: 'storage.down',
    message: expect.stringMatching(/worker has stopped|in time/),
  })
  await expect(storage.metricsOf('meter')).rejects.toMatchObject({ code: 'storage.down' })
  await heard.until('clear storage')
  await storage.flush()
  expect(heard.lines).toEqual(['raise storage storage.down', 'clear storage'])
  expect(
    (await storage.measurements({ deviceId: 'meter', metric: 'powerW', fromMs: start, toMs: start + 9000, points: 9 }))
      .series,
  ).toHaveLength(2)
  expect(await storage.journal.entries({ limit: 9 })).toMatchObject([
    { seq: 3 },
    { seq: 2, hash: kept?.hash },
    { seq: 1 },
  ])
  expect(await storage.journal.verify()).toMatchObject({ ok: true, entries: 3 })
})

test('a worker that cannot be loaded leaves a storage that says so', async () => {
  const worker = new URL('no-such-worker.ts', import.meta.url)
  const storage = await open(await temporaryFolder(), { clock: quickClock(), worker })
  expect(listen(storage).lines).toEqual(['raise storage storage.down'])
  expect(storage.stats().state).toBe('down')
  storage.addSamples([sample(start, 1)])
  expect(storage.journal.append({ kind: 'write', principal: 'automatic control' })).toBeUndefined()
  await expect(storage.flush()).rejects.toMatchObject({ code: 'storage.down' })
})

test('an old Node.js is refused before it can crash on a database', () => {
  expect(() => assertNodeVersion('20.19.2')).toThrow(/^Node\.js 20\.19\.2 is too old: the service needs Node\.js 24/)
  expect(() => assertNodeVersion('24.0.0')).not.toThrow()
  expect(() => assertNodeVersion('100.1.0')).not.toThrow()
})
