import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashSiteFiles, type SiteFiles } from '../../../service/configuration/site-files.ts'
import { type Generations, openGenerations } from '../../../service/deployment/generations.ts'
import { rollbackTarget } from '../../../service/deployment/trial.ts'
import { createSimulatedDisk, PowerCut, type Survival } from './simulated-disk.ts'

const root = '/etc/r-ems'
const trialId = '7f3e0c1c-4d0e-4a57-9d5e-6f0f6a1a2b3c'
const filesOf = (name: string): SiteFiles =>
  new Map([
    ['pointmaps/acme/meter.yaml', `# the meter of ${name}\n`],
    ['pointmaps/acme/pv.yaml', `# the inverter of ${name}\n`],
    ['site.yaml', `name: ${name}\n`],
  ])
const found = filesOf('found')
const candidate = filesOf('candidate')
const about = (why: string, atMs = 1000) => ({ siteName: 'Depot', by: 'anna', why, atMs })
const trial = { id: trialId, by: 'anna', startedAtMs: 2000, countdownS: 120 }

type World = ReturnType<typeof createSimulatedDisk>

const open = async (world: World, plannedTrial?: string) =>
  openGenerations({ root, disk: world.disk, nowMs: 9000, ...(plannedTrial !== undefined && { plannedTrial }) })

/** A folder as a person wrote it, on the disk for good. */
async function handWritten(): Promise<World> {
  const world = createSimulatedDisk()
  for (const [path, text] of found) {
    const file = `${root}/${path}`
    await world.disk.makeFolder(file.slice(0, file.lastIndexOf('/')))
    await world.disk.write(file, Buffer.from(text))
  }
  world.afterCut('everything')
  return world
}

async function deployed(): Promise<World> {
  const world = await handWritten()
  const { generations } = await open(world)
  await generations.capture(found, about('found on the edge'))
  await open(world)
  return world
}

/** What would run after a start: the files of the folder that the store names. */
async function running(world: World, plannedTrial?: string): Promise<{ hash: string; generations: Generations }> {
  const { generations } = await open(world, plannedTrial)
  const pointer = generations.pointer()
  if (!pointer) {
    const texts = [...world.files()].flatMap(([file, text]) => {
      const path = file.slice(root.length + 1)
      return /^(site\.yaml|pointmaps\/)/.test(path) ? [[path, text] as const] : []
    })
    return { hash: hashSiteFiles(new Map(texts.toSorted(([a], [b]) => (a < b ? -1 : 1)))), generations }
  }
  return { hash: hashSiteFiles(await generations.files(pointer.active)), generations }
}

const steps = {
  'the capture of what was found': {
    before: handWritten,
    act: async (world: World) => (await open(world)).generations.capture(found, about('found on the edge')),
    results: [hashSiteFiles(found)],
  },
  'the start after the capture': {
    before: async () => {
      const world = await handWritten()
      await (await open(world)).generations.capture(found, about('found on the edge'))
      return world
    },
    act: async (world: World) => void (await open(world)),
    results: [hashSiteFiles(found)],
  },
  'the begin of a trial': {
    before: deployed,
    act: async (world: World) =>
      (await open(world)).generations.begin(candidate, { ...about('more'), origin: 'deployed' }, trial),
    // Nobody restarts with it on purpose after a cut: it returns.
    results: [hashSiteFiles(found)],
  },
  'the confirmation of a trial': {
    before: async () => {
      const world = await deployed()
      await (await open(world)).generations.begin(candidate, { ...about('more'), origin: 'deployed' }, trial)
      return world
    },
    act: async (world: World) => (await open(world, trialId)).generations.confirm('anna', 5000),
    results: [hashSiteFiles(found), hashSiteFiles(candidate)],
  },
  'the return from a trial': {
    before: async () => {
      const world = await deployed()
      await (await open(world)).generations.begin(candidate, { ...about('more'), origin: 'deployed' }, trial)
      return world
    },
    act: async (world: World) => (await open(world, trialId)).generations.giveUp('the meter is gone', 5000),
    results: [hashSiteFiles(found)],
  },
  'a change on the edge itself': {
    before: deployed,
    act: async (world: World) =>
      (await open(world)).generations.add(candidate, { ...about('fuse replaced'), origin: 'local' }),
    results: [hashSiteFiles(found), hashSiteFiles(candidate)],
  },
}

async function cutEverywhere(
  { before, act, results }: (typeof steps)[keyof typeof steps],
  survival: Survival,
): Promise<number> {
  const whole = await before()
  const start = whole.operations()
  await act(whole)
  const total = whole.operations() - start
  // What was said to be done is there for good.
  whole.afterCut('nothing')
  expect((await running(whole)).hash).toBe(results.at(-1))
  for (let cut = 0; cut <= total; cut += 1) {
    const world = await before()
    world.cutAt(cut)
    await act(world).catch((error: unknown) => {
      if (!(error instanceof PowerCut)) throw error
    })
    world.afterCut(survival)
    const { hash, generations } = await running(world)
    expect(results, `cut before operation ${cut} of ${total}`).toContain(hash)
    const pointer = generations.pointer()
    // A trial never outlives the service that began it, and whatever runs can be gone on from.
    expect(pointer?.trial).toBeUndefined()
    if (pointer) await generations.add(filesOf('after'), { ...about('later'), origin: 'local' })
    else await generations.capture(found, about('found on the edge'))
    const again = await running(world)
    expect(again.hash).toBe(hashSiteFiles(pointer ? filesOf('after') : found))
  }
  return total
}

describe('generations after a power cut', () => {
  for (const [name, step] of Object.entries(steps))
    it(`are old or new, never a mixture: ${name}`, async () => {
      expect(await cutEverywhere(step, 'nothing')).toBeGreaterThan(2)
      await cutEverywhere(step, 'everything')
    })

  it('are old or new whatever of the unsynced has survived', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.values(steps)),
        fc.integer({ min: 0, max: 40 }),
        fc.infiniteStream(fc.nat(5)),
        async (step, cut, stream) => {
          const world = await step.before()
          world.cutAt(cut)
          await step.act(world).catch((error: unknown) => {
            if (!(error instanceof PowerCut)) throw error
          })
          world.afterCut(() => stream.next().value)
          const { hash, generations } = await running(world)
          expect(step.results).toContain(hash)
          expect(generations.pointer()?.trial).toBeUndefined()
        },
      ),
      { numRuns: 300 },
    )
  })

  it('begin a trial for good before they say so', async () => {
    const world = await deployed()
    await (await open(world)).generations.begin(candidate, { ...about('more'), origin: 'deployed' }, trial)
    world.afterCut('nothing')
    expect((await running(world, trialId)).hash).toBe(hashSiteFiles(candidate))
  })

  it('survive a second cut while the first is being mended', async () => {
    const world = await deployed()
    await (await open(world)).generations.begin(candidate, { ...about('more'), origin: 'deployed' }, trial)
    for (let cut = 0; cut < 12; cut += 1) {
      world.cutAt(cut)
      await open(world).catch((error: unknown) => {
        if (!(error instanceof PowerCut)) throw error
      })
      world.afterCut('nothing')
    }
    expect((await running(world)).hash).toBe(hashSiteFiles(found))
  })
})

describe('generations', () => {
  it('leave the folder alone until something is deployed, then set aside what was written by hand', async () => {
    const world = await handWritten()
    const before = await open(world)
    expect(before.generations.pointer()).toBeUndefined()
    expect(before.generations.folder()).toBe(root)
    await before.generations.capture(found, about('found on the edge'))
    // The files that run stay until the next start.
    expect(world.files().get(`${root}/site.yaml`)).toBe('name: found\n')
    const after = await open(world)
    expect(after.generations.folder()).toBe(`${root}/generations/000001`)
    expect(world.files().has(`${root}/site.yaml`)).toBe(false)
    expect(world.files().get(`${root}/before-deployment/site.yaml`)).toBe('name: found\n')
    expect(world.files().get(`${root}/before-deployment/pointmaps/acme/meter.yaml`)).toContain('found')
  })

  it('do not take a later hand-written file for the captured one', async () => {
    const world = await deployed()
    world.damage(`${root}/site.yaml`, Buffer.from('name: edited\n'))
    await open(world)
    expect(world.files().get(`${root}/site.yaml`)).toBe('name: edited\n')
  })

  it('run a trial only in the restart that began it, and return in any other', async () => {
    const world = await deployed()
    const { generations } = await open(world)
    const number = await generations.begin(candidate, { ...about('more'), origin: 'deployed' }, trial)
    expect(number).toBe(2)
    const planned = await open(world, trialId)
    expect(planned.returned).toBeUndefined()
    expect(planned.generations.pointer()).toMatchObject({ active: 2, confirmed: 1, trial: { returnsTo: 1 } })
    const unplanned = await open(world)
    expect(unplanned.returned).toMatchObject({ number: 2, state: 'returned' })
    expect(unplanned.generations.pointer()).toMatchObject({ active: 1, confirmed: 1, next: 3 })
    expect(unplanned.generations.pointer()?.trial).toBeUndefined()
  })

  it('use the last confirmed one when the pointer is damaged or gone', async () => {
    const world = await deployed()
    const { generations } = await open(world)
    await generations.add(candidate, { ...about('fuse replaced'), origin: 'local' })
    await generations.begin(filesOf('third'), { ...about('more'), origin: 'deployed' }, trial)
    world.damage(`${root}/deployment.json`, Buffer.from('{"pointer":{"active":3'))
    const mended = await open(world, trialId)
    expect(mended.damage).toEqual(['deployment.json is damaged: the last confirmed generation 2 runs'])
    expect((await running(world)).hash).toBe(hashSiteFiles(candidate))
    await world.disk.remove(`${root}/deployment.json`)
    expect((await running(world)).hash).toBe(hashSiteFiles(candidate))
  })

  it('refuse to guess when both pointers are damaged', async () => {
    const world = await deployed()
    for (const name of ['deployment.json', 'deployment.confirmed.json'])
      world.damage(`${root}/${name}`, Buffer.from('\0\0\0'))
    await expect(open(world)).rejects.toMatchObject({ code: 'deployment.store' })
  })

  it('fall back to an older whole generation when a file was changed behind their back', async () => {
    const world = await deployed()
    await (await open(world)).generations.add(candidate, { ...about('fuse replaced'), origin: 'local' })
    world.damage(`${root}/generations/000002/pointmaps/acme/pv.yaml`, Buffer.from('# something else\n'))
    const { damage, generations } = await open(world)
    expect(damage).toEqual(['the files of generation 2 are damaged: generation 1 runs'])
    expect(generations.pointer()?.active).toBe(1)
    await expect(generations.files(2)).rejects.toMatchObject({ code: 'deployment.generation' })
    // The number is not used again.
    expect(await generations.add(candidate, { ...about('again'), origin: 'local' })).toBe(3)
  })

  it('keep fifty, and those that may be returned to', async () => {
    const world = await deployed()
    const { generations } = await open(world)
    for (let count = 0; count < 60; count += 1)
      await generations.add(filesOf(`number ${count}`), { ...about('again'), origin: 'local' })
    await generations.begin(candidate, { ...about('more'), origin: 'deployed' }, trial)
    const pointer = generations.pointer()
    expect(pointer?.generations).toHaveLength(50)
    expect(pointer?.generations.at(-1)).toMatchObject({ number: 62, state: 'trial' })
    const folders = await world.disk.list(`${root}/generations`)
    // The folder that this service runs from is kept as well.
    expect(folders).toHaveLength(51)
    expect(folders).toContain('000001')
  })

  it('go back to the newest confirmed one with other files', async () => {
    const world = await deployed()
    const { generations } = await open(world)
    await generations.begin(candidate, { ...about('more'), origin: 'deployed' }, trial)
    await generations.giveUp('the meter is gone', 3000)
    await generations.add(filesOf('second'), { ...about('again'), origin: 'local' })
    await generations.add(filesOf('second'), { ...about('the same again'), origin: 'local' })
    expect(rollbackTarget(generations.pointer()!)).toMatchObject({ number: 1 })
  })
})
