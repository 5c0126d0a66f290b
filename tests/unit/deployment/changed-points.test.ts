import { describe, expect, it } from 'vitest'
import { checkSiteFiles, type CheckedSite } from '../../../service/configuration/check-site.ts'
import { devicesToRead, implausible, lostPoints } from '../../../service/deployment/changed-points.ts'
import { entries } from '../../../service/entries.ts'
import { folderLibrary } from '../../../service/pointmap/load.ts'

function site(devices: readonly string[], maps: Readonly<Record<string, string>> = {}): CheckedSite {
  const text = `version: 3
name: Depot
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main } }]
devices:
${devices.map((device) => `  - { name: Meter, role: meter, ${device} }\n`).join('')}`
  const files = Object.entries(maps).map(([map, body]) => [`pointmaps/${map}.yaml`, body] as const)
  return checkSiteFiles(new Map([...files, ['site.yaml', text]]), folderLibrary([entries.mapFolder]))
}

const meter = `id: meter, map: eastron/sdm630, connection: 'tcp://10.0.0.2'`
const running = site([meter])
const variant = (points: string): Record<string, string> => ({
  'test/meter': `format: 1\nmaker: Test\nmodel: Test\nkind: meter\nextends: eastron/sdm630\npoints:\n${points}`,
})

describe('what a candidate reads otherwise', () => {
  it('is nothing when devices and maps are the same, and all of a device that is new or elsewhere', () => {
    expect(devicesToRead(running, running)).toEqual([])
    const moved = site([meter.replace('10.0.0.2', '10.0.0.3'), meter.replace('meter', 'second')])
    expect(devicesToRead(running, moved).map(({ device, points }) => [device.id, points])).toEqual([
      ['meter', undefined],
      ['second', undefined],
    ])
    const unit = site([`${meter}, unitId: 7`])
    expect(devicesToRead(running, unit)).toHaveLength(1)
  })

  it('is the points that a map declares otherwise', () => {
    const next = site(
      [meter.replace('eastron/sdm630', 'test/meter')],
      variant('  powerW: { address: 52, scale: -1, pollGroup: fast }\n'),
    )
    expect(devicesToRead(running, next).map(({ points }) => points)).toEqual([['powerW']])
  })

  it('loses what nobody reads any more, a whole device by its name alone', () => {
    const good = ['meter/powerW', 'meter/voltageV.l1', 'other/powerW', 'other/energyWh']
    expect(lostPoints(running, good).map(({ id }) => id)).toEqual(['other'])
    expect(lostPoints(running, ['meter/noSuchPoint']).map(({ id }) => id)).toEqual(['meter/noSuchPoint'])
  })
})

describe('what is read by a candidate', () => {
  it.each([
    ['W', -2300, 2250, /the sign is the other way round/],
    ['W', 23_000, 2300, /10 times as much/],
    ['W', 230, 2300, /10 times less/],
    ['V', 23.1, 231, /10 times less/],
    ['W', 2400, 2300, undefined],
    ['W', -12, 14, undefined],
    ['A', -0.1, 0.1, undefined],
    ['W', -2300, 40, /58 times/],
    ['%', 55, 55, undefined],
    ['W', 0, 2300, /reads 0 where/],
    ['W', 0, 60, undefined],
  ])('in %s, %d where %d is read now', (unit, value, before, expected) => {
    const found = implausible({ unit, value, before })
    if (expected === undefined) expect(found).toBeUndefined()
    else expect(found).toMatch(expected)
  })

  it('is not judged where nothing is known', () => {
    expect(implausible({ unit: 'W', value: 100 })).toBeUndefined()
    expect(implausible({ unit: '', value: 'on', before: 'off' })).toBeUndefined()
  })
})
