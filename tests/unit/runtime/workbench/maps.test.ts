import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Principal } from '#contract/access.ts'
import { mapDocument, mapList } from '#contract/map-editor.ts'
import type { RegisterSpan } from '#contract/workbench-scan.ts'
import type { WorkbenchResult } from '#contract/workbench-results.ts'
import type { MapSources } from '../../../../service/api/map-sources.ts'
import { openMaps } from '../../../../service/runtime/workbench/maps/maps.ts'
import { systemClock } from '../../../../service/runtime/system-clock.ts'

const by: Principal = { id: 'u1', kind: 'user', name: 'anna', role: 'installer', address: '127.0.0.1' }
const text = (points: string): string => `format: 1\nmaker: Test\nmodel: Meter\nkind: meter\npoints:\n${points}`
const good = text('  powerW: { address: 0, type: int16 }\n')
const better = text('  powerW: { address: 0, type: int16, scale: 0.1 }\n')
const broken = text('  powerW: { adress: 0 }\n')

describe('the maps of a site', () => {
  let folder: string
  let maps: MapSources
  let changed = 0
  let journal: string[]
  let job: WorkbenchResult | undefined

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'r-ems-maps-'))
    changed = 0
    journal = []
    job = undefined
    await mkdir(join(folder, 'shipped/test'), { recursive: true })
    await writeFile(join(folder, 'shipped/test/meter.yaml'), good)
    maps = open()
  })
  const open = (deployedFolder?: string): MapSources =>
    openMaps({
      ...(deployedFolder !== undefined && { deployedFolder }),
      clock: systemClock,
      folder: join(folder, 'workbench'),
      ownFolder: join(folder, 'pointmaps'),
      shippedFolder: join(folder, 'shipped'),
      entries: [],
      buses: new Map(),
      sunspecModels: () => new Map(),
      changed: async () => void (changed += 1),
      staged: () => new Set(),
      result: async () => job,
      snapshot: async () => undefined,
      journal: (who, detail) => void journal.push(`${who} ${detail}`),
    }).forApi
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const revision = async (id = 'test/meter'): Promise<string> => (await maps.open(id)).revision
  const own = (): Promise<string> => readFile(join(folder, 'pointmaps/test/meter.yaml'), 'utf8')

  it('are listed and opened with where they come from', async () => {
    expect(mapList.parse(await maps.list()).maps).toMatchObject([{ id: 'test/meter', state: 'shipped', maker: 'Test' }])
    expect(mapDocument.parse(await maps.open('test/meter'))).toMatchObject({ text: good, shipped: good })
    await expect(maps.open('test/none')).rejects.toMatchObject({ code: 'workbench.unknown' })
  })

  it('are saved beside those that were shipped; the text that is replaced is kept', async () => {
    const first = await maps.save('test/meter', { text: better, base: await revision() }, by)
    expect(first).toMatchObject({ outcome: 'saved', use: 'no-device', backup: null })
    expect(await own()).toBe(better)
    expect(await maps.open('test/meter')).toMatchObject({ state: 'edited', text: better, shipped: good })
    const next = better.replace('0.1', '0.01')
    const second = await maps.save('test/meter', { text: next, base: first.revision }, by)
    const { texts } = await maps.earlier('test/meter')
    expect(texts.map(({ name }) => name)).toEqual([second.backup])
    expect(await maps.earlierText('test/meter', second.backup ?? '')).toBe(better)
    expect([changed, journal.length]).toEqual([2, 2])
    expect(await readdir(join(folder, 'pointmaps/test'))).toEqual(['meter.yaml'])
  })

  it('of a deployed site stay as they are: what is saved lies beside them until it is deployed', async () => {
    const deployed = join(folder, 'generations/000002/pointmaps')
    await mkdir(join(deployed, 'test'), { recursive: true })
    await writeFile(join(deployed, 'test/meter.yaml'), better)
    maps = open(deployed)
    expect(await maps.open('test/meter')).toMatchObject({ text: better, undeployed: false })
    const next = better.replace('0.1', '0.01')
    await maps.save('test/meter', { text: next, base: await revision() }, by)
    expect(await readFile(join(deployed, 'test/meter.yaml'), 'utf8')).toBe(better)
    expect(await maps.open('test/meter')).toMatchObject({ text: next, undeployed: true })
    await writeFile(join(deployed, 'test/meter.yaml'), next)
    expect(await maps.open('test/meter')).toMatchObject({ text: next, undeployed: false })
  })

  it('of two people who save, the second is told, and nothing is overwritten', async () => {
    const base = await revision()
    const both = await Promise.allSettled([
      maps.save('test/meter', { text: better, base }, by),
      maps.save('test/meter', { text: good.replace('int16', 'uint16'), base }, by),
    ])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(both[1]).toMatchObject({ reason: { code: 'workbench.changed' } })
    expect(await own()).toBe(better)
  })

  it('with errors are drafts that no device and no start of the service meets', async () => {
    const first = await maps.save('test/meter', { text: better, base: await revision() }, by)
    const draft = await maps.save('test/meter', { text: broken, base: first.revision }, by)
    expect(draft.outcome).toBe('draft')
    expect(await own()).toBe(better)
    expect(changed).toBe(1)
    expect(await maps.open('test/meter')).toMatchObject({
      text: broken,
      draft: true,
      problem: expect.stringContaining('adress'),
    })
    await maps.save('test/meter', { text: good, base: draft.revision }, by)
    expect(await maps.open('test/meter')).toMatchObject({ text: good, draft: false, problem: null })
    expect((await maps.earlier('test/meter')).texts).toHaveLength(2)
  })

  it('that are too large to be edited are listed with the reason, beside the others', async () => {
    await mkdir(join(folder, 'pointmaps/big'), { recursive: true })
    await writeFile(join(folder, 'pointmaps/big/one.yaml'), `# ${'x'.repeat(300_000)}`)
    const { maps: all } = mapList.parse(await maps.list())
    expect(all.map(({ id, problem }) => [id, problem?.slice(0, 12) ?? null])).toEqual([
      ['big/one', 'it is larger'],
      ['test/meter', null],
    ])
    await expect(maps.open('big/one')).rejects.toMatchObject({ code: 'workbench.refused' })
  })

  it('go back to the shipped one, and keep what was written', async () => {
    const first = await maps.save('test/meter', { text: better, base: await revision() }, by)
    await expect(maps.remove('test/meter', '0123456789abcdef', by)).rejects.toMatchObject({ code: 'workbench.changed' })
    await maps.remove('test/meter', first.revision, by)
    expect(await maps.open('test/meter')).toMatchObject({ state: 'shipped', text: good })
    const [kept] = (await maps.earlier('test/meter')).texts
    expect(await maps.earlierText('test/meter', kept?.name ?? '')).toBe(better)
  })

  it('tell what differs from the shipped one, and how it would be read', async () => {
    const checked = await maps.check({ id: 'test/meter', text: better })
    expect(checked).toMatchObject({
      problems: [],
      changes: [{ kind: 'added', path: 'powerW.scale', after: '0.1', line: 6 }],
      plan: { reads: [{ group: 'normal', address: 0, count: 1, used: 1, line: 6 }] },
    })
    const wrong = await maps.check({ id: 'test/meter', text: broken })
    expect([wrong.key, wrong.plan, wrong.problems[0]?.fix?.title]).toEqual([null, null, 'adress → address'])
  })

  it('begin from a scan of registers, with names that are to be found', async () => {
    const span: RegisterSpan = { address: 10, count: 2, status: 'value', words: [1, 2], code: null, inferred: false }
    const scan = { kind: 'registers', bus: 'tcp://a:502', unitId: 3, fn: 4, from: 0, to: 20, stride: 1 } as const
    const state = { state: 'complete', reason: null, startedAtMs: 0, elapsedMs: 1, floorMs: 1, requests: 1 } as const
    job = { ...scan, ...state, notes: [], largestBlock: null, spans: [span], next: 21 }
    const origin = { kind: 'job', job: 'x', unitId: 3 } as const
    const { id, text: begun } = await maps.propose({ maker: 'Müller <b>', model: 'M: 1', deviceKind: 'meter', origin })
    expect(id).toBe('muller-b/m-1')
    const checked = await maps.check({ id, text: begun })
    expect(checked.problems).toEqual([])
    expect(checked.points).toMatchObject([
      { name: 'vendor.registerInput10', address: 10, function: 'input' },
      { name: 'vendor.registerInput11', address: 11, function: 'input' },
    ])
  })

  it('begin from another map, with its comments and another name', async () => {
    await maps.save('test/meter', { text: `# mine\n${better}`, base: await revision() }, by)
    const origin = { kind: 'copy', map: 'test/meter' } as const
    const { text: begun } = await maps.propose({ maker: 'Other', model: 'X "1"', deviceKind: 'meter', origin })
    expect(begun).toBe(`# mine\n${better.replace('Test', '"Other"').replace('Meter', String.raw`"X \"1\""`)}`)
  })
})
