import { describe, expect, test } from 'vitest'
import { constantSeries, type Inputs } from '../../../service/simulation/series.ts'
import { simulate, type SimulationOptions } from '../../../service/simulation/simulate.ts'
import { orders } from './fixed-controller.ts'
import { depotSite, homeSite, vesselSite } from './sites.ts'

const fromMs = Date.UTC(2026, 5, 1, 12)
const hour = 3_600_000
const inputs = (values: Readonly<Record<string, number>>, sessions: Inputs['sessions'] = []): Inputs => ({
  series: new Map(Object.entries(values).map(([name, value]) => [name, constantSeries(value)])),
  sessions,
})
const run = (options: Partial<SimulationOptions>) =>
  simulate({
    site: homeSite,
    fromMs,
    toMs: fromMs + hour,
    inputs: inputs({ 'main.loadW': 3000, 'pv.powerW': 0 }),
    controller: orders(() => []),
    ...options,
  })

describe('physics and accounts', () => {
  test('a house alone takes its energy from the grid, and it costs what the tariff says', () => {
    const report = run({})
    expect(report.energyWh.import).toBeCloseTo(3000, 6)
    expect(report.energyWh.house).toBeCloseTo(3000, 6)
    expect(report.energyWh.export).toBe(0)
    expect(report.cost).toMatchObject({ currency: 'EUR' })
    expect(report.cost.total).toBeCloseTo(0.9, 6)
    expect(report.peaks).toEqual([{ gridId: 'grid', peakW: expect.closeTo(3000, 3) as number }])
    expect(report.selfSufficiency).toBeCloseTo(0, 6)
  })

  test('energy balances with everything running', () => {
    const session = {
      charger: 'wallbox',
      fromMs,
      toMs: fromMs + 2 * hour,
      wantedWh: 50_000,
      phases: 3,
      maxCurrentA: 32,
    }
    const report = run({
      inputs: inputs({ 'main.loadW': 500, 'pv.powerW': 6000 }, [session as Inputs['sessions'][number]]),
      controller: orders(() => [
        { deviceId: 'battery', command: 'setPowerW', value: 2000 },
        { deviceId: 'wallbox', command: 'setCurrentA', value: 10 },
        { deviceId: 'heater', command: 'limitPowerW', value: 1200 },
      ]),
    })
    const { energyWh: e } = report
    expect(e.import + e.pv + e.batteryDischarge).toBeCloseTo(
      e.export + e.batteryCharge + e.chargers + e.loads + e.house,
      3,
    )
    expect(e.chargers).toBeGreaterThan(0.99 * 6900)
    expect(e.loads).toBeCloseTo(1200, -1)
    expect(e.house).toBeCloseTo(500, 3)
    expect(report.charging).toMatchObject({ sessions: 0, turnedAway: 0 })
  })

  test('export is paid by its price and PV can be curtailed', () => {
    const controller = orders(() => [{ deviceId: 'pv', command: 'limitPowerPercent', value: 50 }])
    const free = run({ inputs: inputs({ 'main.loadW': 0, 'pv.powerW': 6000 }) })
    const held = run({ inputs: inputs({ 'main.loadW': 0, 'pv.powerW': 6000 }), controller })
    expect(free.cost.total).toBeCloseTo(-0.48, 3)
    expect(held.energyWh.pv).toBeGreaterThan(3999)
    expect(held.energyWh.pv).toBeLessThan(4010)
    expect(held.energyWh.pvCurtailed).toBeCloseTo(6000 - held.energyWh.pv, 1)
  })

  test('a stay ends with what is missing, and a second vehicle at a taken charger is turned away', () => {
    const stay = { charger: 'wallbox', fromMs, toMs: fromMs + hour / 2, wantedWh: 10_000, phases: 1, maxCurrentA: 16 }
    const report = run({
      inputs: inputs({ 'main.loadW': 0, 'pv.powerW': 0 }, [
        stay as Inputs['sessions'][number],
        { ...stay, fromMs: fromMs + hour / 4 } as Inputs['sessions'][number],
      ]),
      controller: orders(() => [{ deviceId: 'wallbox', command: 'setCurrentA', value: 16 }]),
    })
    expect(report.charging).toMatchObject({ sessions: 1, turnedAway: 1, wantedWh: 10_000 })
    expect(report.charging.missingWh).toBeCloseTo(10_000 - 16 * 230 * 0.5, -1)
  })
})

describe('violations', () => {
  const overloaded = (seconds: number) => ({
    series: new Map([
      [
        'main.loadW.l2',
        {
          atMs: Float64Array.of(fromMs, fromMs + 60_000, fromMs + 60_000 + seconds * 1000),
          values: Float64Array.of(1000, 30 * 230, 1000),
        },
      ],
      ['pv.powerW', constantSeries(0)],
    ]),
    sessions: [],
  })
  const fuse = (seconds: number) => {
    const report = run({ inputs: overloaded(seconds), toMs: fromMs + 300_000 })
    return { report, l2: report.limits.find(({ limitId }) => limitId === 'main.fuse.l2')! }
  }

  test('what control cannot know or answer in time is no violation, but it is added up', () => {
    const { report, l2 } = fuse(2)
    expect(report.violations).toEqual({ physical: 0, safety: 0, economic: 0 })
    expect(l2).toMatchObject({ violations: 0, overS: 2, longestOverS: 2 })
    expect(l2.worstOver).toBeCloseTo(5, 6)
    expect(l2.overArea).toBeCloseTo(10, 6)
    expect(l2.allowedS).toBeCloseTo(0.5 + 1 + 2, 6)
  })

  test('what lasts longer is one, with its worst and its longest', () => {
    const { report, l2 } = fuse(20)
    expect(report.violations).toEqual({ physical: 1, safety: 0, economic: 0 })
    expect(l2).toMatchObject({ violations: 1, longestS: 20 })
    expect(l2.worst).toBeCloseTo(5, 6)
    expect(report.limits.find(({ limitId }) => limitId === 'main.fuse.l1')).toMatchObject({ overS: 0, violations: 0 })
  })

  test('a battery that discharges below its reserve breaks a safety limit', () => {
    const report = run({
      socPercent: 10,
      controller: orders(() => [{ deviceId: 'battery', command: 'setPowerW', value: 3000 }]),
    })
    expect(report.limits.find(({ limitId }) => limitId === 'battery.reserve')).toMatchObject({
      tier: 'safety',
      violations: 1,
    })
  })
})

describe('determinism', () => {
  test('the same run has the same digest, and another seed another one', () => {
    const controller = orders(({ readings }) => [
      { deviceId: 'battery', command: 'setPowerW', value: Number(readings.get('meter')?.get('powerW')?.value) },
    ])
    const digest = (seed: number) => run({ seed, controller, inputs: inputs({}) }).digest
    expect(digest(1)).toBe(digest(1))
    expect(digest(2)).not.toBe(digest(1))
  })

  test('the digest covers the sentences', () => {
    const said = (text: string) =>
      run({ controller: orders(() => [{ deviceId: 'battery', command: 'setPowerW', value: 0, text }]) }).digest
    expect(said('a')).not.toBe(said('b'))
  })

  test('measurements are as old as they are said to be', () => {
    const ages = new Set<number>()
    run({
      measureDelayMs: 500,
      toMs: fromMs + 10_000,
      onStep: (_grid, input) => void ages.add(input.readings.get('meter')!.get('powerW')!.ageMs),
    })
    expect([...ages]).toEqual([500])
    expect(() => run({ measureDelayMs: 1000 })).toThrow('shorter than a cycle')
  })

  test('each grid has its own cycle', () => {
    const site = depotSite(2, 63)
    const counts = run({ site: { ...site, grids: site.grids.map((grid) => ({ ...grid, cycleMs: 10_000 })) } })
    expect(counts.cycles).toBe(360)
  })
})

describe('two grids', () => {
  const discharging = orders(() => [{ deviceId: 'battery', command: 'setPowerW', value: 6000 }])
  const meters = (values: Readonly<Record<string, number>>) => {
    const seen = new Map<string, number>()
    const report = run({
      site: vesselSite,
      controller: discharging,
      inputs: inputs({ 'port-bus.loadW': 10_000, 'starboard-bus.loadW': 4000, ...values }),
      toMs: fromMs + 60_000,
      onStep(_grid, { readings }) {
        for (const id of ['meter-p', 'meter-s']) seen.set(id, Number(readings.get(id)?.get('powerW')?.value))
      },
    })
    return { report, port: seen.get('meter-p'), starboard: seen.get('meter-s') }
  }

  test('are apart while their tie is open, and the battery hangs on the first of its circuits', () => {
    expect(meters({})).toMatchObject({ port: 4000, starboard: 4000 })
  })

  test('the battery hangs where its own switch says', () => {
    expect(meters({ 'battery-relay.on': 2 })).toMatchObject({ port: 10_000, starboard: -2000 })
  })

  test('the first feeds both while the tie is closed', () => {
    expect(meters({ 'tie-relay.on': 1 })).toMatchObject({ port: 8000, starboard: 0 })
  })

  test('each has its own cycles and peak', () => {
    const { report } = meters({})
    expect(report.cycles).toBe(120)
    expect(report.peaks.map(({ gridId }) => gridId)).toEqual(['port', 'starboard'])
  })

  test('real control decides for the battery in one of them only, and is deterministic', () => {
    const decided = new Set<string>()
    const once = () =>
      simulate({
        site: vesselSite,
        fromMs,
        toMs: fromMs + 120_000,
        inputs: inputs({ 'port-bus.loadW': 10_000, 'starboard-bus.loadW': 4000, 'tie-relay.on': 1 }),
        onStep: (grid, _input, { decisions }) => void (decisions.length > 0 && decided.add(grid)),
      }).digest
    expect(once()).toBe(once())
    expect([...decided]).toEqual(['port'])
  })
})

test('real control keeps a depot behind its fuse and gives its vehicles what there is', () => {
  const report = simulate({
    site: depotSite(6, 63),
    fromMs: Date.UTC(2026, 5, 1, 17),
    toMs: Date.UTC(2026, 5, 1, 19),
    inputs: inputs({ 'main.loadW': 5000 }),
    steps: { perHour: 60, maxW: 4000 },
  })
  expect(report.violations).toEqual({ physical: 0, safety: 0, economic: 0 })
  expect(report.energyWh.chargers).toBeGreaterThan(20_000)
})

test('says which devices were not controlled, because their maps cannot', () => {
  const { leftAlone, energyWh } = simulate({
    site: homeSite,
    commands: new Map([['wallbox', new Set(['setCurrentA'] as const)]]),
    fromMs,
    toMs: fromMs + 60_000,
  })
  expect(leftAlone.find(({ deviceId }) => deviceId === 'battery')).toMatchObject({ cycles: 60 })
  expect(energyWh.batteryDischarge + energyWh.batteryCharge).toBe(0)
})
