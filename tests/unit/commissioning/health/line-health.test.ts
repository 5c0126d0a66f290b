import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { busHealth } from '#contract/health.ts'
import { minutesKept } from '#contract/health-limits.ts'
import { createLineHealth, type Ending, type Exchange } from '../../../../service/commissioning/health/line-health.ts'

const speed = { characterMs: 10_000 / 9600, silenceMs: 35_000 / 9600 }
const endings: readonly Ending[] = ['answered', 'exception', 'crc', 'garbled', 'timeout']

const happening = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      unitId: fc.integer({ min: 0, max: 255 }),
      ending: fc.constantFrom(...endings),
      waitMs: fc.oneof(fc.double({ min: 0, max: 50, noNaN: true }), fc.double({ min: 0, max: 4e6, noNaN: true })),
      tookMs: fc.oneof(fc.double({ min: 0, max: 400, noNaN: true }), fc.double({ min: 0, max: 200_000, noNaN: true })),
      requestBytes: fc.integer({ min: 0, max: 256 }),
      answerBytes: fc.option(fc.integer({ min: 5, max: 256 }), { nil: undefined }),
      echoed: fc.boolean(),
      // Several may be under way on a network connection.
      overlapMs: fc.double({ min: 0, max: 300, noNaN: true }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ noise: fc.uint8Array({ maxLength: 300 }), underWay: fc.boolean() }) },
)

function exchange(more: Partial<Exchange> & { sentAtMs: number }): Exchange {
  const { sentAtMs } = more
  return {
    unitId: 1,
    ending: 'answered',
    endedAtMs: sentAtMs + 30,
    requestBytes: 8,
    answerBytes: 9,
    echoed: false,
    ...more,
  }
}

describe('what is counted of a line', () => {
  test('whatever happens, every share is in 0..100, every sum agrees and the memory is bounded', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 80 }), fc.boolean(), (happenings, serial) => {
        const health = createLineHealth(0, serial ? speed : undefined)
        let nowMs = 0
        for (const one of happenings) {
          if ('noise' in one) {
            health.noise(one.noise, one.underWay)
            continue
          }
          const { waitMs, tookMs, overlapMs, ...rest } = one
          const sentAtMs = Math.max(0, nowMs + waitMs - overlapMs)
          nowMs = Math.max(nowMs, sentAtMs + tookMs)
          health.exchanged({ ...rest, sentAtMs, endedAtMs: nowMs })
        }
        const { firstMinute, units, ...rest } = health.read(nowMs)
        const told = busHealth.parse({
          bus: 'rtu:///dev/x',
          line: 'serial',
          sinceMs: 0,
          firstMinuteMs: firstMinute * 60_000,
          discarded: 0,
          ...rest,
          units: units.map((unit) => ({ ...unit, devices: [] })),
        })
        const sent = happenings.filter((one) => !('noise' in one)).length
        expect(told.requests).toBe(sent)
        expect(told.answered + told.crcErrors + told.garbled + told.timeouts).toBe(sent)
        expect(told.units.reduce((sum, unit) => sum + unit.requests, 0)).toBe(sent)
        expect(told.minutes.length).toBeLessThanOrEqual(minutesKept)
        for (const unit of told.units) {
          expect(unit.minutes).toHaveLength(told.minutes.length)
          expect(unit.histogram.reduce((sum, one) => sum + one, 0)).toBe(unit.answered)
          if (unit.medianMs === undefined) continue
          expect(unit.medianMs).toBeGreaterThanOrEqual(unit.fastestMs! - 1e-9)
          expect(unit.medianMs).toBeLessThanOrEqual(unit.slowestMs! + 1e-9)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('minutes come and go, and an hour is kept', () => {
    const health = createLineHealth(0, speed)
    for (let minute = 0; minute < 90; minute++)
      health.exchanged(exchange({ sentAtMs: minute * 60_000 + 5, endedAtMs: minute * 60_000 + 30_005 }))
    const { minutes, firstMinute, loadPercent, requests } = health.read(90 * 60_000 - 1)
    expect(firstMinute).toBe(30)
    expect(minutes).toHaveLength(60)
    expect(minutes.every((one) => one.requests === 1 && Math.abs(one.loadPercent - 50) < 0.01)).toBe(true)
    expect(loadPercent).toBeCloseTo(50, 2)
    expect(requests).toBe(90)
  })

  test('a request across two minutes loads both', () => {
    const health = createLineHealth(0, speed)
    health.exchanged(exchange({ sentAtMs: 45_000, endedAtMs: 75_000, ending: 'timeout' }))
    expect(health.read(120_000).minutes.map(({ loadPercent }) => loadPercent)).toEqual([25, 25, 0])
  })

  test('few requests suggest nothing', () => {
    const health = createLineHealth(0, speed)
    for (let turn = 0; turn < 5; turn++) health.exchanged(exchange({ sentAtMs: turn * 100, ending: 'timeout' }))
    expect(health.read(1000).hints).toEqual([])
    health.exchanged(exchange({ sentAtMs: 2000, ending: 'timeout' }))
    expect(health.read(3000).hints).toEqual([{ kind: 'silence', units: [], evidence: { requests: 6, units: 1 } }])
  })

  test('trouble of a line with one unit only is not blamed on the unit', () => {
    const health = createLineHealth(0, speed)
    for (let turn = 0; turn < 100; turn++)
      health.exchanged(exchange({ sentAtMs: turn * 100, ending: turn % 5 === 0 ? 'crc' : 'answered' }))
    expect(health.read(20_000).hints).toEqual([])
  })
})
