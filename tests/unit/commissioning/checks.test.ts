import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { clockOffset } from '../../../service/commissioning/checks/device-clock.ts'
import { changeAt, letGoAt } from '../../../service/commissioning/checks/fallback.ts'
import { judged, open } from '../../../service/commissioning/checks/measure.ts'
import { integralOf, isSteady, medianOf, type Sample } from '../../../service/commissioning/checks/samples.ts'
import { readStep } from '../../../service/commissioning/checks/step-response.ts'
import { differenceOf, isDisturbed, phaseThatMoved } from '../../../service/commissioning/checks/switching.ts'
import { verdictOf } from '../../../service/runtime/checks/verdict.ts'
import { CheckEnd } from '../../../service/runtime/checks/session.ts'

/** A quantity as a function of seconds, looked at ten times a second. */
const trace = (untilS: number, value: (s: number) => number): Sample[] =>
  Array.from({ length: untilS * 10 + 1 }, (_, index) => ({ tMs: index * 100, value: value(index / 10) }))

describe('a step response', () => {
  /** 12 to 36 kW at 2 s: half a second of nothing, 15 kW/s, a little too far, then right. */
  const ramp = trace(14, (s) => {
    if (s < 2.5) return 12_000
    if (s < 4.1) return 12_000 + (s - 2.5) * 15_000
    return s < 4.6 ? 36_720 : 36_010
  })

  it('is read as a person would read it', () => {
    const found = readStep({ samples: ramp, from: 12_000, to: 36_000, band: 720, atMs: 2_000 })
    expect(found.deadS).toBeCloseTo(0.58, 1)
    expect(found.rampPerS).toBeCloseTo(15_000, -3)
    expect(found.overshootPercent).toBeCloseTo(3, 0)
    expect(found.settledS).toBeCloseTo(2.1, 1)
    expect(found.steadyError).toBeCloseTo(10, 0)
    expect(found.marks.map(({ kind }) => kind)).toEqual(['dead', 'ramp-start', 'ramp-end', 'peak', 'settled'])
  })

  it('has no dead time and no end where nothing ever moves', () => {
    const found = readStep({ samples: trace(10, () => 0), from: 0, to: 2_000, band: 60, atMs: 0 })
    expect(found).toMatchObject({ marks: [], steadyError: -2_000 })
    expect(found).not.toHaveProperty('deadS')
    expect(found).not.toHaveProperty('settledS')
  })

  it('is the same upside down', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.2, max: 3, noNaN: true }), fc.integer({ min: 500, max: 20_000 }), (tau, size) => {
        const up = trace(12, (s) => size * (1 - Math.exp(-s / tau)))
        const down = up.map(({ tMs, value }) => ({ tMs, value: 0 - value }))
        const of = (samples: Sample[], to: number) => readStep({ samples, from: 0, to, band: size * 0.03, atMs: 0 })
        const [a, b] = [of(up, size), of(down, 0 - size)]
        expect(b.deadS).toBe(a.deadS)
        expect(b.settledS).toBe(a.settledS)
        expect(b.rampPerS).toBeCloseTo(a.rampPerS ?? 0, 6)
        expect(b.overshootPercent).toBeCloseTo(a.overshootPercent ?? 0, 6)
      }),
      { numRuns: 100 },
    )
  })
})

describe('a switched load', () => {
  const levels = [false, true, false, true, false].map((on, index) => ({
    on,
    fromMs: index * 2_000 + 500,
    toMs: index * 2_000 + 2_000,
  }))
  const isOn = (s: number): boolean => Math.floor(s / 2) % 2 === 1

  it('is told from a drift, and from something else that jumps', () => {
    const drifting = differenceOf(
      trace(10, (s) => 500 * s + (isOn(s) ? 2_000 : 0)),
      levels,
    )
    expect(drifting?.value).toBeCloseTo(2_000, -2)
    const jumping = differenceOf(
      trace(10, (s) => (isOn(s) ? 2_000 : 0) + (s > 5 ? 3_000 : 0)),
      levels,
    )
    expect(jumping && isDisturbed(jumping, 2_000)).toBe(true)
    expect(differenceOf([], levels)).toBeUndefined()
  })

  it('is on the phase that moved most, or on none', () => {
    expect(phaseThatMoved([10, 2_000, -30])).toBe(2)
    expect(phaseThatMoved([700, 700, 700])).toBeUndefined()
    expect(phaseThatMoved([0, 0, 0])).toBeUndefined()
    expect(phaseThatMoved([undefined, undefined, -900])).toBe(3)
  })
})

describe('a device that is left alone', () => {
  it('lets go where it no longer holds the value, and not where it only dips', () => {
    const falls = trace(10, (s) => (s < 3 ? 2_000 : s < 4 ? 1_000 : s < 6 ? 2_000 : 0))
    expect(letGoAt(falls, 2_000, 200)?.tMs).toBe(6_000)
    expect(
      letGoAt(
        trace(5, () => 2_000),
        2_000,
        200,
      ),
    ).toBeUndefined()
  })

  it('is seen by a meter only when that changes as expected', () => {
    const meter = trace(10, (s) => (s < 5 ? -500 : 1_500))
    expect(changeAt(meter, 2_000, 300)?.tMs).toBeGreaterThan(4_500)
    expect(changeAt(meter, 2_000, 300)?.tMs).toBeLessThan(5_500)
    expect(changeAt(meter, -2_000, 300)).toBeUndefined()
    expect(changeAt(meter, 10_000, 300)).toBeUndefined()
  })
})

describe('a clock', () => {
  const at = Date.UTC(2026, 4, 20, 10, 0, 0)
  it.each([
    ['2026-05-20T12:00:07', 7, 7_200],
    ['2026-05-20T09:59:50', -10, 0],
    ['2026-05-20T15:30:01', 1, 19_800],
    ['2026-05-20T10:00:03Z', 3, 0],
    ['2026-05-20T12:00:03Z', 7_203, 0],
  ])('%s is %d s ahead in a zone of %d s', (text, offsetS, zoneS) => {
    expect(clockOffset(text, at)).toEqual({ offsetS, zoneS })
  })
  it('that shows another day, or no time, is not taken for a zone', () => {
    expect(clockOffset('2000-01-01T00:00:00', at)?.offsetS).toBeLessThan(-800_000_000)
    expect(clockOffset('noon', at)).toBeUndefined()
  })
})

describe('numbers', () => {
  it('integrate, stand still and have a middle', () => {
    expect(integralOf(trace(3_600, () => 1_000))).toBeCloseTo(1_000, 6)
    expect(integralOf([])).toBeUndefined()
    expect(
      isSteady(
        trace(2, (s) => 1_000 + s),
        1_000,
        2,
      ),
    ).toBe(true)
    expect(
      isSteady(
        trace(2, (s) => 1_000 * s),
        1_000,
        60,
      ),
    ).toBe(false)
    expect(
      isSteady(
        trace(0, () => 1),
        1_000,
        60,
      ),
    ).toBe(false)
    expect(medianOf([5, 1, 3])).toBe(3)
    expect(medianOf([])).toBeUndefined()
  })

  it.each([
    ['at-most', 5, 0, 5, 'passed'],
    ['at-most', 5, 0, 5.1, 'failed'],
    ['at-least', 0.5, 0, -1, 'failed'],
    ['within', 100, 5, 95, 'passed'],
    ['within', 100, 5, 94.9, 'failed'],
    ['exact', 2, 0, 3, 'failed'],
    ['info', undefined, undefined, 3, 'passed'],
    ['at-most', 5, 0, undefined, 'failed'],
  ] as const)('%s %s ± %s judges %s as %s', (rule, expected, tolerance, measured, state) => {
    const measure = open({
      key: 'power',
      unit: 'W',
      rule,
      ...(expected !== undefined && { expected }),
      ...(tolerance !== undefined && { tolerance }),
    })
    expect(judged(measure, measured).state).toBe(state)
  })
})

describe('a verdict', () => {
  const passed = judged(open({ key: 'power', unit: 'W', rule: 'at-most', expected: 5 }), 4)
  const failed = judged(open({ key: 'power', unit: 'W', rule: 'at-most', expected: 5 }), 6)
  const back = { deviceId: 'battery', command: 'setPowerW', unit: 'W', ok: true, text: '' } as const
  it.each([
    ['all of it is right', undefined, [passed], [back], 'passed'],
    ['one number is wrong', undefined, [passed, failed], [back], 'failed'],
    ['a number is missing', undefined, [passed, open({ key: 'ratio', unit: '%', rule: 'info' })], [], 'not-executed'],
    ['nothing was measured', undefined, [], [], 'not-executed'],
    ['it was aborted', new CheckEnd('aborted', 'x'), [passed], [back], 'interrupted'],
    ['other loads disturbed it', new CheckEnd('disturbed', 'x'), [], [back], 'interrupted'],
    ['its condition went away', new CheckEnd('no-load', 'x'), [], [back], 'not-executed'],
    ['the device did not take it', new CheckEnd('write-failed', 'x'), [], [back], 'failed'],
    ['it is right, and not put back', undefined, [passed], [{ ...back, ok: false }], 'failed'],
  ] as const)('when %s', (_, ended, measures, restored, verdict) => {
    expect(verdictOf(ended, measures, restored).verdict).toBe(verdict)
  })
})
