import { describe, expect, it } from 'vitest'
import { allowedImportW, countImport } from '../../../service/control/quarter.ts'

const quarterMs = 900_000
const start = 2_000_000 * quarterMs

describe('the 15-minute mean', () => {
  it('ends exactly at the peak when what is allowed is taken', () => {
    let quarter = countImport(undefined, start, 1, 0, 10_000)
    let taken = 0
    for (let second = 0; second < 900; second += 1) {
      const at = start + second * 1000
      // A third of the quarter above the peak, then whatever is left.
      const importW = second < 300 ? 15_000 : allowedImportW(quarter, at, 10_000)
      quarter = countImport(quarter, at + 999, 1, importW, 10_000)
      taken += importW / 3600
    }
    expect(taken).toBeCloseTo(2500, 0)
  })

  it('allows nothing more once the energy is spent', () => {
    const quarter = { index: 2_000_000, importWh: 2600 }
    expect(allowedImportW(quarter, start + 600_000, 10_000)).toBe(0)
  })

  it('starts anew with each quarter, and counts what was not seen as taken', () => {
    expect(countImport({ index: 1_999_999, importWh: 900 }, start, 1, 5000, 10_000).importWh).toBe(0)
    expect(countImport(undefined, start + 450_000, 1, 5000, 10_000).importWh).toBeCloseTo(1250, 6)
  })

  it('does not count export, and an unknown import as the limit', () => {
    const before = { index: 2_000_000, importWh: 100 }
    expect(countImport(before, start + 1000, 36, -4000, 10_000).importWh).toBe(100)
    expect(countImport(before, start + 1000, 36, Number.NaN, 10_000).importWh).toBeCloseTo(200, 6)
  })
})
