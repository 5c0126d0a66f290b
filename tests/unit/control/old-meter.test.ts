import { describe, expect, it } from 'vitest'
import { site as siteSchema } from '#contract/site.ts'
import { type GridState, initialState, step } from '../../../service/control/step.ts'
import type { AgedReading } from '../../../service/domain/measured.ts'
import { compileSite } from '../../../service/domain/site-model.ts'

const model = compileSite(
  siteSchema.parse({
    version: 3,
    name: 'Test',
    grids: [{ id: 'grid', name: 'Grid', connection: { id: 'main', name: 'Main', fuseA: 40, meter: 'meter' } }],
    devices: [
      { id: 'meter', name: 'Meter', role: 'grid-meter', map: 'eastron/sdm630', connection: 'tcp://10.0.0.1' },
      ...['car', 'van'].map((id, index) => ({
        id,
        name: id,
        role: 'charger',
        map: 'r-ems/demo-charger',
        connection: `tcp://10.0.1.${index + 1}`,
        charger: { maxCurrentA: 32, dwellS: 0, rampAPerS: 4 },
      })),
    ],
  }),
)
const houseA = 10

/** A cycle each second; the cars take at once what they are told. The meter is as it was when `shown` was measured. */
function cycles(count: number, start: { state: GridState; eachA: number }, shownA: (eachA: number) => number) {
  let { state, eachA } = start
  for (let cycle = 0; cycle < count; cycle += 1) {
    const reading = (value: number): AgedReading => ({ value, quality: 'good', atMs: 0, ageMs: 100 })
    const perPhase = (metric: string, value: number): [string, AgedReading][] =>
      ['l1', 'l2', 'l3'].map((phase) => [`${metric}.${phase}`, reading(value)])
    const meterA = shownA(eachA)
    const meter = new Map([...perPhase('currentA', meterA), ...perPhase('powerW', meterA * 230)])
    meter.set('powerW', reading(meterA * 690))
    const car = new Map([...perPhase('currentA', eachA), ['powerW', reading(eachA * 690)], ['plugged', reading(1)]])
    car.set('setpointA', reading(eachA))
    const readings = new Map([
      ['meter', meter],
      ['car', car],
      ['van', car],
    ])
    const result = step(model, 'grid', state, { atMs: 0, elapsedS: 1, readings, wishes: [], plan: [] })
    state = result.state
    eachA = Math.max(...result.decisions.map(({ setpoint }) => setpoint.value))
  }
  return { state, eachA }
}

describe('a meter that shows nothing new while vehicles ramp up', () => {
  const begin = () => cycles(1, { state: initialState(model, 'grid'), eachA: 6 }, (eachA) => houseA + 2 * eachA)

  it('gives its room once, not once per cycle', () => {
    const first = begin()
    const shown = houseA + 2 * first.eachA
    const { eachA } = cycles(10, first, () => shown)
    expect(first.eachA).toBeLessThanOrEqual(10)
    // 0.97 x 40 A less the house, for two.
    expect(eachA).toBeCloseTo(14.4, 3)
  })

  it('counts again as soon as it shows something else', () => {
    const first = begin()
    const old = cycles(10, first, () => houseA + 2 * first.eachA)
    const { eachA } = cycles(1, old, (eachA) => 4 + houseA + 2 * eachA)
    expect(eachA).toBeCloseTo(12.4, 3)
  })
})
