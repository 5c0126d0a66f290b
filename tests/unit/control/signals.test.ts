import { describe, expect, it } from 'vitest'
import { dimAllowanceW } from '../../../service/control/signals.ts'

describe('dimming (BK6-22-300)', () => {
  it.each([
    [1, 4200],
    [2, 4200 + 0.8 * 4200],
    [3, 4200 + 2 * 0.75 * 4200],
    [8, 4200 + 7 * 0.5 * 4200],
    [9, 4200 + 8 * 0.45 * 4200],
    [40, 4200 + 39 * 0.45 * 4200],
  ])('%i devices may take %f W together', (count, watt) => {
    expect(dimAllowanceW(count)).toBeCloseTo(watt, 6)
  })

  it('a limit of the operator counts only when it allows more', () => {
    expect(dimAllowanceW(1, 9000)).toBe(9000)
    expect(dimAllowanceW(1, 0)).toBe(4200)
  })
})
