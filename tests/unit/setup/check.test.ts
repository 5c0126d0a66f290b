import { describe, expect, it } from 'vitest'
import { checkAnswers } from '../../../service/setup/check.ts'
import { setupForms } from '../../../service/setup/fields.ts'
import { parseAnswers } from '../../../service/setup/files.ts'
import { suggestAnswers } from '../../../service/setup/suggest.ts'

const meter = { id: 'meter', name: 'Meter', role: 'grid-meter', map: 'eastron/sdm630', connection: 'tcp://10.0.0.1' }
const grid = { id: 'grid', name: 'Grid', connection: { id: 'main', name: 'Main', fuseA: 63, meter: 'meter' } }
const good = { installation: { name: 'Site' }, devices: [meter], grids: [grid] }

const problemsOf = (draft: object) =>
  checkAnswers(draft, { maps: ['eastron/sdm630'] }).problems.map(({ path, kind, message, cure }) => [
    path,
    kind,
    message,
    cure,
  ])

describe('answers', () => {
  it('say what is open when nothing is answered', () => {
    expect(problemsOf({}).map(([path, kind]) => [path, kind])).toEqual([
      ['installation', 'open'],
      ['devices', 'open'],
      ['grids', 'open'],
    ])
    expect(problemsOf(good)).toEqual([])
  })

  it.each([
    [
      { ...good, installation: { name: 'x', timeZone: 'Mars/Base' } },
      'installation.timeZone',
      /not the name of a time zone/,
    ],
    [{ ...good, installation: { name: 'x', mod: 1 } }, 'installation.mod', /did you mean "mode"/],
    [{ ...good, devices: [{ ...meter, connection: '10.0.0.1' }] }, 'devices.0.connection', /expected tcp:/i],
    [{ ...good, devices: [{ ...meter, map: 'eastron/sdm360' }] }, 'devices.0.map', /did you mean "eastron\/sdm630"/],
    [{ ...good, devices: [{ ...meter, unitId: 300 }] }, 'devices.0.unitId', /at most 255/],
    [{ ...good, devices: [meter, meter] }, 'devices.1.id', /exists twice/],
    [
      { ...good, grids: [{ ...grid, connection: { ...grid.connection, fuseA: 'much' } }] },
      'grids.0.connection.fuseA',
      /number/,
    ],
    [
      { ...good, grids: [{ ...grid, connection: { id: 'main', name: 'M', fuseA: 63 } }] },
      'grids.0.connection.meter',
      /no meter/,
    ],
    [{ ...good, network: { listen: 'everywhere' } }, 'network.listen', /0\.0\.0\.0:8443/],
    [{ ...good, accounts: [{ name: 'maria', role: 'boss' }] }, 'accounts.0.role', /not allowed/],
    [{ ...good, accounts: [{ name: 'maria', role: 'admin', password: 'x' }] }, 'accounts.0.password', /unknown key/i],
    [{ ...good, controllers: [{ name: 'a' }, { name: 'a' }] }, 'controllers.1.name', /exists twice/],
  ])('%# that are wrong have a place and a cure', (draft, path, message) => {
    const [problem, ...more] = checkAnswers(draft, { maps: ['eastron/sdm630'] }).problems
    expect(more).toEqual([])
    expect(problem).toMatchObject({ path, message: expect.stringMatching(message) })
    expect(problem?.cure).toMatch(/^\S.+\.$/)
  })

  it('from a file name line and column', () => {
    expect(() => parseAnswers('installation: { name: Site }\ndevices: []\ngrids: []\n', 'a.yaml')).toThrow(
      /a\.yaml:2:1/,
    )
    expect(() => parseAnswers('version: 2\n', 'a.yaml')).toThrow(/a\.yaml:1:10: .*version: 2 is not allowed/)
  })
})

describe('fields', () => {
  it('have a title and a help each', () => {
    for (const { form, fields } of setupForms())
      for (const field of fields) {
        expect([form, field.key, field.title]).not.toContain(field.key === field.title ? field.key : undefined)
        expect([form, field.key, field.help.length > 5]).toEqual([form, field.key, true])
      }
  })
})

describe('suggestions', () => {
  const maps = [
    { id: 'eastron/sdm630', title: 'Eastron SDM630', role: 'meter', onePhase: false },
    { id: 'eastron/sdm230', title: 'Eastron SDM230', role: 'meter', onePhase: true },
  ] as const
  const found = (bus: string, map: string) => ({
    bus,
    unitId: 1,
    name: 'Eastron SDM',
    map,
    confidence: 0.97,
    evidence: ['says so'],
  })

  it('make devices of what a scan has found, with the reason, and none twice', () => {
    const units = [found('tcp://10.0.0.1', 'eastron/sdm630'), found('tcp://10.0.0.2', 'eastron/sdm230')]
    expect(suggestAnswers({ devices: [meter] }, units, maps)[0]).toEqual({
      step: 'devices',
      path: 'devices.1',
      value: {
        id: 'eastron-sdm',
        name: 'Eastron SDM',
        role: 'meter',
        map: 'eastron/sdm230',
        connection: 'tcp://10.0.0.2',
        unitId: 1,
        phases: ['l1'],
      },
      text: 'Eastron SDM, meter',
      why: '97 % sure: says so',
    })
  })

  it('take the first meter for that of the grid connection, and bind it there', () => {
    expect(suggestAnswers({}, [found('tcp://10.0.0.1', 'eastron/sdm630')], maps)[0]).toMatchObject({
      value: { role: 'grid-meter' },
    })
    const open = { ...good, grids: [{ id: 'grid', name: 'Grid', connection: { id: 'main', name: 'Main' } }] }
    expect(suggestAnswers(open, [], maps)).toMatchObject([{ path: 'grids.0.connection.meter', value: 'meter' }])
    expect(suggestAnswers(good, [], maps)).toEqual([])
  })
})
