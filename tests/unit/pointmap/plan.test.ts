import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planReads, readTimeMs, serialCosts, splitBlock, tcpCosts } from '../../../service/pointmap/plan.ts'
import type { ReadBlock, ResolvedPoint } from '../../../service/pointmap/types.ts'
import { pointOf } from './helpers.ts'

const shown = (blocks: readonly ReadBlock[]) =>
  blocks.map((block) => `${block.function} ${block.address}+${block.count}`)
const at = (...addresses: readonly number[]) => addresses.map((address) => pointOf('uint16', { at: address }))

describe('examples', () => {
  test('neighbours come in one request, far ones do not', () => {
    expect(shown(planReads(at(0, 1, 5), {}))).toEqual(['holding 0+6'])
    expect(shown(planReads(at(0, 24), {}))).toEqual(['holding 0+25'])
    expect(shown(planReads(at(0, 26), {}))).toEqual(['holding 0+1', 'holding 26+1'])
    expect(shown(planReads([], {}))).toEqual([])
  })

  test('what a request costs decides about gaps', () => {
    const slow = serialCosts({ baud: 9600, format: '8N1' })
    expect(slow.requestMs / slow.registerMs).toBeCloseTo(14.8, 1)
    expect(shown(planReads(at(0, 15), {}, { costs: slow }))).toEqual(['holding 0+16'])
    expect(shown(planReads(at(0, 16), {}, { costs: slow }))).toEqual(['holding 0+1', 'holding 16+1'])
    expect(shown(planReads(at(0, 100), { requestGapMs: 50 }))).toEqual(['holding 0+101'])
    expect(shown(planReads(at(0, 3), { maxGapRegisters: 1 }))).toEqual(['holding 0+1', 'holding 3+1'])
  })

  test('functions never mix, bits have limits of their own', () => {
    const points = [
      ...at(0),
      pointOf('uint16', { at: 1, function: 'input' }),
      pointOf('bool', { at: 0, function: 'coil' }),
    ]
    const coils = [0, 300, 1999, 2000].map((address) => pointOf('bool', { at: address, function: 'coil' }))
    expect(shown(planReads(points, {}))).toEqual(['holding 0+1', 'input 1+1', 'coil 0+1'])
    expect(shown(planReads(coils, {}))).toEqual(['coil 0+301', 'coil 1999+2'])
    expect(shown(planReads(coils.slice(0, 2), { maxReadBits: 300 }))).toEqual(['coil 0+1', 'coil 300+1'])
  })

  test('a value and its scale factor stay together even where that costs more', () => {
    const value = pointOf('int16', { at: 0, scaleFactorAddress: 100 })
    const rest = Array.from({ length: 40 }, (_, index) => pointOf('uint16', { at: 101 + index }))
    expect(shown(planReads([value, ...rest], {}))).toEqual(['holding 0+125', 'holding 125+16'])
    expect(shown(planReads([pointOf('int16', { at: 0, scaleFactorAddress: 125 })], {}))).toEqual([
      'holding 0+1',
      'holding 125+1',
    ])
  })

  test('ranges that the device turned out to lack are holes, for their function only', () => {
    const absent = [{ function: 'holding' as const, first: 3, last: 3 }]
    const points = [
      ...at(0, 6),
      pointOf('uint16', { at: 0, function: 'input' }),
      pointOf('uint16', { at: 6, function: 'input' }),
    ]
    expect(shown(planReads(points, {}, { absent }))).toEqual(['holding 0+1', 'holding 6+1', 'input 0+7'])
  })

  test('a text longer than the largest block comes in parts', () => {
    expect(shown(planReads([pointOf('string:60')], { maxReadRegisters: 50 }))).toEqual([
      'holding 0+50',
      'holding 50+10',
    ])
  })

  test('the time on a serial line', () => {
    // 9600 baud, 11 bits per character: the published bounds for 1, 10, 60 and 125 registers.
    for (const [count, ms] of [
      [1, 25.2],
      [10, 45.8],
      [60, 160.4],
      [125, 309.4],
    ] as const)
      expect(readTimeMs({ function: 'holding', count }, { baud: 9600, format: '8E1' })).toBeCloseTo(ms, 1)
    expect(readTimeMs({ function: 'input', count: 125 }, { baud: 115_200, format: '8N2' })).toBeCloseTo(28.6, 1)
    expect(readTimeMs({ function: 'coil', count: 9 }, { baud: 9600, format: '8N1', turnaroundMs: 5 })).toBeCloseTo(
      15 * 1.0417 + 7.2917 + 5,
      2,
    )
  })
})

const types = fc.constantFrom('uint16', 'uint16', 'int32', 'float64', 'string:5', 'bit:3')
const layouts = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: 400 }),
    type: types,
    factor: fc.option(fc.integer({ min: 0, max: 410 }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 30 },
)
const toPoints = (layout: readonly { at: number; type: string; factor: number | undefined }[]): ResolvedPoint[] =>
  layout.map(({ at: address, type, factor }, index) =>
    pointOf(type, { at: address, name: `p${index}`, ...(factor !== undefined && { scaleFactorAddress: factor }) }),
  )
const needed = (point: ResolvedPoint) => [
  ...point.addresses,
  ...(point.scaleFactorAddress === undefined ? [] : [point.scaleFactorAddress]),
]
const covers = (block: ReadBlock, address: number) => address >= block.address && address < block.address + block.count

describe('for every layout', () => {
  test('every register comes exactly once, no hole is touched, no limit exceeded, no value torn', () => {
    fc.assert(
      fc.property(
        layouts,
        fc.integer({ min: 20, max: 125 }),
        fc.array(fc.integer({ min: 0, max: 410 }), { maxLength: 4 }),
        (layout, maxReadRegisters, holeStarts) => {
          const holes = holeStarts.map((first) => [first, first + 2] as [number, number])
          const inHole = (address: number) => holes.some(([first, last]) => address >= first && address <= last)
          const points = toPoints(layout).filter((point) => !needed(point).some(inHole))
          const blocks = planReads(points, { maxReadRegisters, holes })
          for (const point of points) {
            for (const address of needed(point))
              expect(blocks.filter((block) => covers(block, address))).toHaveLength(1)
            const first = blocks.find((block) => covers(block, point.addresses[0]!))
            // Chains of overlapping values may be longer than a block; then only the block's limit can tear them.
            if (first && points.length < 4)
              expect(point.addresses.every((address) => covers(first, address))).toBe(true)
            expect(first?.points).toContain(point)
          }
          for (const block of blocks) {
            expect(block.count).toBeLessThanOrEqual(maxReadRegisters)
            for (let address = block.address; address < block.address + block.count; address += 1)
              expect(inHole(address)).toBe(false)
          }
        },
      ),
    )
  })

  test('no other way to read them is cheaper (brute force)', () => {
    const small = fc.uniqueArray(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 8 })
    const most = fc.integer({ min: 4, max: 125 })
    fc.assert(
      fc.property(
        small,
        most,
        fc.option(fc.integer({ min: 0, max: 120 }), { nil: undefined }),
        (addresses, maxReadRegisters, hole) => {
          const holes = hole === undefined ? [] : [[hole, hole] as [number, number]]
          const sorted = addresses.filter((address) => address !== hole).toSorted((a, b) => a - b)
          const cost = (blocks: readonly { first: number; last: number }[]) =>
            blocks.reduce(
              (sum, { first, last }) => sum + tcpCosts.requestMs + (last - first + 1) * tcpCosts.registerMs,
              0,
            )
          let cheapest = Infinity
          // Every way to cut the sorted addresses into runs, as the bits of a number.
          for (let cuts = 0; cuts < 2 ** Math.max(0, sorted.length - 1); cuts += 1) {
            const runs: { first: number; last: number }[] = []
            for (const [index, address] of sorted.entries()) {
              const run = runs.at(-1)
              if (run && !((cuts >> (index - 1)) & 1)) run.last = address
              else runs.push({ first: address, last: address })
            }
            const allowed = runs.every(
              ({ first, last }) => last - first < maxReadRegisters && !holes.some(([at]) => at >= first && at <= last),
            )
            if (allowed) cheapest = Math.min(cheapest, cost(runs))
          }
          const blocks = planReads(at(...sorted), { maxReadRegisters, holes })
          const planned = cost(blocks.map((block) => ({ first: block.address, last: block.address + block.count - 1 })))
          if (sorted.length > 0) expect(planned).toBeCloseTo(cheapest, 6)
        },
      ),
    )
  })

  test('bisection ends at single values and loses none', () => {
    const leaves = (block: ReadBlock): ReadBlock[] => {
      const halves = splitBlock(block)
      return halves ? halves.flatMap(leaves) : [block]
    }
    fc.assert(
      fc.property(layouts, (layout) => {
        const points = toPoints(layout)
        const blocks = planReads(points, {})
        const single = blocks.flatMap(leaves)
        for (const point of points)
          for (const address of needed(point)) expect(single.filter((block) => covers(block, address))).toHaveLength(1)
        for (const block of single) expect(block.points.length).toBeGreaterThan(0)
      }),
    )
    expect(splitBlock(planReads([pointOf('float64')], {})[0]!)).toBeUndefined()
    const halves = splitBlock(planReads(at(0, 1, 2, 3, 20), {})[0]!)
    expect(shown(halves ?? [])).toEqual(['holding 0+4', 'holding 20+1'])
  })
})
