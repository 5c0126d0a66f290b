import { describe, expect, it } from 'vitest'
import { localTime, priceAt, pricesAt, worthAt } from '../../../service/control/tariff.ts'
import { economics } from '#contract/economics.ts'

const night = { base: 0.3, slots: [{ from: '22:00', to: '06:00', days: ['fri' as const], price: 0.1 }] }

describe('prices', () => {
  it.each([
    ['fri', 21 * 60 + 59, 0.3],
    ['fri', 22 * 60, 0.1],
    ['sat', 5 * 60 + 59, 0.1],
    ['sat', 6 * 60, 0.3],
    ['fri', 3 * 60, 0.3],
  ] as const)('a slot over midnight belongs to the day it starts on: %s minute %i costs %f', (day, minute, price) => {
    expect(priceAt(night, { day, minute })).toBe(price)
  })

  it('the last slot that covers a time wins', () => {
    const slots = [
      { from: '00:00', to: '12:00', price: 0.2 },
      { from: '06:00', to: '08:00', price: 0.5 },
    ]
    expect(priceAt({ base: 0.3, slots }, { day: 'mon', minute: 7 * 60 })).toBe(0.5)
    expect(priceAt({ base: 0.3, slots }, { day: 'mon', minute: 9 * 60 })).toBe(0.2)
  })

  it('are those of the local clock on both sides of a change of clocks', () => {
    expect(localTime(Date.UTC(2026, 2, 29, 0, 30), 'Europe/Berlin')).toEqual({ day: 'sun', minute: 90 })
    expect(localTime(Date.UTC(2026, 2, 29, 1, 30), 'Europe/Berlin')).toEqual({ day: 'sun', minute: 210 })
  })

  it('change with the minute although they are kept', () => {
    const tariff = economics.parse({ importPrice: { base: 0.3, slots: [{ from: '12:00', to: '12:01', price: 0.1 }] } })
    const noon = Date.UTC(2026, 2, 2, 12)
    expect(pricesAt(tariff, noon - 1, 'UTC').importPrice).toBe(0.3)
    expect(pricesAt(tariff, noon, 'UTC').importPrice).toBe(0.1)
    expect(pricesAt(tariff, noon + 60_000, 'UTC').importPrice).toBe(0.3)
  })
})

describe('the worth of stored energy', () => {
  const worth = [
    { socPercent: 20, price: 0.4 },
    { socPercent: 80, price: 0.1 },
  ]
  const plan = [{ device: 'battery', slots: [{ fromMs: 100, toMs: 200, worth }] }]

  it.each([
    [0, 0.4],
    [20, 0.4],
    [50, 0.25],
    [80, 0.1],
    [100, 0.1],
  ])('is linear between its points and constant outside: %i %% is %f', (soc, price) => {
    expect(worthAt(plan, 'battery', 150, soc)).toBeCloseTo(price, 10)
  })

  it('exists only within a slot and for its own device', () => {
    expect(worthAt(plan, 'battery', 99, 50)).toBeUndefined()
    expect(worthAt(plan, 'battery', 200, 50)).toBeUndefined()
    expect(worthAt(plan, 'other', 150, 50)).toBeUndefined()
  })
})
