import { beforeEach, describe, expect, it } from 'vitest'
import { site as siteSchema } from '#contract/site.ts'
import type { AgedReading, Readings } from '../../../service/domain/measured.ts'
import { compileSite } from '../../../service/domain/site-model.ts'
import { createFrozenMeters, type FrozenMeters } from '../../../service/runtime/frozen-meters.ts'

const model = compileSite(
  siteSchema.parse({
    version: 3,
    name: 'Test',
    grids: [{ id: 'grid', name: 'Grid', connection: { id: 'main', name: 'Main', fuseA: 40, meter: 'meter' } }],
    devices: [
      { id: 'meter', name: 'Meter', role: 'grid-meter', map: 'eastron/sdm630', connection: 'tcp://10.0.0.1' },
      {
        id: 'car',
        name: 'Bay',
        role: 'charger',
        map: 'r-ems/demo-charger',
        connection: 'tcp://10.0.0.2',
        charger: {},
      },
    ],
  }),
)

/** Polled every 500 ms. */
describe('a meter that answers and always says the same', () => {
  let meters: FrozenMeters
  let nowMs: number
  let events: string[]

  beforeEach(() => {
    nowMs = 1_000_000
    events = []
    meters = createFrozenMeters(model, () => false, {
      raise: (key) => void events.push(`raise ${key}`),
      clear: (key) => void events.push(`clear ${key}`),
    })
  })

  /** One poll of both; whether the meter is believed. */
  function poll(meterW: number, carW: number): boolean {
    nowMs += 500
    const reading = (value: number): AgedReading => ({ value, quality: 'good', atMs: nowMs, ageMs: 10 })
    const readings: Readings = new Map([
      ['meter', new Map([['powerW', reading(meterW)]])],
      ['car', new Map([['powerW', reading(carW)]])],
    ])
    const shown = meters.look(readings, nowMs).get('meter')?.get('powerW')
    expect(shown?.value).toBe(shown?.quality === 'good' ? meterW : undefined)
    return shown?.quality === 'good'
  }
  const live = (polls: number): void => {
    for (let at = 0; at < polls; at += 1) expect(poll(5000 + at, 2000)).toBe(true)
  }
  /** Polls with these values until it is not believed, s. */
  function untilFrozen(meterW: number, carW: number, atMostS: number): number | undefined {
    const startMs = nowMs
    while (nowMs < startMs + atMostS * 1000) if (!poll(meterW, carW)) return (nowMs - startMs) / 1000
    return undefined
  }

  it('is not believed once it has stood still for longer than it ever does', () => {
    live(20)
    expect(untilFrozen(6000, 2000, 60)).toBe(6)
    expect(events).toEqual(['raise frozen meter'])
    expect(poll(6001, 2000)).toBe(true)
    expect(events).toEqual(['raise frozen meter', 'clear frozen meter'])
  })

  it('is not believed when a device moves and it does not', () => {
    live(20)
    poll(6000, 2000)
    expect(untilFrozen(6000, 3000, 60)).toBe(2.5)
  })

  it('has longer to show what devices do while nothing is known of it', () => {
    poll(6000, 2000)
    expect(untilFrozen(6000, 2000, 600)).toBeUndefined()
    expect(untilFrozen(6000, 3000, 60)).toBe(6)
  })

  it('is believed when it is slow by nature', () => {
    for (let at = 0; at < 30; at += 1)
      for (let repeat = 0; repeat < 8; repeat += 1) expect(poll(5000 + at, 2000)).toBe(true)
    // Seen to stand still for 3.5 s: nothing at all may move for 17.5 s.
    expect(untilFrozen(6000, 2000, 60)).toBe(18.5)
  })

  it('is not taken for slow because it was not asked for a while', () => {
    live(20)
    nowMs += 10_000
    live(5)
    expect(untilFrozen(6000, 2000, 60)).toBe(6)
  })

  it('is believed for as long as nothing flows through it, whatever devices on an island do', () => {
    live(20)
    expect(untilFrozen(0, 2000, 600)).toBeUndefined()
    expect(untilFrozen(0, 9000, 600)).toBeUndefined()
  })

  it('is not judged by less than its resolution', () => {
    poll(6000, 2000)
    expect(untilFrozen(6000, 2200, 600)).toBeUndefined()
  })
})
