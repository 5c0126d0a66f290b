import { describe, expect, it } from 'vitest'
import { charger, device, meter, readingsOf, running, siteOf, atMs } from './world.ts'
import { compileSite } from '../../../service/domain/site-model.ts'
import { initialState, step } from '../../../service/control/step.ts'

const quick = { dwellS: 0, rampAPerS: 1000, minOnS: 0, minOffS: 0 }
const battery = { maxChargeW: 5000, maxDischargeW: 5000, rampWPerS: 1_000_000 }

describe('the step', () => {
  it('knows no other grid than those of the site', () => {
    const model = compileSite(siteOf([device('car', 'charger', { charger: {} })]))
    expect(() => initialState(model, 'other')).toThrow(/no grid other/)
    const input = { atMs, elapsedS: 1, readings: readingsOf({}), wishes: [], plan: [] }
    expect(() => step(model, 'other', initialState(model, 'grid'), input)).toThrow(/no grid other/)
  })

  it('leaves a device without a fitting command alone and says so', () => {
    const site = siteOf([device('car', 'charger', { charger: quick })])
    const model = compileSite(site, new Map([['car', new Set()]]))
    const readings = readingsOf({ meter: meter(1, 1, 1), car: charger(10) })
    const result = step(model, 'grid', initialState(model, 'grid'), {
      atMs,
      elapsedS: 1,
      readings,
      wishes: [],
      plan: [],
    })
    expect(result.decisions).toEqual([])
    expect(result.leftAlone).toEqual([{ deviceId: 'car', text: 'its point map has no command for its role' }])
  })

  it('uses the command that the map of a load has', () => {
    const load = device('heater', 'load', { load: { kind: 'modulating', maxW: 3000, dwellS: 0, rampWPerS: 100_000 } })
    const model = compileSite(siteOf([load]), new Map([['heater', new Set(['setPowerW', 'switchOn'] as const)]]))
    const readings = readingsOf({ meter: meter(0, 0, 0), heater: { powerW: 0 } })
    const { decisions } = step(model, 'grid', initialState(model, 'grid'), {
      atMs,
      elapsedS: 1,
      readings,
      wishes: [],
      plan: [],
    })
    expect(decisions.map(({ setpoint }) => [setpoint.command, setpoint.value])).toEqual([['setPowerW', 3000]])
  })

  it('switches a switched load fully on or off', () => {
    const heatPump = device('pump', 'load', {
      load: { kind: 'switched', maxW: 4600, dwellS: 0, minOffS: 0, minOnS: 0 },
    })
    const run = running(siteOf([heatPump]))
    run.cycle({ meter: meter(2, 2, 2), pump: { powerW: 0 } })
    expect(run.value('pump', 'switchOn')).toBe(1)
    run.cycle({ meter: meter(26, 26, 26), pump: { powerW: 4600 } })
    expect(run.value('pump', 'switchOn')).toBe(0)
  })

  it('names every device whose readings matter, sorted', () => {
    const site = siteOf([
      device('car', 'charger', { charger: quick }),
      device('battery', 'battery', { battery }),
      device('weather', 'weather', {}),
    ])
    const run = running(site)
    const { decisions } = run.cycle({ meter: meter(1, 1, 1), car: charger(6), battery: { powerW: 0, socPercent: 50 } })
    expect(decisions[0]!.dependsOn).toEqual(['battery', 'car', 'meter'])
  })

  it('lets those take turns that cannot run together, each for a while', () => {
    const cars = [1, 2, 3].map((number) => device(`car-${number}`, 'charger', { charger: quick }))
    const run = running(siteOf(cars))
    const offered: Record<string, number> = { 'car-1': 0, 'car-2': 0, 'car-3': 0 }
    const ran: Record<string, number> = { 'car-1': 0, 'car-2': 0, 'car-3': 0 }
    for (let second = 0; second < 3600; second += 1) {
      const sum = Object.values(offered).reduce((total, ampere) => total + ampere, 0)
      run.cycle({
        meter: meter(17 + sum, 17 + sum, 17 + sum),
        ...Object.fromEntries(Object.entries(offered).map(([id, ampere]) => [id, charger(ampere)])),
      })
      for (const id of Object.keys(offered)) {
        offered[id] = run.value(id, 'setCurrentA')!
        if (offered[id] > 0) ran[id]! += 1
      }
    }
    // Room for one: it changes every five minutes.
    expect(Math.max(...Object.values(ran)) - Math.min(...Object.values(ran))).toBeLessThanOrEqual(305)
    expect(Object.values(ran).reduce((total, seconds) => total + seconds, 0)).toBeGreaterThan(3550)
  })

  it('keeps only the lowest current for a vehicle that takes nothing', () => {
    const run = running(
      siteOf([device('full', 'charger', { charger: quick }), device('car', 'charger', { charger: quick })]),
    )
    let full = 0
    let car = 0
    for (let second = 0; second < 90; second += 1) {
      run.cycle({
        meter: meter(5 + car, 5 + car, 5 + car),
        full: { ...charger(0), setpointA: full },
        car: charger(car),
      })
      full = run.value('full', 'setCurrentA')!
      car = run.value('car', 'setCurrentA')!
    }
    expect(full).toBe(6)
    expect(car).toBeCloseTo(13.25, 3)
  })

  it('leaves batteries to themselves while the grid is on its own', () => {
    const site = siteOf([device('battery', 'battery', { battery }), device('relay', 'sensor', {})], {
      grids: [
        {
          id: 'grid',
          name: 'Grid',
          island: { device: 'relay', point: 'on' },
          connection: { id: 'main', name: 'Main', fuseA: 25, meter: 'meter' },
        },
      ],
    })
    const run = running(site)
    const now = { meter: meter(5, 5, 5), battery: { powerW: 0, socPercent: 50 } }
    run.cycle({ ...now, relay: { on: 0 } })
    expect(run.value('battery', 'setPowerW')).toBe(3450)
    const { decisions, leftAlone } = run.cycle({ ...now, relay: { on: 1 } })
    expect(decisions).toEqual([])
    expect(leftAlone[0]?.text).toMatch(/on its own/)
  })

  it('gives a device that was silent its present setpoint as the place to start from', () => {
    const run = running(siteOf([device('car', 'charger', { charger: { dwellS: 10 } })]))
    run.cycle({ meter: meter(10, 10, 10), car: charger(10) })
    run.cycle({ meter: meter(8, 8, 8) })
    expect(run.value('car', 'setCurrentA')).toBeUndefined()
    run.cycle({ meter: meter(8, 8, 8), car: charger(8) })
    expect(run.value('car', 'setCurrentA')).toBe(8)
  })
})
