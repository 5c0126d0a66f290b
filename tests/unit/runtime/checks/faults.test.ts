import { describe, expect, it } from 'vitest'
import { measured } from '../../../support/stalls.ts'
import type { CheckRun, MeasureKey } from '#contract/checks.ts'
import { failsafeOf, loadProofs } from '../../../../service/runtime/failsafe.ts'
import { homeSite, type Rig, startRig } from './rig.ts'

const noon = Date.UTC(2026, 4, 20, 11, 0)
const shortSite = homeSite.replace('r-ems/demo-battery', 'test/battery')

const failedKeys = (run: CheckRun): MeasureKey[] =>
  run.measures.filter(({ state }) => state === 'failed').map(({ key }) => key)
const measuredOf = (run: CheckRun, key: MeasureKey): number | undefined =>
  run.measures.find((measure) => measure.key === key)?.measured

/** What the battery is told, as the wire says: the setpoint and whether it is in force. */
async function batteryOnTheWire(rig: Rig): Promise<{ setpointW: number; inForce: boolean }> {
  await using wire = await rig.wire('battery')
  const [high = 0, low = 0, , enabled = 0] = await wire.read(3, 200, 4)
  return { setpointW: 0 - ((high << 16) | low), inForce: enabled === 1 }
}

const standby = { setpointW: 0, inForce: false }

function expectRestored(run: CheckRun): void {
  expect(run.restored.map(({ ok }) => ok)).toEqual(run.restored.map(() => true))
  expect(run.restored.length).toBeGreaterThan(0)
}

// On a machine that stalls for seconds, a check rightly says that it was disturbed.
describe.concurrent('a check on the plant', { timeout: 240_000 }, () => {
  it(
    'passes everything that is right, with its trace, and leaves the battery as it was',
    measured(async () => {
      await using rig = await startRig()
      const before = await batteryOnTheWire(rig)
      const direction = await rig.run('meter-direction.meter')
      expect(direction).toMatchObject({ verdict: 'passed', byDeviceId: 'battery', by: 'maria', epoch: 3 })
      expect(direction.proves).toEqual([{ deviceId: 'meter', kind: 'sign', name: 'powerW' }])
      expect(direction.headroom.map(({ limitId }) => limitId)).toEqual([
        'main.fuse.l1',
        'main.fuse.l2',
        'main.fuse.l3',
        'main.export',
      ])
      expect(Object.keys(direction.mapHashes)).toEqual(['meter', 'battery'])
      expect(direction.trace.lanes.find(({ key }) => key === 'independent')?.samples.length).toBeGreaterThan(20)
      expect(direction.writes.filter(({ purpose }) => purpose === 'test').map(({ value }) => value)).toEqual(
        direction.planned[0]?.values,
      )
      expect(await batteryOnTheWire(rig)).toEqual(before)
      const sign = await rig.run('battery-sign.battery')
      expect(sign.verdict, sign.reason.text).toBe('passed')
      expectRestored(sign)
      expect(await batteryOnTheWire(rig)).toEqual(standby)
      expect(rig.problems).toEqual([])
    }),
  )

  it(
    'finds current transformers the wrong way round',
    measured(async () => {
      await using rig = await startRig()
      await rig.plant({ device: 'meter', fault: 'ct-reversed' })
      const run = await rig.run('meter-direction.meter')
      expect(run.verdict).toBe('failed')
      expect(measuredOf(run, 'direction')).toBeLessThan(-0.8)
      expect(failedKeys(run)).toEqual(['direction', 'direction.l1', 'direction.l2', 'direction.l3'])
      expectRestored(run)
    }),
  )

  it(
    'finds the one current transformer that is the wrong way round',
    measured(async () => {
      await using rig = await startRig()
      await rig.plant({ device: 'meter', fault: 'ct-reversed', phase: 'l2' })
      const run = await rig.run('meter-direction.meter')
      expect(run.verdict).toBe('failed')
      expect(failedKeys(run)).toEqual(['direction', 'direction.l2'])
    }),
  )

  it(
    'finds a wrong ratio, which has the right direction all the same',
    measured(async () => {
      await using rig = await startRig()
      await rig.plant({ device: 'meter', fault: 'ct-ratio', factor: 0.5 })
      const run = await rig.run('ct-ratio.meter')
      expect(run.verdict).toBe('failed')
      expect(measuredOf(run, 'ratio')).toBeGreaterThan(45)
      expect(measuredOf(run, 'ratio')).toBeLessThan(55)
      await rig.plant({ device: 'meter', fault: 'none' })
      expect((await rig.run('ct-ratio.meter')).verdict).toBe('passed')
    }),
  )

  it(
    'finds a battery that shows its power with the wrong sign, and not its meter',
    measured(async () => {
      await using rig = await startRig()
      await rig.plant({ device: 'battery', fault: 'sign-flipped' })
      const run = await rig.run('battery-sign.battery')
      expect(run.verdict).toBe('failed')
      expect(failedKeys(run)).toEqual(['power', 'powerSign'])
      expect(measuredOf(run, 'commandSign')).toBe(1)
      expect((await rig.run('meter-direction.meter')).verdict).toBe('passed')
    }),
  )

  it(
    'finds a command that is read back and has no effect, and one that is not even taken',
    measured(async () => {
      await using rig = await startRig({ site: homeSite, maps: {} })
      await rig.plant({ device: 'battery', fault: 'no-effect' })
      const run = await rig.run('command.battery.setPowerW')
      expect(run.verdict).toBe('failed')
      expect(failedKeys(run)).toEqual(['power'])
      expectRestored(run)
      await rig.plant({ device: 'battery', fault: 'drop-writes' })
      const dropped = await rig.run('command.battery.setPowerW')
      expect(dropped).toMatchObject({ verdict: 'failed', reason: { code: 'write-failed' } })
      await rig.plant({ device: 'battery', fault: 'none' })
      expect((await rig.run('command.battery.setPowerW')).verdict).toBe('passed')
    }),
  )

  it(
    'finds a device that never lets go, and puts its setpoint back',
    measured(async () => {
      await using rig = await startRig({ site: shortSite })
      await rig.plant({ device: 'battery', fault: 'no-reversion' })
      const run = await rig.run('ems-loss.battery.setPowerW')
      expect(run).toMatchObject({ verdict: 'failed', reason: { code: 'wrong' } })
      expect(run.reason.text).toMatch(/still holds/)
      expectRestored(run)
      expect(await batteryOnTheWire(rig)).toEqual(standby)
      const silent = await rig.run('comm-loss.battery.setPowerW')
      expect(silent).toMatchObject({ verdict: 'failed', reason: { code: 'wrong' } })
      expect(loadProofs(rig.folder)).toEqual({})
    }),
  )

  it(
    'proves that a device falls back, for the failsafe table',
    measured(async () => {
      await using rig = await startRig({ site: shortSite })
      const renewed = await rig.run('ems-loss.battery.setPowerW')
      expect(renewed.verdict, renewed.reason.text).toBe('passed')
      expect(Math.abs(measuredOf(renewed, 'fallbackValue') ?? Infinity)).toBeLessThan(100)
      const silent = await rig.run('comm-loss.battery.setPowerW')
      expect(silent.verdict, silent.reason.text).toBe('passed')
      const mapHash = silent.mapHashes['battery'] ?? ''
      const [entry] = failsafeOf(
        [
          {
            id: 'battery',
            name: 'Battery',
            mapHash,
            commands: new Map([['setPowerW', rig.commandOf('battery', 'setPowerW')]]),
          },
        ],
        loadProofs(rig.folder),
        () => undefined,
      )
      expect(entry?.proof).toMatchObject({ state: 'proven', by: 'maria', value: expect.any(Number) })
      // Nothing was asked of it meanwhile.
      expect(silent.trace.lanes.some(({ deviceId, samples }) => deviceId === 'battery' && samples.length > 0)).toBe(
        true,
      )
    }),
  )

  it(
    'finds a battery that follows too slowly',
    measured(async () => {
      await using rig = await startRig()
      await rig.plant({ device: 'battery', fault: 'sluggish', factor: 40 })
      const run = await rig.run('step.battery.setPowerW')
      expect(run.verdict).toBe('failed')
      expect(failedKeys(run)).toContain('settling')
      await rig.plant({ device: 'battery', fault: 'none' })
      const again = await rig.run('step.battery.setPowerW')
      expect(again.verdict, again.reason.text).toBe('passed')
      expect(again.trace.band).toBeDefined()
      expect(again.trace.marks.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['dead', 'ramp-end', 'settled']))
    }),
  )

  it(
    'finds an inverter that curtails too slowly, and lets it give everything afterwards',
    measured(async () => {
      await using rig = await startRig({ startMs: noon })
      await rig.plant({ device: 'inverter', fault: 'sluggish', factor: 60 })
      const run = await rig.run('step.inverter.limitPowerPercent')
      expect(run.verdict).toBe('failed')
      expect(failedKeys(run)).toContain('settling')
      expectRestored(run)
      await rig.plant({ device: 'inverter', fault: 'none' })
      const again = await rig.run('step.inverter.limitPowerPercent')
      expect(again.verdict, again.reason.text).toBe('passed')
      expectRestored(again)
    }),
  )

  it(
    'finds phases that are rotated, with a vehicle that charges on one',
    measured(async () => {
      const site = `
version: 3
name: Test
cycleMs: 1000
grids:
  - id: grid
    name: Grid
    connection: { id: main, name: Connection, fuseA: 100, meter: meter }
devices:
  - { id: meter, name: Grid meter, role: grid-meter, map: eastron/sdm630, connection: 'demo://meter' }
  - id: bay
    name: Bay
    role: charger
    map: r-ems/demo-charger
    connection: demo://charger-2
    phases: [l2, l3, l1]
    charger: { maxCurrentA: 32 }
`
      await using rig = await startRig({ site, chargers: 2 })
      expect(rig.check('phase-order.meter')).toMatchObject({ state: 'blocked', reason: { code: 'no-vehicle' } })
      await rig.plant({ charger: { number: 2, vehicle: { phases: 1, maxCurrentA: 32, wantedWh: 50_000 } } })
      await rig.until('phase-order.meter', 'ready')
      const right = await rig.run('phase-order.meter')
      expect(right).toMatchObject({ verdict: 'passed', byDeviceId: 'bay' })
      expect(measuredOf(right, 'phase')).toBe(2)
      await rig.plant({ device: 'meter', fault: 'phases-rotated' })
      const rotated = await rig.run('phase-order.meter')
      expect(rotated.verdict).toBe('failed')
      expect(measuredOf(rotated, 'phase')).toBe(3)
    }),
  )

  it(
    'tests the export limit through automatic control, and takes the limit back',
    measured(async () => {
      await using rig = await startRig({ startMs: noon, controlled: true })
      await rig.until('export-limit.main', 'ready')
      const run = await rig.run('export-limit.main')
      expect(run.verdict, run.reason.text).toBe('passed')
      expect(run.writes).toEqual([])
      expect(rig.runtime.model().site.grids[0]?.connection.maxExportW).toBe(20_000)
      rig.setControl(false)
      expect(rig.check('export-limit.main')).toMatchObject({ state: 'blocked', reason: { code: 'control-off' } })
    }),
  )
})
