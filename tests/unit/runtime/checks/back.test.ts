import { describe, expect, it } from 'vitest'
import { measured } from '../../../support/stalls.ts'
import type { CheckRun } from '#contract/checks.ts'
import { realClock } from '../../../drivers/support/clock.ts'
import { homeSite, maria, type Rig, startRig } from './rig.ts'

/** Numbers between 0 and 1, always the same ones (Park and Miller). */
function seeded(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

/** Registers of the battery: setpoint in force, whether one is, and the seconds that it has left. */
async function onTheWire(rig: Rig): Promise<{ setpointW: number; inForce: boolean; leftS: number }> {
  await using wire = await rig.wire('battery')
  const [high = 0, low = 0, , enabled = 0, leftS = 0] = await wire.read(3, 200, 5)
  return { setpointW: 0 - ((high << 16) | low), inForce: enabled === 1, leftS }
}

/** Somebody else tells the battery what to do before a check comes. */
async function tellBattery(rig: Rig, powerW: number): Promise<void> {
  await using wire = await rig.wire('battery')
  const raw = 0 - powerW
  await wire.writeRegisters(200, [(raw >> 16) & 0xffff, raw & 0xffff])
  await wire.writeRegisters(202, [600])
  await wire.writeRegisters(203, [1])
}

const start = async (rig: Rig, checkId: string): Promise<string> => {
  rig.arm()
  return (await rig.checks.forApi.start({ checkId }, maria)).id
}

/** Resolves once the run has written what it tests. */
async function hasWritten(rig: Rig, runId: string): Promise<void> {
  while (!(await rig.checks.forApi.run(runId)).writes.some(({ purpose }) => purpose === 'test'))
    await realClock.sleep(10)
}

/** Until the runner of the tests loses patience. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await realClock.sleep(20)
}

const checksOfBattery = [
  'step.battery.setPowerW',
  'command.battery.setPowerW',
  'meter-direction.meter',
  'comm-loss.battery.setPowerW',
]

// On a machine that stalls for seconds, a check rightly says that it was disturbed.
describe.concurrent('what a check has changed goes back', { timeout: 240_000 }, () => {
  it(
    'after an abort at any moment, read back on the wire',
    measured(async () => {
      await using rig = await startRig()
      const random = seeded(20_260_520)
      for (let trial = 0; trial < 14; trial += 1) {
        const forced = trial % 2 === 0
        if (forced) await tellBattery(rig, 700)
        const checkId = checksOfBattery[trial % checksOfBattery.length] ?? ''
        const id = await start(rig, checkId)
        await realClock.sleep(random() * 1_600)
        const run = await rig.checks.forApi.abort(id, maria)
        const now = await onTheWire(rig)
        expect({ checkId, ...now }).toMatchObject(
          forced ? { setpointW: 700, inForce: true } : { setpointW: 0, inForce: false },
        )
        // A check may have ended by itself just before.
        if (run.verdict === 'interrupted') expect(run.reason.code).toBe('aborted')
        for (const restored of run.restored) expect(restored).toMatchObject({ ok: true, before: forced ? 700 : 0 })
        if (forced) {
          await using wire = await rig.wire('battery')
          await wire.writeRegisters(203, [0])
        }
      }
      expect(rig.problems).toEqual([])
    }),
  )

  it(
    'when its person is no longer armed',
    measured(async () => {
      await using rig = await startRig()
      const id = await start(rig, 'step.battery.setPowerW')
      await hasWritten(rig, id)
      rig.armed.release(maria)
      const run = await rig.ended(id)
      expect(run).toMatchObject({ verdict: 'interrupted', reason: { code: 'disarmed' } })
      expect(run.restored).toMatchObject([{ ok: true, after: 0 }])
      expect(await onTheWire(rig)).toMatchObject({ setpointW: 0, inForce: false })
    }),
  )

  it(
    'when nobody watches any more',
    measured(async () => {
      await using rig = await startRig({ timing: { watchedMs: 800 } })
      const id = await start(rig, 'step.battery.setPowerW')
      let run: CheckRun
      do {
        await realClock.sleep(50)
        run = await rig.checks.forApi.run(id)
      } while (run.state !== 'ended')
      expect(run).toMatchObject({ verdict: 'interrupted', reason: { code: 'not-watched' } })
      expect(await onTheWire(rig)).toMatchObject({ setpointW: 0, inForce: false })
    }),
  )

  it(
    'when the service stops',
    measured(async () => {
      await using rig = await startRig()
      const id = await start(rig, 'step.battery.setPowerW')
      await hasWritten(rig, id)
      await rig.checks.stop('the service stops', 5_000)
      expect(await rig.checks.forApi.run(id)).toMatchObject({ verdict: 'interrupted', reason: { code: 'stopped' } })
      expect(await onTheWire(rig)).toMatchObject({ setpointW: 0, inForce: false })
    }),
  )

  it(
    'by the timer of the device itself when it is no longer reached',
    measured(async () => {
      await using rig = await startRig({
        site: homeSite.replace('r-ems/demo-battery', 'test/battery'),
        timing: { restoreMs: 1_500, silentMs: 2_000 },
      })
      const id = await start(rig, 'step.battery.setPowerW')
      await hasWritten(rig, id)
      await rig.plant({ device: 'battery', fault: 'silent' })
      const run = await rig.ended(id)
      expect(run.verdict).toBe('interrupted')
      expect(run.reason.code).toBe('no-answer')
      expect(run.restored).toMatchObject([
        { ok: false, text: expect.stringContaining('its own timer acts within 3 s') },
      ])
      await rig.plant({ device: 'battery', fault: 'none' })
      await until(async () => !(await onTheWire(rig)).inForce)
    }),
  )

  it(
    'and automatic control has the device again, which nobody else could write to meanwhile',
    measured(async () => {
      await using rig = await startRig({ controlled: true })
      const decided = () => rig.runtime.grids()[0]?.setpoints.find(({ deviceId }) => deviceId === 'battery')
      await until(() => decided()?.outcome === 'confirmed')
      const id = await start(rig, 'step.battery.setPowerW')
      await hasWritten(rig, id)
      // At its next attempt; until then it stands as it was decided last.
      await until(() => decided()?.outcome === 'refused')
      expect(decided()).toMatchObject({ outcomeReason: 'a check works with Battery' })
      const byHand = (check?: { runId: string; returning: boolean }) =>
        rig.runtime.guard.manual({
          principal: 'cli:otto',
          deviceId: 'battery',
          simulated: true,
          armed: true,
          value: 100,
          action: { kind: 'impossible', command: 'setPowerW', reason: 'not looked at' },
          ...(check && { check }),
        })
      expect((await byHand()).outcome).toBe('refused')
      expect(rig.runtime.guard.notByHand('battery', true)).toMatch(/a check works with this device/)
      const run = await rig.checks.forApi.abort(id, maria)
      expect(run.restored).toMatchObject([{ ok: true }])
      await until(() => decided()?.outcome === 'confirmed')
      expect(rig.runtime.guard.notByHand('battery', true)).toMatch(/automatic control decides over battery/)
    }),
  )
})

describe.concurrent('a check is refused', { timeout: 120_000 }, () => {
  it(
    'while nobody is armed, while another one runs, and for what does not exist',
    measured(async () => {
      await using rig = await startRig()
      const go = (checkId: string) => rig.checks.forApi.start({ checkId }, maria)
      expect(rig.check('command.battery.setPowerW')).toMatchObject({ state: 'locked', reason: { code: 'not-armed' } })
      await expect(go('command.battery.setPowerW')).rejects.toMatchObject({ code: 'check.refused' })
      await expect(go('command.nobody.setPowerW')).rejects.toMatchObject({ code: 'check.unknown' })
      // Reading needs nobody to be armed.
      const { id } = await rig.checks.forApi.start({ checkId: 'answers.meter', durationS: 60 }, maria)
      rig.arm()
      await expect(go('command.battery.setPowerW')).rejects.toMatchObject({ code: 'check.busy' })
      const aborted = await rig.checks.forApi.abort(id, maria)
      expect(aborted).toMatchObject({ verdict: 'interrupted', restored: [], writes: [] })
      await expect(
        rig.checks.forApi.accept('answers.meter', { reason: 'seen elsewhere' }, maria),
      ).resolves.toMatchObject({
        verdict: 'accepted',
        accepted: { by: 'maria', reason: 'seen elsewhere' },
      })
      expect(rig.check('answers.meter').newest?.verdict).toBe('accepted')
      expect(rig.journal.filter(({ kind }) => kind === 'check').map(({ outcome }) => outcome)).toEqual([
        'started',
        'interrupted',
        'accepted',
      ])
    }),
  )

  it(
    'when its worst case would break a limit, with the limit and the numbers',
    measured(async () => {
      // It is at 55 %, so that it can only be charged.
      const site = homeSite
        .replace('fuseA: 63, maxExportW: 20000', 'fuseA: 2.5')
        .replace('minSocPercent: 15', 'minSocPercent: 60')
      await using rig = await startRig({ site })
      const check = rig.check('step.battery.setPowerW')
      expect(check).toMatchObject({ state: 'blocked', reason: { code: 'no-headroom' } })
      expect(check.reason.text).toMatch(/^Connection: fuse L1 would be \d+ A of 2.5 A in the worst case$/)
      rig.arm()
      await expect(rig.checks.forApi.start({ checkId: check.id }, maria)).rejects.toMatchObject({
        code: 'check.refused',
      })
      expect(rig.journal.filter(({ kind }) => kind === 'write')).toEqual([])
    }),
  )
})
