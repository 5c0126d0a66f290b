import { describe, expect, it } from 'vitest'
import { site as siteSchema } from '#contract/site.ts'
import { compileSite } from '../../../service/domain/site-model.ts'

const site = siteSchema.parse({
  version: 3,
  name: 'Tree',
  cycleMs: 500,
  grids: [
    {
      id: 'grid',
      name: 'Grid',
      connection: {
        id: 'main',
        name: 'Main',
        fuseA: 63,
        meter: 'meter',
        circuits: [{ id: 'floor', name: 'Floor', circuits: [{ id: 'flat', name: 'Flat', fuseA: 16, meter: 'sub' }] }],
      },
    },
  ],
  devices: [
    { id: 'meter', name: 'M', role: 'grid-meter', map: 'a/b', connection: 'tcp://10.0.0.1' },
    { id: 'sub', name: 'S', role: 'meter', map: 'a/b', connection: 'tcp://10.0.0.2' },
    {
      id: 'car',
      name: 'Car',
      role: 'charger',
      map: 'a/b',
      connection: 'tcp://10.0.0.3',
      circuit: 'flat',
      phases: ['l3', 'l1'],
      charger: {},
    },
    {
      id: 'heater',
      name: 'Heater',
      role: 'load',
      map: 'a/b',
      connection: 'tcp://10.0.0.4',
      load: { kind: 'modulating', maxW: 1000 },
    },
  ],
})

describe('a compiled site', () => {
  it('knows the way from each circuit up to the connection', () => {
    const { nodes } = compileSite(site)
    const names = (path: readonly number[]) => path.map((index) => nodes[index]!.circuit.id)
    expect(nodes.map(({ path }) => names(path))).toEqual([['main'], ['floor', 'main'], ['flat', 'floor', 'main']])
    expect(nodes.map(({ limited, meter }) => [limited, meter])).toEqual([
      [true, 0],
      [false, -1],
      [true, 1],
    ])
  })

  it('places devices and their terminals', () => {
    const { devices, nodes } = compileSite(site)
    expect(devices[2]!.terminals).toEqual([2, 0])
    expect(devices.map(({ places }) => nodes[places[0]!.node]!.circuit.id)).toEqual(['main', 'main', 'flat', 'main'])
  })

  it('controls a device by a command of its map, and not without one', () => {
    const heater = (...commands: ('limitPowerW' | 'setPowerW' | 'switchOn')[]) =>
      compileSite(site, new Map([['heater', new Set(commands)]])).devices[3]!.controlled?.command
    expect(heater('switchOn', 'setPowerW')).toBe('setPowerW')
    expect(heater('setPowerW', 'limitPowerW')).toBe('limitPowerW')
    // A load that modulates cannot be controlled by a switch alone.
    expect(heater('switchOn')).toBeUndefined()
    expect(compileSite(site).devices[3]!.controlled?.command).toBe('limitPowerW')
  })
})
