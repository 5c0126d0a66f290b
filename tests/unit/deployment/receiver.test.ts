import { beforeEach, describe, expect, it } from 'vitest'
import { hashSiteFiles } from '../../../service/configuration/site-files.ts'
import { makeBundle } from '../../../service/deployment/bundle.ts'
import { openSigningKey, type OwnKey } from '../../../service/deployment/keys.ts'
import { type ManualClock, manualClock } from '../runtime/manual-clock.ts'
import { checked, codeOf, createEdge, type Edge, edgeId, onTrial, request, siteOf, who } from './edge-rig.ts'

const anna = who('anna')
const bert = who('bert')

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
