import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { changeProblem, looserChanges, siteLimits } from '../../../service/domain/site-limits.ts'
import { site } from '../../../service/contract/site.ts'

const text = `# Workshop of the Mills family
version: 3
name: Workshop
grids:
  - id: main
    name: Grid
    connection:
      id: mains
      name: Grid connection
      fuseA: 35 # checked on 3 March
      maxExportW: 10000
      meter: meter
      circuits: [{ id: hall, name: Hall, fuseA: 16, meter: hall-meter }]
devices:
  - { id: meter, name: Meter, role: grid-meter, map: a/b, connection: 'tcp://10.0.0.1' }
  - { id: hall-meter, name: Hall meter, role: meter, map: a/b, connection: 'tcp://10.0.0.2', circuit: hall }
  - id: battery
    name: Battery
    role: battery
    map: a/b
    connection: tcp://10.0.0.3
    battery: { maxChargeW: 5000, maxDischargeW: 5000, minSocPercent: 15 }
`
const workshop = site.parse(parse(text))
const limits = siteLimits(workshop)
const fuse = 'grids.0.connection.fuseA'
const reserve = 'devices.2.battery.minSocPercent'

describe('the limits of a site', () => {
  it('lists those of every circuit and device with their place, and those that are not set', () => {
    expect(limits.find(({ id }) => id === fuse)).toMatchObject({ owner: 'Grid connection', value: 35, unit: 'A' })
    expect(limits.find(({ id }) => id === 'grids.0.connection.circuits.0.fuseA')).toMatchObject({
      owner: 'Hall',
      value: 16,
    })
    expect(limits.find(({ id }) => id === 'grids.0.connection.maxImportW')).not.toHaveProperty('value')
    expect(limits.find(({ id }) => id === reserve)).toMatchObject({ tier: 'safety', value: 15 })
  })

  it('knows which way is looser: a larger fuse, a smaller reserve, no limit at all', () => {
    const looser = (id: string, value: number | null) => looserChanges(limits, [{ id, value }])
    expect(looser(fuse, 63)).toEqual([fuse])
    expect(looser(fuse, 25)).toEqual([])
    expect(looser(fuse, null)).toEqual([fuse])
    expect(looser(reserve, 10)).toEqual([reserve])
    expect(looser(reserve, 20)).toEqual([])
    expect(looser('grids.0.connection.maxImportW', 9000)).toEqual([])
  })

  it('says what is wrong with a change', () => {
    expect(changeProblem(limits, { id: fuse, value: 0 })).toBe(
      'Fuse per phase of Grid connection must be between 1 and 10000 A, not 0',
    )
    expect(changeProblem(limits, { id: reserve, value: null })).toBe('Reserve of Battery cannot be taken away')
    expect(changeProblem(limits, { id: 'name', value: 1 })).toBe('there is no limit "name" on this site')
    expect(changeProblem(limits, { id: fuse, value: null })).toBeUndefined()
  })
})
