import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RegisterSnapshot, WatchedBlock } from '#contract/workbench-registers.ts'
import { addressBases, formatAddress, parseAddress } from '../../../renderer/format/registers.ts'
import {
  decodeNumber,
  decodeShown,
  decodeText,
  type Decoding,
} from '../../../renderer/screens/bus/registers/decodings.ts'
import { createRegisterImage } from '../../../renderer/screens/bus/registers/register-image.ts'
import { filterRows, pointValue, sortByChange } from '../../../renderer/screens/bus/registers/register-rows.ts'

const word = fc.integer({ min: 0, max: 0xffff })
const words = (count: number) => fc.array(word, { minLength: count, maxLength: count })

/** The same by Python: format of struct, number of words, whether the words are turned round. */
const byPython: Readonly<Record<Exclude<Decoding, 'text' | 'bits'>, readonly [string, number, boolean]>> = {
  uint16: ['H', 1, false],
  int16: ['h', 1, false],
  uint32: ['I', 2, false],
  'uint32-swapped': ['I', 2, true],
  int32: ['i', 2, false],
  'int32-swapped': ['i', 2, true],
  float32: ['f', 2, false],
  'float32-swapped': ['f', 2, true],
  uint64: ['Q', 4, false],
  int64: ['q', 4, false],
  float64: ['d', 4, false],
}
const script = `
import json, struct, sys
out = []
for form, words, swapped in json.load(sys.stdin):
    raw = struct.pack('>%dH' % len(words), *(reversed(words) if swapped else words))
    out.append(repr(struct.unpack('>' + form, raw)[0]))
print(json.dumps(out))
`

describe('decodings', () => {
  it('are those of an independent decoder', () => {
    const samples = fc.sample(words(4), { numRuns: 300, seed: 7 })
    const asked = Object.entries(byPython).flatMap(([decoding, [form, count, swapped]]) =>
      samples.map((all) => ({ decoding: decoding as Decoding, form, words: all.slice(0, count), swapped })),
    )
    const input = JSON.stringify(asked.map(({ form, words: some, swapped }) => [form, some, swapped]))
    const python = spawnSync('/usr/bin/python3', ['-c', script], { input, encoding: 'utf8', maxBuffer: 1e8 })
    expect(python.status, python.stderr).toBe(0)
    const answers = JSON.parse(python.stdout) as string[]
    expect(answers).toHaveLength(asked.length)
    for (const [at, { decoding, words: some }] of asked.entries()) {
      const mine = decodeNumber(some, decoding)
      const theirs = answers[at] ?? ''
      const same =
        typeof mine === 'bigint'
          ? String(mine) === theirs
          : Object.is(mine, theirs === 'nan' ? Number.NaN : Number(theirs.replace('inf', 'Infinity')))
      expect(same, `${decoding} of ${some.join(' ')}: ${mine}, not ${theirs}`).toBe(true)
    }
  })

  it('are nothing where there are too few words', () => {
    expect(decodeNumber([1], 'uint32')).toBeUndefined()
    expect(decodeNumber([1, 2, 3], 'float64')).toBeUndefined()
    expect(decodeShown([], 'uint16')).toBe('\u2014')
  })

  it('are written so that people can read them', () => {
    expect(decodeShown([0xfff6], 'int16')).toBe('\u221210')
    expect(decodeShown([0x4366, 0x8000], 'float32')).toBe('230.5000')
    expect(decodeShown([0x7fc0, 0], 'float32')).toBe('NaN')
    expect(decodeShown([0x00ff, 0xffff, 0xffff, 0xffff], 'uint64')).toBe(
      '72\u202F057\u202F594\u202F037\u202F927\u202F935',
    )
    expect(decodeShown([0x5], 'bits')).toBe('0000 0000 0000 0101')
    expect(decodeText([0x4143, 0x4d45, 0x0141, 0x0042])).toBe('ACME.A')
  })
})

describe('addresses', () => {
  it('are written as each manual does, and found again', () => {
    expect(addressBases.map((base) => formatAddress(40_069, base, 3))).toEqual(['0x9C85', '40069', '40070', '440070'])
    expect([1, 2, 3, 4].map((fn) => formatAddress(0, 'classic', fn))).toEqual(['000001', '100001', '400001', '300001'])
    expect(formatAddress(40, 'classic')).toBe('40')
    fc.assert(
      fc.property(word, fc.constantFrom(...addressBases), fc.constantFrom(1, 2, 3, 4), (address, base, fn) => {
        expect(parseAddress(formatAddress(address, base, fn), base, fn)).toBe(address)
      }),
    )
    expect(parseAddress('0x28', 'one', 3)).toBe(40)
    expect(['', 'x', '0x12345', '70000', '-1'].map((text) => parseAddress(text, 'dec', 3))).toEqual(
      Array.from({ length: 5 }),
    )
  })
})

describe('an image of registers', () => {
  const snapshotOf = (table: Readonly<Record<number, number>>, moved: readonly number[] = []): RegisterSnapshot => ({
    kind: 'snapshot',
    name: '',
    bus: 'tcp://10.0.0.5:502',
    unitId: 1,
    takenAtMs: 500,
    takenBy: 'test',
    baseline: { readings: 3, overMs: 100 },
    tables: [{ fn: 3, words: { ...table }, moved: [...moved] }],
    refused: [],
  })
  const read = (address: number, some: readonly number[], atMs: number): WatchedBlock => ({
    fn: 3,
    address,
    words: [...some],
    atMs,
  })

  it('has each register once, in order, and reads across those that follow each other only', () => {
    const image = createRegisterImage([
      { fn: 3, address: 10, count: 3 },
      { fn: 3, address: 11, count: 4 },
      { fn: 1, address: 5, count: 1 },
    ])
    expect(Array.from({ length: image.size }, (_, row) => [image.fnAt(row), image.addressAt(row)])).toEqual([
      [1, 5],
      [3, 10],
      [3, 11],
      [3, 12],
      [3, 13],
      [3, 14],
    ])
    image.apply([read(10, [1, 2, 3], 1000)], [{ fn: 3, address: 14, code: 2 }])
    expect(image.wordsAt(1, 8)).toEqual([1, 2, 3])
    expect(image.wordsAt(0, 2)).toEqual([])
    expect([image.rowOf(3, 9), image.rowOf(3, 12), image.refusalAt(5)]).toEqual([-1, 3, 2])
  })

  it('shows what changed since a snapshot and had been calm before, and counts the rest', () => {
    fc.assert(
      fc.property(words(20), words(20), fc.uniqueArray(fc.integer({ min: 0, max: 19 })), (before, after, moved) => {
        const image = createRegisterImage([{ fn: 3, address: 0, count: 20 }])
        image.apply([read(0, after, 1000)], [])
        image.compareWith(snapshotOf(Object.fromEntries(before.entries()), moved))
        const { rows, masked, compared } = image.changes()
        const differs = before.flatMap((one, at) => (one === after[at] ? [] : [at]))
        expect(rows).toEqual(differs.filter((at) => !moved.includes(at)))
        expect(masked).toBe(differs.filter((at) => moved.includes(at)).length)
        expect(compared).toBe(20)
        const sizes = sortByChange(image, rows).map((at) => Math.abs(((after[at]! - before[at]!) << 16) >> 16))
        expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
      }),
    )
  })

  it('stays as it was while it is frozen, and shows snapshots', () => {
    const image = createRegisterImage([{ fn: 3, address: 0, count: 2 }])
    image.apply([read(0, [1, 2], 1000)], [])
    image.freeze()
    image.apply([read(0, [3, 4], 2000)], [])
    expect([image.wordAt(0), image.readAtMs(0)]).toEqual([1, 1000])
    image.freeze(snapshotOf({ 1: 9 }))
    expect([image.wordAt(0), image.wordAt(1), image.readAtMs(1)]).toEqual([undefined, 9, 500])
    image.thaw()
    expect([image.wordAt(0), image.readAtMs(0)]).toEqual([3, 2000])
    expect(image.sparkOf(0, 2000, 60, 10)).toMatch(/^M59\.0 9\.0L60\.0 1\.0$/)
  })

  it('is filtered by address in the notation that is shown, and by the names of points', () => {
    const image = createRegisterImage([{ fn: 4, address: 0, count: 100 }])
    const point = {
      fn: 4,
      address: 40,
      count: 2,
      name: 'powerW',
      title: 'Active power',
      unit: 'W',
      type: 'int32',
      wordOrder: 'little',
      byteOrder: 'big',
      scale: 0.1,
      offset: 0,
    } as const
    const points = new Map([['4 40', point]])
    expect(filterRows(image, points, 'active', 'hex')).toEqual([40])
    expect(filterRows(image, points, '300041', 'classic')).toEqual([40])
    expect(filterRows(image, points, '0x28', 'hex')).toContain(40)
    expect(filterRows(image, points, '', 'hex')).toHaveLength(100)
    expect(pointValue([0x5ee8, 0x0009], point)).toEqual({ text: '61\u202F412.0', unit: 'W' })
    expect(pointValue([0x5ee8], point)).toBeUndefined()
    expect(pointValue([0x5ee8, 9], { ...point, byteOrder: 'little' })).toBeUndefined()
  })
})
