import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { JobRequest } from '#contract/workbench.ts'
import type { Identification } from '#contract/workbench-results.ts'
import type { UnitScan } from '#contract/workbench-scan.ts'
import { createJobFiles } from '../../../../service/runtime/workbench/job-files.ts'
import { type JobContext, type JobEnd, openJobs } from '../../../../service/runtime/workbench/jobs.ts'
import { manualClock } from '../manual-clock.ts'
import { anna, temporaryFolder } from './support.ts'

const bus = 'rtu:///dev/ttyUSB0?baud=9600&parity=N&stopbits=1'
const units: JobRequest = { kind: 'units', bus, thorough: false }
const identify: JobRequest = { kind: 'identify', bus, unitIds: [1] }

const found = (unitIds: readonly number[]): UnitScan => ({
  kind: 'units',
  bus,
  settings: { baud: 9600, parity: 'none', stopBits: 1 },
  state: 'cancelled',
  reason: null,
  startedAtMs: 0,
  elapsedMs: 100,
  floorMs: 50,
  requests: unitIds.length,
  notes: [],
  thorough: false,
  heard: { quietMs: 0, bytes: 0, text: '' },
  units: unitIds.map((unitId) => ({
    unitId,
    status: 'present',
    latencyMs: 10,
    answer: 'data',
    candidates: null,
    alsoUnitIds: [],
    notes: [],
  })),
  silent: [],
  notExcluded: [],
  timeoutMs: 50,
  identifyMs: 0,
})

/** Jobs whose work is held in the hands of the test. */
async function bench(folder = temporaryFolder(), files = createJobFiles(folder)) {
  const clock = manualClock()
  const contexts: JobContext[] = []
  const ends: PromiseWithResolvers<JobEnd>[] = []
  const changed: string[] = []
  const troubles: string[] = []
  const jobs = await openJobs({
    clock,
    files,
    prepare: async (request) => ({
      places: ['bus' in request ? request.bus : request.kind],
      place: 'USB',
      run(context) {
        const end = Promise.withResolvers<JobEnd>()
        contexts.push(context)
        ends.push(end)
        context.signal.addEventListener('abort', () => end.resolve({ state: 'stopped' }))
        return end.promise
      },
    }),
    changed: (id) => changed.push(id),
    trouble: (message) => troubles.push(message),
  })
  const file = (id: string): unknown => JSON.parse(readFileSync(join(folder, `jobs/${id}.json`), 'utf8'))
  return { folder, clock, jobs, contexts, ends, changed, troubles, file }
}

describe('a job', () => {
  test('is a file from its start, shows what it finds, and ends as its work does', async () => {
    const { jobs, clock, contexts, ends, changed, file } = await bench()
    const { id } = await jobs.start(units, anna)
    expect(id).toMatch(/^\d{8}-\d{6}-units$/)
    expect(file(id)).toMatchObject({ state: 'running', startedBy: 'anna' })
    contexts[0]?.report({ progress: { phase: 'units', done: 3, total: 247 }, result: () => found([1, 2]), requests: 5 })
    const before = changed.length
    await clock.advance(250)
    expect(changed.length).toBeGreaterThan(before)
    expect(jobs.recent(id)).toMatchObject({ requests: 5, progress: { done: 3 }, result: { units: [{}, {}] } })
    // Not told again while nothing new is there.
    const told = changed.length
    await clock.advance(1000)
    expect(changed.length).toBe(told)
    ends[0]?.resolve({ state: 'done' })
    await expect.poll(() => jobs.list()[0]?.state).toBe('done')
    await expect.poll(() => file(id)).toMatchObject({ state: 'done', resumable: false, result: { units: [{}, {}] } })
  })

  test('has its bus for itself, and others run beside it', async () => {
    const { jobs } = await bench()
    const first = await jobs.start(units, anna)
    await expect(jobs.start(identify, anna)).rejects.toMatchObject({ code: 'workbench.busy' })
    // Also when both are asked for at once.
    const port: JobRequest = { kind: 'settings', port: '/dev/ttyS1' }
    const both = await Promise.allSettled([jobs.start(port, anna), jobs.start(port, anna)])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    await jobs.stop(first.id)
    await jobs.start(identify, anna)
    await jobs[Symbol.asyncDispose]()
  })

  test('that is stopped lets go, keeps what it found, and goes on from there', async () => {
    const { jobs, contexts, ends, file } = await bench()
    const { id } = await jobs.start(units, anna)
    contexts[0]?.report({ result: () => found([7]) })
    expect(await jobs.stop(id)).toMatchObject({ state: 'stopped', resumable: true })
    await jobs.resume(id, anna)
    expect(contexts[1]?.previous).toMatchObject({ units: [{ unitId: 7 }] })
    await expect(jobs.resume(id, anna)).rejects.toMatchObject({ code: 'workbench.refused' })
    contexts[1]?.report({ result: () => found([7, 8]) })
    ends[1]?.resolve({ state: 'done' })
    await expect.poll(() => jobs.list()[0]?.state).toBe('done')
    await expect
      .poll(() => file(id))
      .toMatchObject({ state: 'done', result: { units: [{ unitId: 7 }, { unitId: 8 }] } })
    await expect(jobs.resume(id, anna)).rejects.toMatchObject({ code: 'workbench.refused' })
  })

  test('that fails says why, and what to do', async () => {
    const { jobs, ends } = await bench()
    const { id } = await jobs.start(identify, anna)
    ends[0]?.reject(new Error('the adapter caught fire'))
    await expect.poll(() => jobs.list()[0]?.state).toBe('failed')
    expect(await jobs.load(id)).toMatchObject({ problem: { message: 'the adapter caught fire' }, resumable: false })
    await jobs.remove(id)
    expect(jobs.list()).toEqual([])
    await expect(jobs.load(id)).rejects.toMatchObject({ code: 'workbench.unknown' })
  })
})

describe('after a crash', () => {
  test('a job is interrupted, with all that was found until a moment before, and goes on', async () => {
    const { folder, jobs, clock, contexts } = await bench()
    const { id } = await jobs.start(units, anna)
    contexts[0]?.report({ result: () => found([1, 2, 3]), requests: 40 })
    await clock.advance(250)
    await clock.advance(2000)
    await expect.poll(() => readFileSync(join(folder, `jobs/${id}.json`), 'utf8')).toContain('"requests": 40')
    // Nothing of the first service is told to stop: it is gone.
    const again = await bench(folder)
    expect(again.jobs.list()).toMatchObject([{ id, state: 'interrupted', resumable: true }])
    expect(await again.jobs.load(id)).toMatchObject({ result: { units: [{}, {}, {}] } })
    await again.jobs.resume(id, anna)
    expect(again.contexts[0]?.previous).toMatchObject({ units: [{}, {}, {}] })
    expect(again.jobs.list()[0]).toMatchObject({ state: 'running' })
  })

  test('files that are damaged or of somebody else are left alone, and said', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'jobs'))
    writeFileSync(join(folder, 'jobs/20260101-000000-units.json'), '{"id": "20260101-000000-units", "sta')
    writeFileSync(join(folder, 'jobs/notes.json'), '{}')
    const { jobs, troubles } = await bench(folder)
    expect(jobs.list()).toEqual([])
    expect(troubles).toHaveLength(2)
    expect(readdirSync(join(folder, 'jobs'))).toHaveLength(2)
  })
})

test('the same findings are the same bytes, whatever order their keys were made in', async () => {
  const folder = temporaryFolder()
  const files = createJobFiles(folder)
  const { jobs } = await bench(temporaryFolder())
  const summary = await jobs.start(identify, anna)
  const candidate = { unitId: 1, map: 'a/b', vendor: 'A', model: 'B', serial: null, firmware: null, confidence: 1 }
  const one: Identification = {
    kind: 'identify',
    bus,
    units: [{ unitId: 1, silent: null, candidates: [{ ...candidate, evidence: ['x'] }] }],
  }
  const other: Identification = {
    units: [{ candidates: [{ evidence: ['x'], ...candidate }], silent: null, unitId: 1 }],
    bus,
    kind: 'identify',
  }
  const read = (): string => readFileSync(join(folder, `jobs/${summary.id}.json`), 'utf8')
  await files.save({ ...summary, result: one })
  const first = read()
  await files.save({ result: other, ...summary })
  expect(read()).toBe(first)
  expect(first.split('\n').length).toBeGreaterThan(20)
})

test('a folder that cannot be written refuses the job, and takes no bus', async () => {
  const folder = join(temporaryFolder(), 'workbench')
  const { jobs } = await bench(folder)
  writeFileSync(folder, 'not a folder')
  await expect(jobs.start(units, anna)).rejects.toMatchObject({ code: 'workbench.folder' })
  expect(jobs.list()).toEqual([])
  await expect(jobs.start(units, anna)).rejects.toMatchObject({ code: 'workbench.folder' })
})

test('a job is shown as ended when it can be resumed, however slow the disk is', async () => {
  const folder = temporaryFolder()
  const onDisk = createJobFiles(folder)
  const disk: PromiseWithResolvers<void>[] = []
  const { jobs, contexts, ends } = await bench(folder, {
    ...onDisk,
    async save(job) {
      if (job.state !== 'running') {
        const turn = Promise.withResolvers<void>()
        disk.push(turn)
        await turn.promise
      }
      await onDisk.save(job)
    },
  })
  const { id } = await jobs.start(units, anna)
  contexts[0]?.report({ result: () => found([1]) })
  ends[0]?.resolve({ state: 'stopped' })
  await expect.poll(() => disk.length).toBe(1)
  expect(jobs.list()).toMatchObject([{ state: 'running', resumable: false }])
  const ended = jobs.stop(id)
  disk[0]?.resolve()
  expect(await ended).toMatchObject({ state: 'stopped', resumable: true })
  expect(await jobs.resume(id, anna)).toMatchObject({ state: 'running' })
})
