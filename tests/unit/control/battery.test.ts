import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inProportion } from '../../../service/control/battery.ts'

const entries = fc.array(
  fc.record({
    cap: fc.double({ min: 0, max: 10_000, noNaN: true }),
    weight: fc.double({ min: 0, max: 100, noNaN: true }),
  }),
  { minLength: 1, maxLength: 8 },
)

describe('sharing between batteries', () => {
  it('gives the whole amount, or all there is, and nobody more than it can', () => {
    fc.assert(
      fc.property(entries, fc.double({ min: 0, max: 40_000, noNaN: true }), (list, amount) => {
        const shares = inProportion(
          list,
          amount,
          ({ cap }) => cap,
          ({ weight }) => weight,
        )
        const sum = shares.reduce((total, share) => total + share, 0)
        const most = list.reduce((total, { cap }) => total + cap, 0)
        expect(sum).toBeCloseTo(Math.min(amount, most), 3)
        for (const [at, share] of shares.entries()) expect(share).toBeLessThanOrEqual(list[at]!.cap + 1e-9)
      }),
    )
  })

  it('goes by weight, and what one cannot take goes to the others', () => {
    const list = [
      { cap: 1000, weight: 3 },
      { cap: 5000, weight: 1 },
    ]
    const share = (amount: number) =>
      inProportion(
        list,
        amount,
        ({ cap }) => cap,
        ({ weight }) => weight,
      )
    expect(share(400)).toEqual([300, 100])
    expect(share(3000)).toEqual([1000, 2000])
  })

  it('does not divide by nothing when all weights are zero or unknown', () => {
    expect(
      inProportion(
        [0, Number.NaN],
        100,
        () => 80,
        (weight) => weight,
      ),
    ).toEqual([50, 50])
  })
})
