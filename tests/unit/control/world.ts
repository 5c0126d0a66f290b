import { site as siteSchema, type Site } from '#contract/site.ts'
import type { AgedReading } from '../../../service/domain/measured.ts'
import { type ProcessImage, siteImage, type SiteImage } from '../../../service/domain/site-image.ts'

export const testSite: Site = siteSchema.parse({
  version: 1,
  name: 'Test',
  grid: { mainFuseA: 35, nominalVoltageV: 230 },
  battery: { minSocPercent: 15, maxSocPercent: 95, maxChargeW: 6000, maxDischargeW: 6000, rampWPerS: 1000 },
  devices: [
    { id: 'meter', name: 'Meter', role: 'grid-meter', map: 'a/b', connection: 'tcp://127.0.0.1:1' },
    { id: 'inverter', name: 'Inverter', role: 'pv', map: 'a/b', connection: 'tcp://127.0.0.1:2' },
    { id: 'battery', name: 'Battery', role: 'battery', map: 'a/b', connection: 'tcp://127.0.0.1:3' },
  ],
})

export interface World {
  /** Phase powers at the grid connection, > 0 import. */
  gridW?: readonly [number, number, number] | undefined
  pvW?: number | undefined
  batteryW?: number | undefined
  soc?: number | undefined
  setpointW?: number | undefined
  chargeLimitW?: number | undefined
  /** Age of the grid meter's readings. */
  gridAgeMs?: number
}

const reading = (value: number | undefined, ageMs = 20): AgedReading =>
  value === undefined
    ? { quality: 'bad', reason: 'no answer', atMs: 0, ageMs }
    : { value, quality: 'good', atMs: 1_000_000 - ageMs, ageMs }

/** A site image as the process image would give it, with 230 V on every phase. */
export function imageOf(world: World): SiteImage {
  const age = world.gridAgeMs ?? 20
  const phases = ['l1', 'l2', 'l3'] as const
  const meter = new Map<string, AgedReading>([
    ['powerW', reading(world.gridW && world.gridW[0] + world.gridW[1] + world.gridW[2], age)],
    ...phases.map((phase, index) => [`powerW.${phase}`, reading(world.gridW?.[index], age)] as const),
    ...phases.map(
      (phase, index) =>
        [`currentA.${phase}`, reading(world.gridW && Math.abs(world.gridW[index] ?? 0) / 230, age)] as const,
    ),
    ...phases.map((phase) => [`voltageV.${phase}`, reading(world.gridW && 230, age)] as const),
  ])
  const image: ProcessImage = {
    atMs: 1_000_000,
    devices: new Map([
      ['meter', meter],
      ['inverter', new Map([['powerW', reading(world.pvW)]])],
      [
        'battery',
        new Map([
          ['powerW', reading(world.batteryW)],
          ['socPercent', reading(world.soc)],
          ['setpointW', reading(world.setpointW)],
          ...(world.chargeLimitW === undefined ? [] : ([['chargeLimitW', reading(world.chargeLimitW)]] as const)),
        ]),
      ],
    ]),
  }
  return siteImage(testSite, image)
}
