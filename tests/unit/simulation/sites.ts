import { type Site, site } from '#contract/site.ts'

const home = {
  version: 3,
  name: 'A home',
  grids: [{ id: 'grid', name: 'Grid', connection: { id: 'main', name: 'Main', fuseA: 25, meter: 'meter' } }],
  devices: [
    { id: 'meter', name: 'Meter', role: 'grid-meter', map: 'eastron/sdm630', connection: 'tcp://10.0.0.1' },
    {
      id: 'pv',
      name: 'PV',
      role: 'pv',
      map: 'sunspec/inverter',
      connection: 'tcp://10.0.0.2',
      pv: { ratedPowerW: 8000 },
    },
    {
      id: 'battery',
      name: 'Battery',
      role: 'battery',
      map: 'r-ems/demo-battery',
      connection: 'tcp://10.0.0.3',
      battery: { minSocPercent: 10, maxChargeW: 5000, maxDischargeW: 5000 },
    },
    {
      id: 'wallbox',
      name: 'Wallbox',
      role: 'charger',
      map: 'r-ems/demo-charger',
      connection: 'tcp://10.0.0.4',
      charger: { maxCurrentA: 16 },
    },
    {
      id: 'heater',
      name: 'Heater',
      role: 'load',
      map: 'r-ems/demo-heater',
      connection: 'tcp://10.0.0.5',
      load: { kind: 'modulating', maxW: 3000 },
    },
  ],
}

/** PV, a battery, a wallbox and a heater behind 25 A. */
export const homeSite: Site = site.parse(home)

/** Chargers behind one fuse with a meter, as many as wanted, their phases in rotation. */
export function depotSite(chargers: number, fuseA: number): Site {
  const rotations = [
    ['l1', 'l2', 'l3'],
    ['l2', 'l3', 'l1'],
    ['l3', 'l1', 'l2'],
  ]
  return site.parse({
    version: 3,
    name: 'A depot',
    grids: [{ id: 'grid', name: 'Grid', connection: { id: 'main', name: 'Main', fuseA, meter: 'meter' } }],
    devices: [
      home.devices[0],
      ...Array.from({ length: chargers }, (_, index) => ({
        id: `charger-${index + 1}`,
        name: `Bay ${index + 1}`,
        role: 'charger',
        map: 'r-ems/demo-charger',
        connection: `tcp://10.0.1.${index + 1}`,
        phases: rotations[index % 3],
        charger: { maxCurrentA: 32 },
      })),
    ],
  })
}

const relay = (id: string, number: number) => ({
  id,
  name: id,
  role: 'sensor',
  map: 'r-ems/demo-heater',
  connection: `tcp://10.0.2.${number}`,
  circuit: 'port-bus',
})
const busMeter = (id: string, circuit: string, number: number) => ({
  id,
  name: id,
  role: 'grid-meter',
  map: 'eastron/sdm630',
  connection: `tcp://10.0.3.${number}`,
  circuit,
})

/** Two grids with a tie between them, and a battery that hangs on one or the other. */
export const vesselSite: Site = site.parse({
  version: 3,
  name: 'A vessel',
  grids: [
    { id: 'port', name: 'Port', connection: { id: 'port-bus', name: 'Port bus', fuseA: 100, meter: 'meter-p' } },
    {
      id: 'starboard',
      name: 'Starboard',
      connection: { id: 'starboard-bus', name: 'Starboard bus', fuseA: 100, meter: 'meter-s' },
    },
  ],
  ties: [{ id: 'tie', name: 'Tie', between: ['port', 'starboard'], closed: { device: 'tie-relay', point: 'on' } }],
  devices: [
    busMeter('meter-p', 'port-bus', 1),
    busMeter('meter-s', 'starboard-bus', 2),
    relay('tie-relay', 1),
    relay('battery-relay', 2),
    {
      id: 'battery',
      name: 'Battery',
      role: 'battery',
      map: 'r-ems/demo-battery',
      connection: 'tcp://10.0.2.9',
      circuit: [
        { circuit: 'port-bus', when: { device: 'battery-relay', point: 'on', equals: 1 } },
        { circuit: 'starboard-bus', when: { device: 'battery-relay', point: 'on', equals: 2 } },
      ],
      battery: { maxChargeW: 30_000, maxDischargeW: 30_000 },
    },
  ],
})
