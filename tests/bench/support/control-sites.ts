import { type Site, site } from '#contract/site.ts'

const rotations = [
  ['l1', 'l2', 'l3'],
  ['l2', 'l3', 'l1'],
  ['l3', 'l1', 'l2'],
]
const perFeeder = 24
const address = (index: number): string => `tcp://10.0.${Math.floor(index / 250)}.${(index % 250) + 1}`
const meterMap = (index: number) => ({ map: 'eastron/sdm630', connection: address(10_000 + index) })

/**
 * A site of so many devices: feeders with a meter and up to 24 devices each, three of four of them chargers, the rest
 * batteries, PV and heaters. Fuses are sized so that they bind as soon as half of the vehicles charge.
 */
export function benchSite(devices: number): Site {
  const feeders = Math.max(1, Math.round((devices - 1) / (perFeeder + 1)))
  const members = devices - 1 - feeders
  const size = Math.ceil(members / feeders)
  return site.parse({
    version: 3,
    name: `A site of ${devices} devices`,
    grids: [
      {
        id: 'grid',
        name: 'Grid',
        connection: {
          id: 'main',
          name: 'Main',
          fuseA: Math.min(10_000, Math.max(63, members * 6)),
          meter: 'meter',
          circuits: Array.from({ length: feeders }, (_, index) => ({
            id: `feeder-${index}`,
            name: `Feeder ${index}`,
            fuseA: Math.max(63, Math.min(size, members) * 10),
            meter: `meter-${index}`,
          })),
        },
      },
    ],
    devices: [
      { id: 'meter', name: 'Meter', role: 'grid-meter', ...meterMap(0) },
      ...Array.from({ length: feeders }, (_, index) => ({
        id: `meter-${index}`,
        name: `Meter of feeder ${index}`,
        role: 'meter',
        circuit: `feeder-${index}`,
        ...meterMap(index + 1),
      })),
      ...Array.from({ length: members }, (_, index) => member(index, `feeder-${Math.floor(index / size)}`)),
    ],
  })
}

function member(index: number, circuit: string): object {
  const device = { id: `device-${index}`, name: `Device ${index}`, circuit, connection: address(index) }
  if (index % 12 === 3)
    return { ...device, role: 'battery', map: 'r-ems/demo-battery', battery: { maxChargeW: 5000, maxDischargeW: 5000 } }
  if (index % 12 === 7) return { ...device, role: 'pv', map: 'sunspec/inverter', pv: { ratedPowerW: 10_000 } }
  if (index % 12 === 11)
    return { ...device, role: 'load', map: 'r-ems/demo-heater', load: { kind: 'modulating', maxW: 6000 } }
  return {
    ...device,
    role: 'charger',
    map: 'r-ems/demo-charger',
    phases: rotations[index % 3],
    charger: { maxCurrentA: 32, priority: 1 + (index % 3) },
  }
}

export interface DepotEndpoint {
  readonly host: string
  readonly port: number
}

/** site.yaml of a depot whose chargers answer at these addresses; they may rise at once, so that many runs fit in little time. */
export function depotSite(endpoints: Readonly<Record<string, DepotEndpoint>>, chargers: number, fuseA: number): object {
  const at = (name: string): string => {
    const endpoint = endpoints[name]
    if (!endpoint) throw new Error(`the plant has no ${name}`)
    return `tcp://${endpoint.host}:${endpoint.port}`
  }
  return {
    version: 3,
    name: 'Depot of the benchmark',
    grids: [{ id: 'grid', name: 'Grid', connection: { id: 'main', name: 'Main', fuseA, meter: 'meter' } }],
    devices: [
      {
        id: 'meter',
        name: 'Grid meter',
        role: 'grid-meter',
        map: 'eastron/sdm630',
        connection: at('meter'),
        verified: { signs: ['powerW', 'powerW.l1', 'powerW.l2', 'powerW.l3'] },
      },
      ...Array.from({ length: chargers }, (_, index) => ({
        id: `charger-${index + 1}`,
        name: `Bay ${index + 1}`,
        role: 'charger',
        map: 'r-ems/demo-charger',
        connection: at(`charger-${index + 1}`),
        phases: rotations[index % 3],
        charger: { maxCurrentA: 32, safeCurrentA: 0, dwellS: 0, rampAPerS: 100 },
        verified: { commands: ['setCurrentA'], signs: ['powerW'] },
      })),
    ],
  }
}
