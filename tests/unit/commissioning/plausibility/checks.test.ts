import { describe, expect, it } from 'vitest'
import type { DeviceRole } from '#contract/site-device.ts'
import type { PlausibilityCheck } from '#contract/plausibility.ts'
import { balanceCheck, valueChecks } from '../../../../service/commissioning/plausibility/checks.ts'
import { createEnergyWatch } from '../../../../service/commissioning/plausibility/energy.ts'

const meter = {
  powerW: 3000,
  'powerW.l1': 1000,
  'powerW.l2': 1500,
  'powerW.l3': 500,
  'voltageV.l1': 230,
  'voltageV.l2': 231,
  'voltageV.l3': 229,
  'voltageV.l12': 399,
  'currentA.l1': 4.5,
  'currentA.l2': 6.6,
  'currentA.l3': 2.2,
  'powerFactor.l1': 0.97,
  frequencyHz: 50.01,
}

const checksOf = (changes: Record<string, number>): PlausibilityCheck[] =>
  valueChecks(new Map(Object.entries({ ...meter, ...changes })))
const differing = (changes: Record<string, number>): string[] =>
  checksOf(changes)
    .filter(({ verdict }) => verdict === 'differs')
    .map(({ kind, suggests }) => `${kind}: ${suggests}`)

describe('plausibility of values', () => {
  it('agrees where they fit, with the numbers', () => {
    expect(differing({})).toEqual([])
    expect(checksOf({}).map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['phase-sum', 'apparent-power', 'frequency', 'line-voltage']),
    )
    expect(checksOf({})[0]?.evidence).toBe('1000 + 1500 + 500 = 3000 W, and the total reads 3000 W')
  })

  it.each([
    ['the total has the other sign', { powerW: -3000 }, /^phase-sum: suggests that the total.*other sign/],
    [
      'a phase has the other sign',
      { 'powerW.l3': -500 },
      /^phase-sum: suggests that one of the phases has the other sign/,
    ],
    ['a scale is wrong', { powerW: 300 }, /^phase-sum: suggests a scale that is wrong by 10$/],
    [
      'currents are ten times too small',
      { 'currentA.l1': 0.45 },
      /^apparent-power: suggests a scale that is wrong by 10/,
    ],
    ['the frequency has another scale', { frequencyHz: 5001 }, /^frequency: suggests a scale that is wrong by 100$/],
    [
      'the frequency is something else',
      { frequencyHz: 37 },
      /^frequency: suggests that this register is something else/,
    ],
    ['a line voltage is one to neutral', { 'voltageV.l12': 230 }, /^line-voltage: suggests.*to neutral/],
  ])('says so when %s', (_name, changes, said) => {
    const found = differing(changes)
    expect(found.filter((line) => said.test(line))).toHaveLength(1)
    expect(found.every((line) => / suggests /.test(` ${line}`))).toBe(true)
  })

  it('does not judge what is not measured', () => {
    expect(valueChecks(new Map([['powerW', 5]]))).toEqual([])
  })

  it('finds a balance that makes loads negative, or smaller than what is measured of them', () => {
    const [fits] = balanceCheck({ gridW: 500, pvW: 2000, batteryW: -300 }, 1500, ['powerW'])
    expect(fits).toMatchObject({ verdict: 'agrees', measured: 2200 })
    expect(balanceCheck({ gridW: -3000, pvW: 2000 }, undefined, ['powerW'])[0]).toMatchObject({
      verdict: 'differs',
      suggests: expect.stringContaining('other sign') as string,
    })
    expect(balanceCheck({ gridW: 500 }, 4000, ['powerW'])[0]?.verdict).toBe('differs')
    expect(balanceCheck({ pvW: 2000 }, undefined, ['powerW'])).toEqual([])
  })
})

describe('energy against power', () => {
  function run(options: {
    scale?: number
    powerW?: number
    counts?: 'energyImportWh' | 'energyExportWh'
    role?: DeviceRole
  }) {
    const { scale = 1, powerW = 3600, counts = 'energyImportWh', role = 'grid-meter' } = options
    const watch = createEnergyWatch(role)
    let exactWh = 1000
    for (let second = 0; second <= 120; second++) {
      const shownWh = Math.floor(exactWh * scale)
      watch.observe(new Map(Object.entries({ powerW, [counts]: shownWh })), second * 1000)
      exactWh += Math.abs(powerW) / 3600
    }
    return watch.checks()[0]
  }

  it('agrees with a counter that counts what the power makes', () => {
    expect(run({})).toMatchObject({
      verdict: 'agrees',
      expected: expect.closeTo(119, 0) as number,
      points: ['energyImportWh', 'powerW'],
    })
    expect(run({ powerW: -3600, counts: 'energyExportWh' })).toMatchObject({ verdict: 'agrees' })
    // A battery that charges imports, and its power is negative.
    expect(run({ powerW: -3600, role: 'battery' })).toMatchObject({ verdict: 'agrees' })
    expect(run({ role: 'battery' })).toMatchObject({ verdict: 'differs' })
  })

  it('names a scale that is ten times too large, and the other direction', () => {
    expect(run({ scale: 10 })).toMatchObject({
      verdict: 'differs',
      suggests: 'suggests a scale of the counter that is wrong by 10',
    })
    expect(run({ counts: 'energyExportWh' })).toMatchObject({
      verdict: 'differs',
      suggests: expect.stringContaining('other direction') as string,
    })
  })

  it('waits until the counter could have moved, and starts anew after a gap', () => {
    const watch = createEnergyWatch('grid-meter')
    watch.observe(
      new Map([
        ['powerW', 100],
        ['energyImportWh', 5],
      ]),
      0,
    )
    watch.observe(
      new Map([
        ['powerW', 100],
        ['energyImportWh', 5],
      ]),
      1000,
    )
    expect(watch.checks()[0]?.verdict).toBe('waiting')
    watch.observe(
      new Map([
        ['powerW', 100],
        ['energyImportWh', 900],
      ]),
      100_000,
    )
    expect(watch.checks()[0]).toMatchObject({ verdict: 'waiting' })
  })
})
