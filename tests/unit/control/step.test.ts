import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { initialState, step } from '../../../service/control/step.ts'
import { fuseShare } from '../../../service/control/limits.ts'
import { loadOf } from '../../../service/domain/site-image.ts'
import { imageOf, testSite, type World } from './world.ts'

const run = (world: World, lastW?: number, elapsedS = 1) =>
  step(testSite, lastW === undefined ? initialState : { ...initialState, lastW }, imageOf(world), elapsedS)

const fuseW = 35 * fuseShare * 230

describe('step', () => {
  const cases: readonly [
    name: string,
    world: World,
    lastW: number | undefined,
    expectedW: number | undefined,
    rule: string,
  ][] = [
    [
      'covers import by discharging',
      { gridW: [300, 300, 300], pvW: 0, batteryW: 0, soc: 50 },
      0,
      900,
      'self-consumption',
    ],
    [
      'stores export by charging',
      { gridW: [-300, -200, -400], pvW: 3000, batteryW: 0, soc: 50 },
      0,
      -900,
      'self-consumption',
    ],
    [
      'leaves a small exchange alone',
      { gridW: [5, 5, 5], pvW: 0, batteryW: 700, soc: 50 },
      700,
      700,
      'self-consumption',
    ],
    ['keeps to the ramp', { gridW: [1500, 1500, 1500], pvW: 0, batteryW: 0, soc: 50 }, 0, 1000, 'ramp'],
    [
      'does not discharge below the reserve',
      { gridW: [300, 300, 300], pvW: 0, batteryW: 0, soc: 14 },
      0,
      0,
      'soc-floor',
    ],
    [
      'does not charge above the ceiling',
      { gridW: [-300, -300, -300], pvW: 2000, batteryW: 0, soc: 96 },
      0,
      0,
      'soc-ceiling',
    ],
    [
      'stays at rest with unknown state of charge',
      { gridW: [300, 300, 300], pvW: 0, batteryW: 0 },
      0,
      0,
      'soc-unknown',
    ],
    [
      'obeys what the device says it can charge',
      { gridW: [-300, -300, -300], pvW: 2000, batteryW: 0, soc: 50, chargeLimitW: 500 },
      0,
      -500,
      'battery-charge-limit',
    ],
    ['goes to zero when the meter is silent', { pvW: 0, batteryW: 2000, soc: 50 }, 2000, 0, 'input-missing'],
    [
      'goes to zero when the meter is stale',
      { gridW: [300, 300, 300], gridAgeMs: 3100, pvW: 0, batteryW: 2000, soc: 50 },
      2000,
      0,
      'input-missing',
    ],
    ['writes nothing to a battery it cannot read', { gridW: [300, 300, 300], pvW: 0 }, undefined, undefined, ''],
    [
      'starts from the setpoint found in the device',
      { gridW: [1500, 1500, 1500], pvW: 0, batteryW: 2000, soc: 50, setpointW: 2000 },
      undefined,
      3000,
      'ramp',
    ],
    // 9000 W on L2 is 39.1 A: relief acts at once, past the ramp and below the reserve.
    [
      'relieves the fuse at once',
      { gridW: [2000, 9000, 2000], pvW: 0, batteryW: 0, soc: 50 },
      0,
      Math.round(3 * (9000 - fuseW)),
      'main-fuse',
    ],
    [
      'relieves the fuse even below the reserve',
      { gridW: [2000, 9000, 2000], pvW: 0, batteryW: 0, soc: 10 },
      0,
      Math.round(3 * (9000 - fuseW)),
      'main-fuse',
    ],
    [
      'relieves the fuse with unknown state of charge',
      { gridW: [2000, 9000, 2000], pvW: 0, batteryW: 0 },
      0,
      Math.round(3 * (9000 - fuseW)),
      'main-fuse',
    ],
    [
      'does as much as the battery can for the fuse',
      { gridW: [2000, 12_000, 2000], pvW: 0, batteryW: 0, soc: 50 },
      0,
      6000,
      'battery-discharge-limit',
    ],
    [
      'does not discharge into an export fuse',
      { gridW: [-7800, 4000, 4000], pvW: 9000, batteryW: 0, soc: 50 },
      0,
      Math.round(3 * (fuseW - 7800)),
      'main-fuse',
    ],
  ]
  it.each(cases)('%s', (_name, world, lastW, expectedW, rule) => {
    const { decisions } = run(world, lastW)
    expect(decisions[0]?.setpoint.value).toBe(expectedW)
    expect(decisions[0]?.reasons[0]?.rule ?? '').toBe(rule)
  })

  it('releases the reserve only one percent above it', () => {
    const low = run({ gridW: [300, 300, 300], pvW: 0, batteryW: 0, soc: 15 }, 0)
    const state = low.state
    const within = step(testSite, state, imageOf({ gridW: [300, 300, 300], pvW: 0, batteryW: 0, soc: 15.5 }), 1)
    const above = step(testSite, within.state, imageOf({ gridW: [300, 300, 300], pvW: 0, batteryW: 0, soc: 16.1 }), 1)
    expect(within.decisions[0]?.setpoint.value).toBe(0)
    expect(above.decisions[0]?.setpoint.value).toBe(900)
  })

  it('marks the limit that decided', () => {
    const { limits } = run({ gridW: [2000, 9000, 2000], pvW: 0, batteryW: 0, soc: 50 }, 0)
    expect(limits.find(({ id }) => id === 'main-fuse.l2')).toMatchObject({ binding: true, violated: true, limit: 35 })
    expect(limits.find(({ id }) => id === 'battery-reserve')).toMatchObject({ binding: false, violated: false })
  })

  it('shows no number for what is not measured', () => {
    const { limits } = run({ pvW: 0, batteryW: 0 }, 0)
    expect(limits.find(({ id }) => id === 'main-fuse.l1')).not.toHaveProperty('value')
    expect(limits.find(({ id }) => id === 'battery-reserve')).not.toHaveProperty('value')
  })
})

const watt = fc.integer({ min: -15_000, max: 15_000 })
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 6 })
const anyWorld: fc.Arbitrary<World> = fc.record({
  gridW: maybe(fc.tuple(watt, watt, watt)),
  pvW: maybe(fc.integer({ min: -20, max: 15_000 })),
  batteryW: maybe(fc.integer({ min: -6000, max: 6000 })),
  soc: maybe(fc.double({ min: 0, max: 100, noNaN: true })),
  setpointW: maybe(fc.integer({ min: -6000, max: 6000 })),
})

describe('step, for any site', () => {
  it('S6: no decision leaves a phase over the fuse when the battery could have prevented it', () => {
    fc.assert(
      fc.property(anyWorld, fc.integer({ min: -6000, max: 6000 }), (world, lastW) => {
        const { decisions } = run(world, lastW)
        const value = decisions[0]?.setpoint.value
        if (value === undefined || !world.gridW || world.batteryW === undefined) return
        const worst = (batteryW: number): number =>
          Math.max(
            ...(world.gridW ?? []).map((phaseW) => Math.abs(phaseW - (batteryW - (world.batteryW ?? 0)) / 3) / 230),
          )
        const reachable = Array.from({ length: 241 }, (_, index) => worst(-6000 + index * 50))
        if (Math.min(...reachable) < 35 * fuseShare) expect(worst(value)).toBeLessThan(35)
      }),
      { numRuns: 2_000 },
    )
  })

  it('S5: without grid power it neither charges nor discharges, except for a physical limit', () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        const value = run({ ...world, gridW: undefined }, 500).decisions[0]?.setpoint.value
        expect(value).toBe(0)
      }),
    )
  })

  it('S5: unknown state of charge gives no economic power', () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        const decision = run({ ...world, soc: undefined }, 0).decisions[0]
        if (decision && decision.setpoint.value !== 0)
          expect(decision.reasons.some(({ rule }) => rule === 'main-fuse')).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })

  it('stays inside the capability and is deterministic', () => {
    fc.assert(
      fc.property(anyWorld, fc.integer({ min: -9000, max: 9000 }), (world, lastW) => {
        const first = run(world, lastW)
        expect(JSON.stringify(run(world, lastW))).toBe(JSON.stringify(first))
        for (const { setpoint } of first.decisions) expect(Math.abs(setpoint.value)).toBeLessThanOrEqual(6000)
      }),
      { numRuns: 1_000 },
    )
  })

  it('the powers balance: grid + pv + battery = load', () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        const load = loadOf(imageOf(world))
        const parts = [world.gridW, world.pvW, world.batteryW]
        expect(load.ok).toBe(parts.every((part) => part !== undefined))
        if (load.ok && world.gridW)
          expect(load.value).toBeCloseTo(
            world.gridW[0] + world.gridW[1] + world.gridW[2] + Math.max(0, world.pvW ?? 0) + (world.batteryW ?? 0),
            6,
          )
      }),
    )
  })
})
