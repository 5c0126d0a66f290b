import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { siteSchemaText } from '#contract/site-json-schema.ts'
import { site } from '#contract/site.ts'

const root = join(import.meta.dirname, '../../..')
const examples = join(root, 'service/examples')

describe('example sites', () => {
  const files = readdirSync(examples).filter((name) => name.endsWith('.yaml'))

  it('there are three', () => {
    expect(files.toSorted()).toEqual(['depot.yaml', 'home.yaml', 'vessel.yaml'])
  })

  it.each(files)('%s is valid, and its point maps exist', (name) => {
    const parsed = site.safeParse(parse(readFileSync(join(examples, name), 'utf8')))
    expect(parsed.error?.issues).toBeUndefined()
    for (const { map } of parsed.data!.devices)
      expect(() => readFileSync(join(root, 'pointmaps', `${map}.yaml`)), map).not.toThrow()
  })

  it('the depot has twenty charge points', () => {
    const depot = site.parse(parse(readFileSync(join(examples, 'depot.yaml'), 'utf8')))
    expect(depot.devices.filter(({ role }) => role === 'charger')).toHaveLength(20)
  })
})

it('the schema for editors is up to date', () => {
  expect(readFileSync(join(root, 'service/contract/site.schema.json'), 'utf8')).toBe(siteSchemaText())
})

type Change = (draft: Draft) => void
interface Draft {
  version: number
  timeZone?: string
  grids: { id: string; name: string; phases?: string[]; nominalVoltageV?: number; connection: Node }[]
  ties?: object[]
  signals?: object[]
  devices: Record<string, unknown>[]
}
interface Node {
  id: string
  name: string
  fuseA?: number
  maxExportW?: number
  meter?: string
  circuits?: Node[]
}

const at = (id: string, role: string, number: number, rest: object = {}): Record<string, unknown> => ({
  id,
  name: id,
  role,
  map: 'a/b',
  connection: `tcp://10.0.0.${number}`,
  ...rest,
})

function issues(change: Change): string[] {
  const draft: Draft = {
    version: 3,
    grids: [
      {
        id: 'grid',
        name: 'Grid',
        connection: {
          id: 'main',
          name: 'Main',
          fuseA: 35,
          meter: 'meter',
          circuits: [{ id: 'feeder', name: 'Feeder', fuseA: 32, meter: 'meter-f' }],
        },
      },
    ],
    devices: [
      at('meter', 'grid-meter', 1),
      at('meter-f', 'meter', 2),
      at('car', 'charger', 3, { circuit: 'feeder', charger: {} }),
      at('battery', 'battery', 4, { battery: { maxChargeW: 5000, maxDischargeW: 5000 } }),
      at('heater', 'load', 5, { load: { kind: 'modulating', maxW: 3000 } }),
      at('pv', 'pv', 6, { pv: { ratedPowerW: 5000, curtailable: true } }),
    ],
  }
  change(draft)
  const parsed = site.safeParse({ name: 'Test', ...draft })
  return parsed.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
}

const feeder = (draft: Draft) => draft.grids[0]!.connection.circuits![0]!
const settings = (draft: Draft, index: number, key: string) => draft.devices[index]![key] as Record<string, unknown>
const second: Draft['grids'][number] = { id: 'two', name: 'Two', connection: { id: 'other', name: 'Other' } }

describe('a site', () => {
  it('without mistakes is accepted', () => {
    expect(issues(() => {})).toEqual([])
  })

  it.each<[name: string, change: Change, expected: RegExp]>([
    ['of another format', (d) => (d.version = 1), /^version: the format of this site is not of version 3/],
    ['with a time zone that does not exist', (d) => (d.timeZone = 'Mars/Olympus'), /^timeZone: /],
    ['with two devices of one name', (d) => d.devices.push(at('car', 'meter', 9)), /^devices\.6\.id: .*exists twice/],
    ['with two circuits of one name', (d) => (feeder(d).id = 'main'), /circuits\.0\.id: .*"main" exists twice/],
    [
      'with a fuse that nothing measures',
      (d) => {
        delete feeder(d).meter
        d.devices[2]!['circuit'] = 'main'
      },
      /circuits\.0\.meter: the fuse of "Feeder" cannot be kept/,
    ],
    [
      'with a fuse at the connection but no meter there',
      (d) => {
        delete d.grids[0]!.connection.meter
        d.grids[0]!.connection.circuits = []
        d.devices[2]!['circuit'] = 'main'
      },
      /connection\.meter: the fuse of "Main" cannot be kept/,
    ],
    ['with a meter that does not exist', (d) => (feeder(d).meter = 'nobody'), /meter: there is no device "nobody"/],
    [
      'with a grid meter on a feeder',
      (d) => (feeder(d).meter = 'meter'),
      /has the role grid-meter; here it must be meter/,
    ],
    [
      'with one meter on two circuits',
      (d) => feeder(d).circuits?.push() ?? (feeder(d).circuits = [{ id: 'deep', name: 'Deep', meter: 'meter-f' }]),
      /already measures the circuit "feeder"/,
    ],
    [
      'with a device on no circuit',
      (d) => (d.devices[2]!['circuit'] = 'attic'),
      /circuit: there is no circuit "attic"/,
    ],
    [
      'with a load on an unknown phase',
      (d) => {
        d.grids[0]!.phases = ['l1']
        for (const device of d.devices.slice(3)) device['phases'] = ['l1']
      },
      /devices\.2\.phases: the grid "grid" has no phase L2/,
    ],
    [
      'with two writers on one device',
      (d) => (d.devices[4]!['connection'] = 'tcp://10.0.0.3'),
      /devices\.4\.connection: "car" and "heater" would both command/,
    ],
    [
      'with a battery without its limits',
      (d) => delete d.devices[3]!['battery'],
      /^devices\.3\.battery: a battery needs/,
    ],
    ['with a load without its power', (d) => delete d.devices[4]!['load'], /^devices\.4\.load: a load needs/],
    ['with settings of another role', (d) => (d.devices[4]!['charger'] = {}), /^devices\.4\.charger: .*no settings/],
    [
      'with a reserve above the ceiling',
      (d) => Object.assign(settings(d, 3, 'battery'), { minSocPercent: 90, maxSocPercent: 80 }),
      /maxSocPercent: the battery must be charged further/,
    ],
    [
      'with a derating that goes back',
      (d) =>
        Object.assign(settings(d, 3, 'battery'), {
          derating: [
            { temperatureC: 40, percent: 100 },
            { temperatureC: 40, percent: 0 },
          ],
        }),
      /derating: the temperatures must rise/,
    ],
    [
      'with a charger whose ends are exchanged',
      (d) => Object.assign(settings(d, 2, 'charger'), { minCurrentA: 10, maxCurrentA: 6 }),
      /maxCurrentA: the highest current is below the lowest/,
    ],
    [
      'with a safe current above the highest',
      (d) => Object.assign(settings(d, 2, 'charger'), { safeCurrentA: 20 }),
      /safeCurrentA: /,
    ],
    [
      'with a one-phase charger that switches phases',
      (d) => {
        Object.assign(settings(d, 2, 'charger'), { switchesPhases: true })
        d.devices[2]!['phases'] = ['l1']
      },
      /switchesPhases: /,
    ],
    [
      'with a plant of unknown size that may be curtailed',
      (d) => delete settings(d, 5, 'pv')['ratedPowerW'],
      /ratedPowerW: a plant that may be curtailed/,
    ],
    ['with several grids and a device on none', (d) => d.grids.push(second), /devices\.3\.circuit: .*several grids/],
    [
      'with a tie to nowhere',
      (d) =>
        (d.ties = [{ id: 'tie', name: 'Tie', between: ['grid', 'moon'], closed: { device: 'meter', point: 'on' } }]),
      /ties\.0\.between\.1: there is no grid "moon"/,
    ],
    [
      'with a tie of one grid with itself',
      (d) =>
        (d.ties = [{ id: 'tie', name: 'Tie', between: ['grid', 'grid'], closed: { device: 'meter', point: 'on' } }]),
      /two different grids/,
    ],
    [
      'with a condition on nothing',
      (d) => (d.signals = [{ id: 'dim', name: 'Dim', kind: 'dim', active: { device: 'relay', point: 'on' } }]),
      /signals\.0\.active\.device: there is no device "relay"/,
    ],
    [
      'with a limit signal without a limit',
      (d) => (d.signals = [{ id: 'cap', name: 'Cap', kind: 'import', active: { device: 'meter', point: 'on' } }]),
      /signals\.0\.limitW: /,
    ],
  ])('%s is refused with the place and the reason', (_, change, expected) => {
    expect(
      issues(change).some((issue) => expected.test(issue)),
      issues(change).join('\n'),
    ).toBe(true)
  })
})
