import { describe, expect, it } from 'vitest'
import { clampTo, intoRowBand, safeSetpoint, widened } from '../../../service/control/limits.ts'
import { ampereText, wattText } from '../../../service/control/rows.ts'

describe('a value in the band that the rows of the circuits leave', () => {
  const band = { min: -5, max: 20, minRow: 3, maxRow: 7 }

  it.each([
    [-6, { value: -5, row: 3 }],
    [-5, { value: -5, row: -1 }],
    [0, { value: 0, row: -1 }],
    [20, { value: 20, row: -1 }],
    [21, { value: 20, row: 7 }],
  ])('%f becomes the nearest one, with the row that moved it', (value, expected) => {
    expect(intoRowBand(band, value)).toEqual(expected)
  })

  it('stays half-way where the rows contradict, and names the row on whose side it was', () => {
    const contradiction = { min: 10, max: 4, minRow: 3, maxRow: 7 }
    expect(intoRowBand(contradiction, 9)).toEqual({ value: 7, row: 7 })
    expect(intoRowBand(contradiction, 5)).toEqual({ value: 7, row: 3 })
  })
})

describe('a band that contradicts itself at 97 % of the fuses', () => {
  const planned = { min: 10, max: 4, minRow: 3, maxRow: 7 }
  const rated = { min: 5, max: 9, minRow: 1, maxRow: 2 }

  it('becomes the middle where the ratings leave room for it, else the nearest that they leave', () => {
    expect(widened(planned, () => rated)).toEqual({ min: 7, max: 7, minRow: 1, maxRow: 2 })
    expect(widened(planned, () => ({ ...rated, min: 8 }))).toMatchObject({ min: 8, max: 8 })
    expect(widened(planned, () => ({ ...rated, max: 6 }))).toMatchObject({ min: 6, max: 6 })
    expect(widened(planned, () => ({ ...rated, min: 6, max: 6 }))).toMatchObject({ min: 6, max: 6 })
  })

  it('stays as it is where the ratings contradict as well, and when nothing does', () => {
    expect(widened(planned, () => ({ ...rated, min: 10 }))).toBe(planned)
    for (const fine of [rated, { ...rated, min: 9 }])
      expect(
        widened(fine, () => {
          throw new Error('not needed')
        }),
      ).toBe(fine)
  })
})

describe('a value in a band of rules', () => {
  const rule = (name: string) => ({ rule: name, tier: 'safety' as const, text: name })
  const band = { min: -5, max: 20, minRule: rule('least'), maxRule: rule('most') }

  it('is moved to the end, with the rule of that end', () => {
    expect(clampTo(band, -6)).toEqual({ value: -5, rule: band.minRule })
    expect(clampTo(band, 21)).toEqual({ value: 20, rule: band.maxRule })
    for (const value of [-5, 3, 20]) expect(clampTo(band, value)).toEqual({ value })
  })

  it('is half-way where the rules contradict', () => {
    expect(clampTo({ ...band, min: 10, max: 4 }, 100)).toEqual({ value: 7, rule: band.minRule })
    expect(clampTo({ ...band, min: 4, max: 4 }, 4)).toEqual({ value: 4 })
  })
})

describe('a safe setpoint', () => {
  const range = { min: -5, max: 20 }

  it('is inside the range of its settings', () => {
    for (const [value, inside] of [
      [-6, -5],
      [3, 3],
      [21, 20],
    ] as const)
      expect(safeSetpoint('battery', 'setPowerW', value, true, range)).toEqual({
        deviceId: 'battery',
        command: 'setPowerW',
        value: inside,
        relieves: true,
      })
  })

  it.each([Number.NaN, Infinity, -Infinity])('is never made of %s', (value) => {
    expect(() => safeSetpoint('battery', 'setPowerW', value, false, range)).toThrow('battery')
  })
})

describe('numbers in sentences', () => {
  it('are short, and no current is left below nothing', () => {
    expect(ampereText(3.1379)).toBe('3.14 A')
    expect(ampereText(16)).toBe('16 A')
    expect(ampereText(-0.4)).toBe('0 A')
    expect(ampereText(0.4)).toBe('0.4 A')
    expect(wattText(1234.56)).toBe('1235 W')
  })
})
