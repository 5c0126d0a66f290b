import fc from 'fast-check'
import { expect, it } from 'vitest'
import { halves, planBlocks } from '../../../../service/commissioning/values/blocks.ts'

const range = fc.record({
  fn: fc.constantFrom(1, 2, 3, 4),
  address: fc.integer({ min: 0, max: 600 }),
  count: fc.integer({ min: 1, max: 300 }),
})

it('covers every register of the ranges once, none that must not be touched, in blocks that a request carries', () => {
  fc.assert(
    fc.property(
      fc.array(range, { maxLength: 6 }),
      fc.integer({ min: 1, max: 125 }),
      fc.tuple(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 40 })),
      (ranges, registers, [first, length]) => {
        const forbidden = [first, first + length] as const
        const blocks = planBlocks(ranges, { registers, bits: 50, noScanRanges: [forbidden] })
        const every = blocks.flatMap(({ fn, address, count }) =>
          Array.from({ length: count }, (_, at) => `${fn} ${address + at}`),
        )
        const wanted = ranges.flatMap(({ fn, address, count }) =>
          Array.from({ length: count }, (_, at) => address + at)
            .filter((at) => at < forbidden[0] || at > forbidden[1])
            .map((at) => `${fn} ${at}`),
        )
        expect(new Set(every)).toEqual(new Set(wanted))
        expect(every.length).toBe(new Set(every).size)
        expect(blocks.every(({ fn, count }) => count <= (fn <= 2 ? 50 : registers))).toBe(true)
      },
    ),
    { numRuns: 200 },
  )
})

it('is halved without a gap', () => {
  expect(halves({ fn: 3, address: 10, count: 5 })).toEqual([
    { fn: 3, address: 10, count: 2 },
    { fn: 3, address: 12, count: 3 },
  ])
})
