import { describe, expect, it } from 'vitest'
import { dimAllowanceW, dimFloorW } from '../../../service/control/signals.ts'

describe('power that dimmed devices may take together (BK6-22-300)', () => {
  // 4.2 kW + (n - 1) x factor x 4.2 kW, worked out by hand.
  it.each([
    [1, 4200],
    [2, 7560],
    [3, 10_500],
    [4, 13_020],
    [5, 15_120],
    [6, 16_800],
    [7, 18_060],
    [8, 18_900],
    [9, 19_320],
    [20, 40_110],
  ])('%i devices: %i W', (count, allowedW) => {
    expect(dimAllowanceW(count)).toBeCloseTo(allowedW, 6)
  })

  it('is the limit of the signal where that is higher, and never less than 4.2 kW', () => {
    expect(dimAllowanceW(1, 8000)).toBe(8000)
    expect(dimAllowanceW(1, 1000)).toBe(dimFloorW)
    expect(dimAllowanceW(0)).toBe(4200)
    expect(dimAllowanceW(3, 10_499)).toBe(10_500)
  })
})
