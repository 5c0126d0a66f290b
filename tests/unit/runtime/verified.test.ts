import { describe, expect, it } from 'vitest'
import { type Site, site as siteSchema } from '#contract/site.ts'
import { unverified } from '../../../service/runtime/verified.ts'

type Written = string | { name: string; by: string; at: string; how: string }
interface Proof {
  commands?: Written[]
  signs?: Written[]
}

function siteWith(meter: Proof | undefined, battery: Proof | undefined): Site {
  const at = (id: string, role: string, verified: Proof | undefined) => ({
    id,
    name: id,
    role,
    map: 'a/b',
    connection: 'tcp://127.0.0.1:1',
    ...(verified && { verified }),
  })
  return siteSchema.parse({
    version: 3,
    name: 'Test',
    grids: [{ id: 'grid', name: 'Grid', connection: { id: 'main', name: 'Main', fuseA: 35, meter: 'meter' } }],
    devices: [
      { ...at('meter', 'grid-meter', meter), unitId: 1 },
      { ...at('battery', 'battery', battery), unitId: 2, battery: { maxChargeW: 1000, maxDischargeW: 1000 } },
    ],
  })
}

describe('S12: automatic control uses nothing unverified', () => {
  const proven = { commands: ['setPowerW'], signs: ['powerW'] }
  const cases: readonly [
    name: string,
    meter: Proof | undefined,
    battery: Proof | undefined,
    reason: RegExp | undefined,
  ][] = [
    ['nothing is proven', undefined, undefined, /command setPowerW of battery is not verified/],
    [
      'another command is proven',
      proven,
      { ...proven, commands: ['switchOn'] },
      /command setPowerW of battery is not verified/,
    ],
    ['the sign of the battery is open', proven, { commands: ['setPowerW'] }, /sign of the power of battery/],
    ['the sign of the meter is open', undefined, proven, /sign of the power of meter/],
    ['another sign of the meter is proven', { signs: ['currentA.l1'] }, proven, /sign of the power of meter/],
    [
      'a proof says who, when and how',
      proven,
      {
        commands: [{ name: 'setPowerW', by: 'Anna', at: '2026-03-01T12:00:00Z', how: 'seen on the display' }],
        signs: [{ name: 'powerW', by: 'Anna', at: '2026-03-01T12:00:00Z', how: 'charged and discharged' }],
      },
      undefined,
    ],
    ['all it rests on is proven', { signs: ['grid.powerW'] }, { ...proven, signs: ['battery.powerW'] }, undefined],
  ]
  it.each(cases)('%s', (_name, meter, battery, reason) => {
    const site = siteWith(meter, battery)
    const found = unverified(site, site.devices[1]!, 'setPowerW')
    if (reason) expect(found).toMatch(reason)
    else expect(found).toBeUndefined()
  })

  it('the sign of a sub-meter counts where a circuit rests on it', () => {
    const site = siteWith(proven, proven)
    const feeder = { ...site.devices[0]!, id: 'feeder', name: 'feeder', role: 'meter' as const, verified: undefined }
    const [grid] = site.grids
    const circuits = [{ id: 'f1', name: 'Feeder', fuseA: 16, meter: 'feeder' }]
    const inUse = {
      ...site,
      devices: [...site.devices, feeder],
      grids: [{ ...grid!, connection: { ...grid!.connection, circuits } }],
    }
    expect(unverified(inUse, site.devices[1]!, 'setPowerW')).toContain('sign of the power of feeder')
    expect(unverified({ ...inUse, grids: site.grids }, site.devices[1]!, 'setPowerW')).toBeUndefined()
  })
})
