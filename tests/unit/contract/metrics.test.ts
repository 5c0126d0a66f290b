import { describe, expect, test } from 'vitest'
import { metrics, subsystems } from '../../../service/contract/metrics-table.ts'
import { parsePointName, phaseSuffixes, pointName, pointTitle } from '../../../service/contract/metrics.ts'

describe('point names', () => {
  test.each([
    ['powerW', 'Active power'],
    ['voltageV.l12', 'Voltage L1-L2'],
    ['battery.socPercent', 'Battery: state of charge'],
    ['pv.2.currentA', 'Solar 2: current'],
    ['module.3.cell.112.voltageV', 'Module 3, cell 112: voltage'],
    ['heatsink.temperatureC', 'Heat sink: temperature'],
    ['mppt.1.string.4.powerW', 'MPP tracker 1, string 4: active power'],
    ['vendor', 'Manufacturer'],
    ['vendor.gridImportLimit', 'Grid import limit'],
    ['vendor.dsp1Version', 'Dsp 1 version'],
  ])('%s is "%s"', (name, title) => {
    expect(pointName.safeParse(name).success).toBe(true)
    expect(pointTitle(name)).toBe(title)
  })

  test.each([
    ['socPercnt', 'socPercnt'],
    ['batery.powerW', 'batery'],
    ['battery.batery.powerW', 'batery'],
    ['voltageV.l4', 'l4'],
    ['pv.0.powerW', '0'],
    ['pv.1000.powerW', '1000'],
    ['battery', ''],
  ])('%s is refused because of "%s"', (name, word) => {
    const issues = pointName.safeParse(name).error?.issues ?? []
    expect(issues).toMatchObject([{ params: { word } }])
  })

  test.each(['', '.', 'vendor.', 'vendor.X', 'vendor.a', 'vendor.two.words', 'vendor.with space', 'powerW.l1.l2'])(
    '"%s" is refused',
    (name) => expect(pointName.safeParse(name).success).toBe(false),
  )

  test('at most two subsystems are nested', () => {
    expect(parsePointName('battery.2.module.3.cellVoltageMaxV')?.parts).toHaveLength(2)
    expect(parsePointName('battery.2.module.3.cell.4.voltageV')).toBeUndefined()
  })

  test('editors are told the same rule', () => {
    const { pattern } = pointName.meta() ?? {}
    const rule = new RegExp(String(pattern), 'u')
    const words = ['pv', 'cell', '1', '100', 'powerW', 'vendor', 'abc', 'l1', 'x', '']
    for (const first of words)
      for (const second of words)
        for (const third of words)
          for (const name of [first, `${first}.${second}`, `${first}.${second}.${third}`])
            expect([name, rule.test(name)]).toEqual([name, parsePointName(name) !== undefined])
  })
})

describe('the vocabulary', () => {
  test('no word is a metric, a subsystem and a phase at once', () => {
    const all = [...Object.keys(metrics), ...Object.keys(subsystems), ...phaseSuffixes]
    expect(new Set(all).size).toBe(all.length)
  })

  test('the unit of a metric is the end of its name', () => {
    const endings: Readonly<Record<string, RegExp>> = {
      W: /W$/,
      var: /Var$/,
      VA: /Va$/,
      Wh: /Wh$/,
      varh: /Varh$/,
      VAh: /Vah$/,
      Ah: /Ah$/,
      A: /A$/,
      V: /V$/,
      Hz: /Hz$/,
      Ω: /Ohm$/,
      '%': /Percent$/,
      '°C': /C$/,
      '°': /Deg$/,
      s: /S$/,
      Pa: /Pa$/,
      mm: /Mm$/,
      'm/s': /Ms$/,
      'W/m²': /Wm2$/,
      lx: /Lx$/,
      rpm: /Rpm$/,
      Nm: /Nm$/,
      'm³': /M3$/,
      'm³/s': /M3s$/,
      dBm: /Dbm$/,
    }
    for (const [name, { unit }] of Object.entries(metrics)) {
      if (unit === '') continue
      expect(endings, `${name} counts in ${unit}`).toHaveProperty([unit])
      expect(name).toMatch(endings[unit]!)
    }
  })

  test('ranges run forwards and only numbers have one', () => {
    for (const metric of Object.values(metrics)) {
      if (!('range' in metric)) continue
      expect(metric.type).toBe('number')
      expect(metric.range[0]).toBeLessThan(metric.range[1])
    }
  })
})
