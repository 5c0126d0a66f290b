import { describe, expect, test } from 'vitest'
import { EdgeError } from '#contract/errors.ts'
import { parseCsvInput } from '../../../service/simulation/csv.ts'
import { createSampler } from '../../../service/simulation/series.ts'

const parse = (text: string, rename: readonly [string, string][] = []) => parseCsvInput(text, 'in.csv', new Map(rename))
const start = Date.UTC(2026, 0, 1)

describe('time series', () => {
  test.each([
    ['time,main.loadW\n2026-01-01T00:00:00Z,100\n2026-01-01T01:00:00Z,200\n'],
    ['timestamp_utc,main.loadW\n2026-01-01 00:00:00,100\n2026-01-01 01:00:00,200\n'],
    [`atMs,main.loadW\r\n${start},100\r\n${start + 3_600_000},200\r\n`],
    ['time,main.loadW\n2026-01-01T01:00:00+01:00,100\n2026-01-01T02:00:00+01:00,200\n'],
  ])('understands %j', (text) => {
    const sampler = createSampler(parse(text).series.get('main.loadW')!)
    expect(sampler.at(start - 1)).toBeUndefined()
    expect(sampler.at(start)).toBe(100)
    expect(sampler.at(start + 3_599_999)).toBe(100)
    expect(sampler.at(start + 3_600_000)).toBe(200)
    expect(sampler.at(start + 9e9)).toBe(200)
    // Also backwards.
    expect(sampler.at(start)).toBe(100)
  })

  test('an empty field is no measurement: the value before it goes on', () => {
    const { series } = parse('time,a.powerW,b.powerW\n2026-01-01T00:00Z,1,\n2026-01-01T01:00Z,,2\n')
    expect([...series.get('a.powerW')!.values]).toEqual([1])
    expect([...series.get('b.powerW')!.values]).toEqual([2])
  })

  test('renames columns, and leaves out those that name nothing', () => {
    const { series } = parse('timestamp_utc,load_w,note\n2026-01-01T00:00Z,5,6\n', [['load_w', 'main.loadW']])
    expect([...series.keys()]).toEqual(['main.loadW'])
  })

  test.each([
    ['a.powerW,b.powerW\n1,2\n', 'line 1: no column for the time'],
    ['time,load_w\n2026-01-01T00:00Z,1\n', 'line 1: no column is named DEVICE.METRIC'],
    ['time,a.powerW\nyesterday,1\n', 'line 2: "yesterday" is not a time'],
    ['time,a.powerW\n2026-01-01T00:00Z,1\n2026-01-01T00:00Z,1\n', 'line 3: 2026-01-01T00:00Z is not after'],
    ['time,a.powerW\n2026-01-01T00:00Z,NaN\n', 'line 2: "NaN" in a.powerW is not a number'],
    ['arrival,departure,energyWh\n2026-01-01T02:00Z,2026-01-01T01:00Z,5\n', 'line 2: not an arrival'],
    ['arrival,departure,energyWh,phases\n2026-01-01T00:00Z,2026-01-01T01:00Z,5,4\n', 'phases are 1, 2 or 3'],
  ])('refuses %j', (text, words) => {
    expect(() => parse(text)).toThrow(EdgeError)
    expect(() => parse(text)).toThrow(words)
  })
})

test('stays of vehicles, also under the names of public data', () => {
  const { sessions } = parse(
    'timestamp_arrival_utc,timestamp_departure_utc,energy_wh,garage\n2026-01-01T00:00:00Z,2026-01-01T02:00:00Z,7000,AdO3\n',
  )
  expect(sessions).toEqual([{ fromMs: start, toMs: start + 7_200_000, wantedWh: 7000, phases: 3, maxCurrentA: 32 }])
})
