import { describe, expect, it } from 'vitest'
import type { Device, DevicePoint, LimitState, SetpointState } from '#contract/api.ts'
import { sparkPath } from '../../../renderer/charts/spark-path.ts'
import { backoffMs } from '../../../renderer/client/backoff.ts'
import { parseLiveMessage } from '../../../renderer/client/live-message.ts'
import { pointRows } from '../../../renderer/screens/bus/point-rows.ts'
import {
  gridState,
  headroom,
  limitLead,
  lineWidth,
  ownShare,
  setpointVerb,
  towardsBusbar,
} from '../../../renderer/screens/site/sentences.ts'
import { type Command, matchCommands } from '../../../renderer/shell/commands.ts'
import { createHistory } from '../../../renderer/stores/history.ts'
import { flowOf } from './flow.ts'

describe('sentences of the site', () => {
  it('tell how much of the load is own', () => {
    expect(ownShare(flowOf({ grid: 500, pv: 1_500, battery: 0, load: 2_000 }))).toBeCloseTo(0.75)
    expect(ownShare(flowOf({ grid: -500, pv: 2_500, battery: 0, load: 2_000 }))).toBe(1)
    expect(ownShare(flowOf({ grid: 0, pv: 0, battery: 0, load: 0 }))).toBeUndefined()
    expect(ownShare(flowOf({ pv: 0, battery: 0 }))).toBeUndefined()
  })
  it('call small powers rest, and missing ones unknown', () => {
    expect([4, -4, 400, -400, undefined].map((powerW) => gridState(powerW))).toEqual([
      'atRest',
      'atRest',
      'importing',
      'exporting',
      'unknown',
    ])
    expect([4, 400, -400, undefined].map((powerW) => towardsBusbar(powerW))).toEqual([0, 1, -1, 0])
  })
  it('draw lines from 2 to 16 pixels', () => {
    expect([0, 5_000, 10_000, 99_000, undefined].map((powerW) => lineWidth(powerW, 10_000))).toEqual([2, 9, 16, 16, 2])
  })
  it('say charge, discharge and hold', () => {
    const setpoint = (command: string, value: number): SetpointState => ({
      deviceId: 'b',
      command,
      unit: 'W',
      value,
      outcome: 'written',
      reasons: [{ rule: 'r', tier: 'economic', text: 't' }],
    })
    expect([-1, 0, 1].map((value) => setpointVerb(setpoint('setPowerW', value)))).toEqual([
      'charge',
      'hold',
      'discharge',
    ])
    expect(setpointVerb(setpoint('limitPowerPercent', 60))).toBe('other')
  })
})

describe('limits', () => {
  const limit = (id: string, value: number | undefined, changes: Partial<LimitState> = {}): LimitState => ({
    id,
    title: id,
    unit: 'A',
    limit: 35,
    kind: 'ceiling',
    binding: false,
    violated: false,
    ...(value !== undefined && { value }),
    ...changes,
  })
  it('lead with what is exceeded, then with what binds, then with the nearest', () => {
    const calm = [limit('far', 3), limit('near', 33), limit('unknown', undefined)]
    const binding = limit('binding', 10, { binding: true })
    const violated = limit('over', 40, { violated: true })
    expect(limitLead([...calm, binding, violated])).toMatchObject({ kind: 'violated', limit: { id: 'over' } })
    expect(limitLead([...calm, binding])).toMatchObject({ kind: 'binds', limit: { id: 'binding' } })
    expect(limitLead(calm)).toMatchObject({ kind: 'nearest', limit: { id: 'near' } })
    expect(limitLead([])).toEqual({ kind: 'none' })
  })
  it('leave headroom up to a ceiling and down to a floor, never less than none', () => {
    expect(headroom(limit('c', 30))).toBe(5)
    expect(headroom(limit('c', 40))).toBe(0)
    expect(headroom(limit('f', 50, { kind: 'floor', limit: 20 }))).toBe(30)
    expect(headroom(limit('u', undefined))).toBeUndefined()
  })
})

describe('rows of the point table', () => {
  const point = (name: string, pollGroup: string, quality?: 'good' | 'stale' | 'bad', address = 40): DevicePoint => ({
    name,
    title: `Title ${name}`,
    unit: 'W',
    type: 'int16',
    pollGroup,
    address,
    ...(quality && { reading: { quality, atMs: 0 } }),
  })
  const device: Device = {
    id: 'd',
    name: 'D',
    role: 'sensor',
    map: 'm/d',
    connection: 'tcp://h',
    unitId: 1,
    bus: 'tcp://h',
    simulated: false,
    link: { state: 'online', requests: 0, failures: 0 },
    commands: [],
    pollGroups: [
      {
        name: 'fast',
        everyMs: 1000,
        requests: [
          { function: 'input', address: 0, count: 30 },
          { function: 'input', address: 60, count: 4 },
        ],
      },
      { name: 'slow', everyMs: 60_000, requests: [] },
    ],
    points: [point('powerW', 'fast', 'good'), point('faults', 'derived'), point('energyWh', 'fast', 'stale', 255)],
  }
  const keys = (text: string, notGood = false): string[] => pointRows(device, { text, notGood }).map(({ key }) => key)
  it('stand under their poll group, unknown groups last, empty groups not at all', () => {
    expect(keys('')).toEqual(['group/fast', 'powerW', 'energyWh', 'group/derived', 'faults'])
    expect(pointRows(device, { text: '', notGood: false })[0]).toMatchObject({ words: 34 })
  })
  it('are found by words of name and title and by address', () => {
    expect(keys('title ENERGY')).toEqual(['group/fast', 'energyWh'])
    expect(keys('0x00ff')).toEqual(['group/fast', 'energyWh'])
    expect(keys('nothing')).toEqual([])
  })
  it('can be reduced to what is not good', () => {
    expect(keys('', true)).toEqual(['group/fast', 'energyWh', 'group/derived', 'faults'])
  })
})

describe('sparkline', () => {
  const history = createHistory(100)
  for (const [atMs, value] of [
    [0, 100],
    [30_000, 100],
    [45_000, 300],
    [60_000, 200],
  ] as const)
    history.push(atMs, value)
  it('spans the window and the values in it', () => {
    expect(sparkPath(history, 60_000, 60_000, 76, 17)).toBe('M0.0 16.0L38.0 16.0L57.0 1.0L76.0 8.5')
  })
  it('is empty when the window has fewer than two samples', () => {
    expect(sparkPath(history, 119_000, 60_000, 76, 17)).toBe('')
  })
  it('does not blow noise up', () => {
    const calm = createHistory(10)
    calm.push(0, 230)
    calm.push(60_000, 230.01)
    expect(sparkPath(calm, 60_000, 60_000, 76, 17)).toMatch(/^M0\.0 8\.\dL76\.0 8\.\d$/)
  })
})

describe('client', () => {
  it('waits from half a second to 15 seconds before it tries again', () => {
    expect([1, 2, 3, 6, 60].map((attempt) => backoffMs(attempt, 0))).toEqual([500, 1_000, 2_000, 15_000, 15_000])
    expect(backoffMs(3, 1)).toBe(1_500)
  })
  it('takes only frames with a known type and data', () => {
    expect(parseLiveMessage('{"type":"error","data":{"message":"m"}}')).toEqual({
      type: 'error',
      data: { message: 'm' },
    })
    for (const bad of [
      '',
      '[]',
      'null',
      '{"type":"status"}',
      '{"type":"other","data":{}}',
      '{"type":"event","data":1}',
    ])
      expect(parseLiveMessage(bad)).toBeUndefined()
  })
})

it('finds commands by every word typed, best match first', () => {
  const command = (id: string, title: string, hint?: string): Command => ({
    id,
    group: 'devices',
    title,
    run: () => undefined,
    ...(hint !== undefined && { hint }),
  })
  const commands = [
    command('a', 'Grid meter', 'unit 1'),
    command('b', 'Weather mast', 'unit 7 meteo'),
    command('c', 'Meteor'),
  ]
  const found = (typed: string): string[] => matchCommands(commands, typed).map(({ id }) => id)
  expect(found('met')).toEqual(['a', 'c', 'b'])
  expect(found('unit mast')).toEqual(['b'])
  expect(found('')).toHaveLength(3)
})
