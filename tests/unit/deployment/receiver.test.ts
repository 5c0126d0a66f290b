import { beforeEach, describe, expect, it } from 'vitest'
import type { Principal } from '#contract/access.ts'
import type { CommitAnswer } from '#contract/deployment.ts'
import type { EdgeError } from '#contract/errors.ts'
import { type CheckedSite, checkSiteFiles, completeSiteFiles } from '../../../service/configuration/check-site.ts'
import { hashSiteFiles, type SiteFiles } from '../../../service/configuration/site-files.ts'
import { makeBundle } from '../../../service/deployment/bundle.ts'
import type { LiveTrial, LoopState } from '../../../service/deployment/gates.ts'
import { type Generations, openGenerations } from '../../../service/deployment/generations.ts'
import { openEnrolledKeys, openSigningKey, type OwnKey } from '../../../service/deployment/keys.ts'
import { createReceiver, type Receiver } from '../../../service/deployment/receiver.ts'
import { entries } from '../../../service/entries.ts'
import { folderLibrary } from '../../../service/pointmap/load.ts'
import { type ManualClock, manualClock } from '../runtime/manual-clock.ts'
import { createSimulatedDisk } from './simulated-disk.ts'

const edgeId = '7f3e0c1c-4d0e-4a57-9d5e-6f0f6a1a2b3c'
const library = folderLibrary([entries.mapFolder])
const who = (name: string, role: Principal['role'] = 'installer'): Principal => ({
  kind: 'user',
  id: name,
  name,
  role,
  address: '10.0.0.7',
})
const anna = who('anna')
const bert = who('bert')

const siteOf = ({
  fuseA = 63,
  devices = ['meter', 'battery'],
}: { fuseA?: number; devices?: string[] } = {}): SiteFiles => {
  const lines: Record<string, string> = {
    meter: `{ id: meter, name: Meter, role: grid-meter, map: eastron/sdm630, connection: 'tcp://10.0.0.2' }`,
    battery: `{ id: battery, name: Battery, role: battery, map: r-ems/demo-battery, connection: 'tcp://10.0.0.3', battery: { maxChargeW: 5000, maxDischargeW: 5000 } }`,
    spare: `{ id: spare, name: Spare, role: meter, map: eastron/sdm630, connection: 'tcp://10.0.0.4' }`,
  }
  const text = `version: 3
name: Depot
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: ${fuseA}, meter: meter } }]
devices:
${devices.map((name) => `  - ${lines[name] ?? ''}\n`).join('')}`
  return completeSiteFiles(checkSiteFiles(new Map([['site.yaml', text]]), library))
}

/** An edge whose restarts are new receivers on the same disk, as the process makes them. */
async function createEdge(clock: ManualClock) {
  const world = createSimulatedDisk()
  await world.disk.makeFolder('/etc')
  const texts = new Map<string, string>()
  const folder = {
    read: async (name: string) => texts.get(name),
    write: async (name: string, text: string) => void texts.set(name, text),
  }
  const own = await openSigningKey(folder)
  const { keys } = await openEnrolledKeys({ folder, own, nowMs: clock.nowMs })
  const journal: string[] = []
  const state = {
    files: siteOf(),
    good: ['meter/powerW', 'meter/voltageV.l1', 'battery/socPercent'],
    exceeded: [] as string[],
    loops: [{ name: 'Grid', cycles: 0, overruns: 0 }] as LoopState[],
    journalWorks: true,
    restarts: 0,
    mapsConfirmed: 0,
  }
  let receiver: Receiver | undefined
  let generations: Generations | undefined
  let trial: LiveTrial | undefined
  let startedMs = 0

  async function start(): Promise<void> {
    await receiver?.[Symbol.asyncDispose]()
    const opened = await openGenerations({
      root: '/etc/r-ems',
      disk: world.disk,
      nowMs: clock.nowMs(),
      ...(trial && { plannedTrial: trial.id }),
    })
    ;({ generations } = opened)
    const pointer = generations.pointer()
    if (pointer) state.files = await generations.files(pointer.active)
    const checked: CheckedSite = checkSiteFiles(state.files, library)
    startedMs = clock.monotonicMs()
    receiver = createReceiver({
      edgeId,
      clock,
      clockFloorMs: 0,
      generations,
      unavailable: undefined,
      current: () => checked,
      library,
      own,
      enrolled: keys,
      trial,
      ports: {
        goodPoints: () => state.good,
        exceeded: () => state.exceeded,
        loops: () => state.loops,
        upS: () => (clock.monotonicMs() - startedMs) / 1000,
        licenceNote: () => undefined,
        readPoints: async () => [],
        replay: async () => undefined,
        async journal({ outcome, detail }) {
          if (!state.journalWorks) throw new Error('the disk is full')
          journal.push(`${outcome}: ${detail}`)
        },
        confirmMaps: async () => void (state.mapsConfirmed += 1),
        ended: () => void (trial = undefined),
        restart(next) {
          trial = next
          state.restarts += 1
        },
        changed: () => undefined,
      },
    })
  }
  await start()
  return {
    state,
    journal,
    keys,
    world,
    get now(): Receiver {
      return receiver!
    },
    get generations(): Generations {
      return generations!
    },
    /** The restart that the receiver has asked for. */
    start,
    /** Another process: whatever was in memory is gone. */
    async crash() {
      trial = undefined
      await start()
    },
    /** Time passes; the loop goes on. */
    async run(seconds: number) {
      for (let second = 0; second < seconds; second += 1) {
        state.loops = state.loops.map((loop) => ({ ...loop, cycles: loop.cycles + 1 }))
        await clock.advance(1000)
      }
    },
  }
}

type Edge = Awaited<ReturnType<typeof createEdge>>

async function checked(edge: Edge, files: SiteFiles, by = anna): Promise<string> {
  const { id } = edge.now.make(
    { files: Object.fromEntries(files), why: 'a test', prevHash: edge.now.status().hash },
    by,
  )
  edge.now.startChecks(by)
  for (let turn = 0; edge.now.checks(by).state === 'running'; turn += 1) {
    expect(turn).toBeLessThan(1000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return id
}

const request = (candidateId: string, more: Partial<Parameters<Receiver['commit']>[0]> = {}) => ({
  candidateId,
  confirmedRaises: [],
  waived: [],
  countdownS: 120,
  despiteChecks: false,
  ...more,
})

async function onTrial(
  edge: Edge,
  files: SiteFiles,
  more: Partial<Parameters<Receiver['commit']>[0]> = {},
): Promise<CommitAnswer> {
  const trial = await edge.now.commit(request(await checked(edge, files), more), anna)
  await edge.start()
  return trial
}

const codeOf = async (action: () => unknown): Promise<string> => {
  try {
    await action()
    return 'done'
  } catch (error) {
    return `${(error as EdgeError).code}: ${(error as EdgeError).message}`
  }
}

describe('the receiving side of a deployment', () => {
  let clock: ManualClock
  let edge: Edge
  const more = siteOf({ devices: ['meter', 'battery', 'spare'] })

  beforeEach(async () => {
    clock = manualClock()
    edge = await createEdge(clock)
  })

  it('confirms once every gate is green, and the maps with it', async () => {
    const { trialId } = await onTrial(edge, more)
    await edge.run(29)
    expect(await codeOf(() => edge.now.confirm(trialId, anna))).toMatch(/^deployment\.gates: the service has to be up/)
    await edge.run(2)
    expect(edge.now.status().trial).toMatchObject({ confirmable: true, returnsTo: 1, generation: 2 })
    const after = await edge.now.confirm(trialId, anna)
    expect(after).toMatchObject({
      phase: 'idle',
      active: { number: 2, state: 'confirmed' },
      last: { outcome: 'confirmed' },
    })
    expect(edge.state.mapsConfirmed).toBe(1)
    await edge.run(300)
    expect(edge.now.status().active?.number).toBe(2)
    expect(await codeOf(() => edge.now.confirm(trialId, anna))).toMatch(/^deployment\.trial/)
    expect(edge.journal).toEqual(['committed: generation 2: a test', 'confirmed: generation 2'])
    await edge.crash()
    expect(edge.now.status().active?.number).toBe(2)
  })

  it('returns within the countdown and a second when nobody confirms', async () => {
    await onTrial(edge, more, { countdownS: 60 })
    const restarts = edge.state.restarts
    await edge.run(59)
    expect(edge.state.restarts).toBe(restarts)
    await edge.run(2)
    expect(edge.state.restarts).toBe(restarts + 1)
    await edge.start()
    const after = edge.now.status()
    expect(after).toMatchObject({ phase: 'idle', active: { number: 1 }, last: { generation: 2, outcome: 'returned' } })
    expect(after.last?.text).toBe('nobody confirmed it within 60 s; nobody has come back over a new connection yet')
  })

  it('counts on a clock that nobody can set', async () => {
    await onTrial(edge, more, { countdownS: 60 })
    clock.stepWall(-86_400_000)
    await edge.run(61)
    await edge.start()
    expect(edge.now.status().active?.number).toBe(1)
  })

  it('returns although the disk and the journal take nothing any more', async () => {
    await onTrial(edge, more, { countdownS: 60 })
    edge.state.journalWorks = false
    edge.world.cutAt(0)
    await edge.run(61)
    await edge.start()
    expect(edge.now.status().siteName).toBe('Depot')
    expect(edge.now.status().active?.number).toBe(1)
  })

  it('waits for each point that was good, unless it was waived by name', async () => {
    const { trialId } = await onTrial(edge, more, { waived: ['battery'] })
    edge.state.good = ['meter/powerW']
    await edge.run(31)
    expect(await codeOf(() => edge.now.confirm(trialId, anna))).toBe(
      'deployment.gates: 1 of 3 points that were good before are not good: meter/voltageV.l1',
    )
    edge.state.good = ['meter/powerW', 'meter/voltageV.l1']
    expect(await codeOf(() => edge.now.confirm(trialId, anna))).toBe('done')
  })

  it('returns at once when a limit stays exceeded that was not before', async () => {
    edge.state.exceeded = ['battery.reserve']
    const { trialId } = await onTrial(edge, more)
    edge.state.exceeded = ['battery.reserve', 'main.fuse.l1']
    await edge.run(3)
    // For a moment it may.
    edge.state.exceeded = ['battery.reserve']
    await edge.run(30)
    expect(edge.now.status().trial?.confirmable).toBe(true)
    edge.state.exceeded = ['battery.reserve', 'main.fuse.l1']
    expect(await codeOf(() => edge.now.confirm(trialId, anna))).toBe(
      'deployment.gates: 1 limits are exceeded: main.fuse.l1',
    )
    await edge.run(7)
    await edge.start()
    expect(edge.now.status()).toMatchObject({
      active: { number: 1 },
      last: { text: '1 limits are exceeded: main.fuse.l1' },
    })
  })

  it('is not confirmed while a cycle is late or failing', async () => {
    const { trialId } = await onTrial(edge, more)
    await edge.run(31)
    const [loop] = edge.state.loops
    edge.state.loops = [{ ...loop!, overruns: 2 }]
    await edge.run(1)
    expect(await codeOf(() => edge.now.confirm(trialId, anna))).toMatch(/Grid has skipped 2 deadlines lately/)
    await edge.run(12)
    edge.state.loops = [{ ...edge.state.loops[0]!, failing: 'its step throws' }]
    expect(await codeOf(() => edge.now.confirm(trialId, anna))).toMatch(/Grid: its step throws/)
    edge.state.loops = [{ name: 'Grid', cycles: edge.state.loops[0]!.cycles, overruns: 2 }]
    await edge.run(1)
    expect(await codeOf(() => edge.now.confirm(trialId, anna))).toBe('done')
  })

  it('wants each raise and each lost point by its name', async () => {
    const files = siteOf({ fuseA: 630, devices: ['meter'] })
    const id = await checked(edge, files)
    const { consents } = edge.now.candidate(anna)
    expect(consents.map(({ kind, id: named }) => [kind, named])).toEqual([
      ['raise', 'limit/circuit/main/fuseA'],
      ['lost', 'battery'],
    ])
    expect(await codeOf(() => edge.now.commit(request(id), anna))).toBe(
      'deployment.consent: not agreed to by name: limit/circuit/main/fuseA, battery',
    )
    const agreed = { confirmedRaises: ['limit/circuit/main/fuseA'], waived: ['battery'] }
    expect(await codeOf(() => edge.now.commit(request(id, agreed), anna))).toBe('done')
  })

  it('commits nothing that was not checked, or that something else has overtaken', async () => {
    const { id } = edge.now.make(
      { files: Object.fromEntries(more), why: 'a test', prevHash: edge.now.status().hash },
      anna,
    )
    expect(await codeOf(() => edge.now.commit(request(id), anna))).toMatch(/^deployment\.checks/)
    const checkedId = await checked(edge, more)
    expect(await codeOf(() => edge.now.commit(request(id), anna))).toMatch(/^deployment\.none/)
    await edge.generations.capture(siteOf(), { siteName: 'Depot', by: 'x', why: 'x', atMs: 0 })
    await edge.generations.add(siteOf({ fuseA: 50 }), {
      origin: 'local',
      siteName: 'Depot',
      by: 'x',
      why: 'x',
      atMs: 0,
    })
    expect(await codeOf(() => edge.now.commit(request(checkedId), anna))).toMatch(/^bundle\.outdated/)
    expect(edge.state.restarts).toBe(0)
  })

  it('does nothing that cannot be recorded', async () => {
    const id = await checked(edge, more)
    edge.state.journalWorks = false
    await expect(edge.now.commit(request(id), anna)).rejects.toThrow('the disk is full')
    expect(edge.generations.pointer()).toBeUndefined()
    expect(edge.state.restarts).toBe(0)
  })

  it('serves one engineer after the other, and tells the second who is first', async () => {
    await checked(edge, more)
    await clock.advance(5 * 60_000)
    expect(await codeOf(() => checked(edge, more, bert))).toMatch(
      /^deployment\.busy: anna \(10\.0\.0\.7\) has been deploying to this edge since \d\d:\d\d UTC, for 5 min$/,
    )
    expect(await codeOf(() => edge.now.candidate(bert))).toMatch(/^deployment\.busy/)
    expect(edge.now.status(bert)).toMatchObject({ phase: 'candidate', holder: { name: 'anna', own: false } })
    // An admin may let go what somebody has left; and after half an hour it is let go by itself.
    expect(await codeOf(() => edge.now.discard(who('carl', 'admin')))).toBe('done')
    expect(await codeOf(() => checked(edge, more, bert))).toBe('done')
    await clock.advance(31 * 60_000)
    expect(await codeOf(() => checked(edge, more, anna))).toBe('done')
    await edge.now.commit(request(edge.now.candidate(anna).id), anna)
    expect(await codeOf(() => checked(edge, more, bert))).toMatch(/about to restart/)
    await edge.start()
    expect(await codeOf(() => checked(edge, more, bert))).toMatch(
      /^deployment\.busy: generation 2 is on trial by anna for another 120 s/,
    )
  })

  it('takes a bundle once, from a key that it knows', async () => {
    const texts = new Map<string, string>()
    const laptop: OwnKey = await openSigningKey({ read: async (name) => texts.get(name), write: async () => undefined })
    const manifest = {
      edgeId,
      siteName: 'Depot',
      version: 2,
      prevHash: hashSiteFiles(siteOf()),
      notBeforeMs: 0,
      notAfterMs: clock.nowMs() + 86_400_000,
      by: 'anna on laptop',
      why: 'carried on a stick',
    }
    const signed = makeBundle(manifest, more, laptop)
    expect(await codeOf(() => edge.now.send(signed, anna))).toMatch(/^bundle\.untrusted/)
    const key = await edge.now.addKey({ publicKey: laptop.publicKey, owner: 'laptop of anna' }, anna)
    expect(await codeOf(() => edge.now.send(signed, anna))).toBe('done')
    expect(
      await codeOf(() =>
        edge.now.send(makeBundle(manifest, new Map([...more].filter(([path]) => path === 'site.yaml')), laptop), anna),
      ),
    ).toMatch(/^bundle\.invalid: site\.yaml:5:.*there is no point map "eastron\/sdm630".*add the file/)
    edge.now.send(signed, anna)
    const { trialId } = await onTrial(edge, more)
    await edge.now.giveUp(trialId, anna)
    await edge.start()
    expect(await codeOf(() => edge.now.send(signed, anna))).toMatch(/^bundle\.outdated: .*had that one already/)
    await edge.now.removeKey(key.id, anna)
    expect(await codeOf(() => edge.now.send(signed, anna))).toMatch(/^bundle\.untrusted/)
  })

  it('extends a countdown, and goes back to an older generation with one request', async () => {
    const { trialId } = await onTrial(edge, more, { countdownS: 60 })
    await edge.run(50)
    await edge.now.extend(trialId, 100, anna)
    await edge.run(50)
    await edge.now.confirm(trialId, anna)
    expect(await edge.now.rollback({ why: 'the spare is wrong' }, bert)).toEqual({ generation: 3, restores: 1 })
    await edge.start()
    expect(edge.now.status()).toMatchObject({
      active: { number: 3, origin: 'rollback', restores: 1, by: 'bert' },
      last: { outcome: 'rolled-back' },
    })
    expect(edge.now.running().hash).toBe(hashSiteFiles(siteOf()))
    expect(await codeOf(() => edge.now.rollback({ to: 9, why: 'no such one' }, bert))).toMatch(
      /^deployment\.generation/,
    )
    // During a trial it ends that first.
    await onTrial(edge, more)
    expect(await edge.now.rollback({ to: 1, why: 'at once' }, bert)).toEqual({ generation: 5, restores: 1 })
    await edge.start()
    expect(edge.now.status().active?.number).toBe(5)
    expect(await codeOf(() => edge.now.rollback({ to: 4, why: 'never confirmed' }, bert))).toMatch(
      /was never confirmed/,
    )
  })
})
