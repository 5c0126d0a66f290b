import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { SiteEvent } from '#contract/api.ts'
import { atMost } from '../../../renderer/stores/at-most.ts'
import { balanceOf, niceCeiling } from '../../../renderer/stores/balance.ts'
import { groupByBus } from '../../../renderer/stores/bus-tree.ts'
import { mergeEvents } from '../../../renderer/stores/event-list.ts'
import { createHistory, type History } from '../../../renderer/stores/history.ts'
import { alignSeries, sumColumns } from '../../../renderer/stores/trend.ts'
import { flowOf } from './flow.ts'

const contents = (history: History): [number, number][] =>
  Array.from({ length: history.length }, (_, index) => [history.timeAt(index), history.valueAt(index)])

describe('history', () => {
  it('keeps the newest samples, oldest first, and ignores what is not newer', () => {
    const history = createHistory(3)
    for (const [atMs, value] of [
      [1, 10],
      [2, 20],
      [2, 99],
      [3, 30],
      [4, 40],
    ] as const)
      history.push(atMs, value)
    expect(contents(history)).toEqual([
      [2, 20],
      [3, 30],
      [4, 40],
    ])
  })
  it('puts a stored past before what came live', () => {
    const history = createHistory(10)
    history.push(5, 50)
    history.preload([
      { atMs: 3, value: 30 },
      { atMs: 4, value: 40 },
      { atMs: 6, value: 60 },
    ])
    expect(contents(history)).toEqual([
      [3, 30],
      [4, 40],
      [5, 50],
    ])
  })
  it('is never longer than its capacity and always in order of time', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.integer({ min: 1, max: 9 }), (times, capacity) => {
        const history = createHistory(capacity)
        for (const atMs of times) history.push(atMs, atMs)
        const kept = contents(history).map(([atMs]) => atMs)
        expect(kept.length).toBeLessThanOrEqual(capacity)
        expect(kept).toEqual([...new Set(kept)].toSorted((a, b) => a - b))
        if (times.length > 0) expect(kept.at(-1)).toBe(Math.max(...times))
      }),
    )
  })
})

describe('trends', () => {
  it('hold a value until the next one, but not for long', () => {
    const { timesMs, columns } = alignSeries(
      [
        [
          { atMs: 0, value: 1 },
          { atMs: 40, value: 2 },
        ],
        [{ atMs: 10, value: 5 }],
      ],
      15,
    )
    expect(timesMs).toEqual([0, 10, 40])
    expect(columns).toEqual([
      [1, 1, 2],
      [null, 5, null],
    ])
  })
  it('have no sum where a part is missing', () => {
    expect(
      sumColumns([
        [1, 2, null],
        [10, null, 30],
      ]),
    ).toEqual([11, null, null])
  })
})

describe('balance', () => {
  it('says what feeds the busbar and what takes from it', () => {
    const balance = balanceOf(flowOf({ grid: -500, pv: 4_000, battery: -1_500, load: 2_000 }))
    expect(balance).toEqual({
      inW: 4_000,
      outW: 4_000,
      sources: [{ kind: 'solar', powerW: 4_000 }],
      sinks: [
        { kind: 'load', powerW: 2_000 },
        { kind: 'battery', powerW: 1_500 },
        { kind: 'grid', powerW: 500 },
      ],
    })
  })
  it('is unknown when a part is not measured, and does without a battery that is not there', () => {
    expect(balanceOf(flowOf({ grid: 1, pv: 1, load: 2 }))).toBeUndefined()
    const without = flowOf({ grid: 1, pv: 1, load: 2 })
    expect(balanceOf({ ...without, battery: { ...without.battery, deviceIds: [] } })).toMatchObject({ inW: 2, outW: 2 })
  })
  it('balances whenever grid + solar + battery = load', () => {
    const watt = fc.integer({ min: -50_000, max: 50_000 })
    fc.assert(
      fc.property(watt, fc.nat(50_000), watt, (grid, pv, battery) => {
        fc.pre(grid + pv + battery >= 0)
        const balance = balanceOf(flowOf({ grid, pv, battery, load: grid + pv + battery }))
        expect(balance?.inW).toBe(balance?.outW)
      }),
    )
  })
  it.each([
    [0, 1],
    [7_300, 10_000],
    [10_000, 10_000],
    [10_001, 20_000],
    [130, 200],
  ])('scale for %s W is %s W', (powerW, scaleW) => expect(niceCeiling(powerW)).toBe(scaleW))
})

it('groups devices by bus in the order of the site', () => {
  const device = (id: string, bus: string, state: 'online' | 'silent') => ({
    id,
    name: id,
    bus,
    unitId: 1,
    link: { state },
  })
  const buses = groupByBus([device('a', 'x', 'online'), device('b', 'y', 'silent'), device('c', 'x', 'silent')])
  expect(buses.map(({ name, online, devices }) => [name, online, devices.map(({ id }) => id)])).toEqual([
    ['x', 1, ['a', 'c']],
    ['y', 0, ['b']],
  ])
})

describe('event list', () => {
  const event = (id: number): SiteEvent => ({ id, atMs: id, severity: 'info', code: 'x', message: `${id}` })
  it('is newest first with each event once, and bounded', () => {
    const merged = mergeEvents([event(5), event(4)], [event(6), event(5), event(3)], 3)
    expect(merged.map(({ id }) => id)).toEqual([6, 5, 4])
  })
  it('stays the same list when nothing is new', () => {
    const known = [event(2), event(1)]
    expect(mergeEvents(known, [event(1)], 10)).toBe(known)
  })
})

describe('at most four times per second', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())
  it('passes the first value at once, then always the newest', () => {
    const passed: number[] = []
    const take = atMost<number>(250, (value) => passed.push(value))
    for (let value = 0; value < 10; value += 1) {
      take(value)
      vi.advanceTimersByTime(100)
    }
    expect(passed).toEqual([0, 2, 4, 7, 9])
    vi.advanceTimersByTime(1_000)
    take(99)
    expect(passed.at(-1)).toBe(99)
  })
})
