import fc from 'fast-check'
import { type SetupAnswers, setupAnswers } from '#contract/setup.ts'

const name = fc
  .string({ unit: fc.constantFrom(...Array.from('aZ ä9-:#\'"&*!|>%@`{}[],?é日')), minLength: 1, maxLength: 20 })
  .filter((text) => text.trim() !== '')
  .map((text) => text.trim())
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const watts = fc.integer({ min: 1, max: 100_000 })
const phases = fc.shuffledSubarray(['l1', 'l2', 'l3'], { minLength: 1 })

const charger = fc.record({
  minCurrentA: fc.constantFrom(6, 8),
  maxCurrentA: fc.integer({ min: 10, max: 80 }),
  mode: fc.constantFrom('fast', 'surplus', 'off'),
  priority: fc.integer({ min: 1, max: 9 }),
  dimmable: fc.boolean(),
})
const battery = fc.record({
  minSocPercent: fc.integer({ min: 0, max: 40 }),
  maxChargeW: watts,
  maxDischargeW: watts,
  chargeFromGrid: fc.boolean(),
})

/** Complete answers of sites with one meter and up to six other devices. */
export const answers: fc.Arbitrary<SetupAnswers> = fc
  .record({
    name,
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/Los_Angeles'),
    mode: fc.constantFrom('production', 'simulation', 'hybrid'),
    gridName: name,
    fuseA: optional(fc.integer({ min: 10, max: 4000 })),
    maxExportW: optional(fc.integer({ min: 0, max: 1_000_000 })),
    feeders: fc.array(name, { maxLength: 3 }),
    devices: fc.array(
      fc.record({
        name,
        role: fc.constantFrom('charger', 'battery', 'sensor', 'pv'),
        charger,
        battery,
        phases,
        unitId: fc.integer({ min: 0, max: 255 }),
        feeder: optional(fc.nat(2)),
      }),
      { maxLength: 6 },
    ),
    importPrice: fc.constantFrom(0.3, 0.25, -0.1),
    peakImportW: optional(watts),
    port: fc.integer({ min: 1, max: 65_535 }),
    listen: optional(fc.constantFrom('0.0.0.0:8443', '[::]:8443')),
    tlsNames: fc.uniqueArray(fc.constantFrom('edge-1.local', '10.0.0.1'), { maxLength: 2 }),
    license: optional(fc.constantFrom('/etc/r-ems/license.txt', 'no: yes #')),
    controllers: fc.uniqueArray(fc.constantFrom('edge-a', 'edge-b', 'edge-c'), { maxLength: 3 }),
  })
  .map((made) => {
    const circuits = made.feeders.map((feeder, at) => ({ id: `feeder-${at}`, name: feeder }))
    return setupAnswers.parse({
      installation: { name: made.name, timeZone: made.timeZone, mode: made.mode },
      devices: [
        { id: 'meter', name: 'Meter', role: 'grid-meter', map: 'eastron/sdm630', connection: 'tcp://10.0.0.1' },
        ...made.devices.map(({ role, feeder, ...device }, at) => ({
          id: `device-${at}`,
          name: device.name,
          role,
          map: 'alfen/eve',
          connection: `rtu:///dev/ttyUSB${at}?baud=9600&parity=N&stopbits=1`,
          unitId: device.unitId,
          phases: device.phases,
          ...(feeder !== undefined && feeder < circuits.length && { circuit: `feeder-${feeder}` }),
          ...(role === 'charger' && { charger: device.charger }),
          ...(role === 'battery' && { battery: device.battery }),
        })),
      ],
      grids: [
        {
          id: 'grid',
          name: made.gridName,
          connection: {
            id: 'main',
            name: 'Main',
            meter: 'meter',
            ...(made.fuseA !== undefined && { fuseA: made.fuseA }),
            ...(made.maxExportW !== undefined && { maxExportW: made.maxExportW }),
            ...(circuits.length > 0 && { circuits }),
          },
        },
      ],
      economics: {
        importPrice: made.importPrice,
        ...(made.peakImportW !== undefined && { peakImportW: made.peakImportW }),
      },
      network: { port: made.port, tlsNames: made.tlsNames, ...(made.listen !== undefined && { listen: made.listen }) },
      controllers: made.controllers.map((each) => ({ name: each })),
      license: made.license === undefined ? {} : { path: made.license },
    })
  })
