import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type CheckedSite, checkSiteFiles } from '../../../service/configuration/check-site.ts'
import { diffSites } from '../../../service/configuration/diff-sites.ts'
import { stricterLimits } from '../../../service/configuration/limits.ts'
import { siteFilesFrom } from '../../../service/configuration/site-files.ts'
import { siteChange } from '../../../service/contract/configuration.ts'
import { namedLimits } from '../../../service/domain/site-limits.ts'
import { folderLibrary } from '../../../service/pointmap/load.ts'

const root = resolve(import.meta.dirname, '../../..')
const library = folderLibrary([resolve(root, 'pointmaps')])
const home = readFileSync(resolve(root, 'service/examples/home.yaml'), 'utf8')
const meterMap = library.open('eastron/sdm630')!.text

function checked(text: string, map = meterMap): CheckedSite {
  return checkSiteFiles(
    siteFilesFrom([
      ['site.yaml', text],
      ['pointmaps/eastron/sdm630.yaml', map],
    ]),
    library,
  )
}
const before = checked(home)
const changes = (edit: (text: string) => string) => {
  const text = edit(home)
  expect(text).not.toBe(home)
  return diffSites(before, checked(text)).map((change) => siteChange.parse(change))
}

describe('what a new site does differently', () => {
  it('is nothing when only comments and order differ', () => {
    const text = `# new\n${home.replace('version: 3\n', '')}version: 3\n`
    expect(diffSites(before, checked(text))).toEqual([])
  })

  it.each<[edit: (text: string) => string, expected: object]>([
    [
      (text) => text.replace('fuseA: 35', 'fuseA: 350'),
      {
        id: 'limit/circuit/main/fuseA',
        kind: 'changed',
        area: 'limits',
        looser: true,
        factor: 10,
        text: 'Grid connection: Fuse per phase raised from 35 A to 350 A (x 10)',
      },
    ],
    [
      (text) => text.replace('fuseA: 35', 'fuseA: 25'),
      { id: 'limit/circuit/main/fuseA', text: 'Grid connection: Fuse per phase lowered from 35 A to 25 A' },
    ],
    [
      (text) => text.replace('      maxExportW: 7000\n', ''),
      { id: 'limit/circuit/main/maxExportW', kind: 'removed', looser: true, before: '7000 W' },
    ],
    [
      (text) => text.replace('minSocPercent: 15', 'minSocPercent: 5'),
      { id: 'limit/device/battery/minSocPercent', looser: true, text: 'Battery: Reserve lowered from 15 % to 5 %' },
    ],
    [
      (text) => text.replace('192.168.1.13', '192.168.1.99'),
      { id: 'device/car/connection', kind: 'moved', after: 'tcp://192.168.1.99' },
    ],
    [(text) => text.replace('importPrice: { base: 0.32', 'importPrice: { base: 0.33'), { area: 'economics' }],
    [(text) => text.replace('priority: 7', 'priority: 8'), { id: 'device/heater/load/priority', area: 'control' }],
    [
      (text) => text.replace('safeCurrentA: 6', 'safeCurrentA: 8'),
      { id: 'device/car/charger/safeCurrentA', looser: true, before: '6 A', after: '8 A' },
    ],
    [
      (text) => text.replace(/signals:\n(?: {2}.*\n)+/, ''),
      { id: 'signal/dim', kind: 'removed', area: 'signals', looser: true },
    ],
    [
      (text) => text.replace(/ {2}- id: heater\n(?: {4}.*\n)+/, ''),
      {
        id: 'device/heater',
        kind: 'removed',
        text: 'Water heater removed: load, r-ems/demo-heater, tcp://192.168.1.14 unit 1',
      },
    ],
    [
      (text) => text.replace('    name: Roof\n', '    name: Roof\n    verified: { signs: [powerW] }\n'),
      { id: 'device/pv/verified/signs', kind: 'added', area: 'control' },
    ],
  ])('%#: is said in words', (edit, expected) => {
    const found = changes(edit)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject(expected)
    if (!('looser' in expected)) expect(found[0]).not.toHaveProperty('looser')
  })

  it('a point that moved, another scale and a sign that is turned round', () => {
    const map = meterMap
      .replace(/^( {2}powerW: \{.*?)address: (0x[0-9a-fA-F]+|\d+)/m, '$1address: 999, scale: -1')
      .replace(/^( {2}frequencyHz: \{)/m, '$1 scale: 10,')
    expect(map).not.toBe(meterMap)
    const found = diffSites(before, checked(home, map))
    expect(found.find(({ id }) => id === 'point/eastron/sdm630/powerW/address')).toMatchObject({
      kind: 'moved',
      after: '999',
    })
    expect(found.find(({ id }) => id === 'point/eastron/sdm630/powerW/scale')).toMatchObject({
      factor: -1,
      text: 'eastron/sdm630: scale of powerW lowered from 1 to -1 (the sign is turned round)',
    })
    expect(found.find(({ id }) => id === 'point/eastron/sdm630/frequencyHz/scale')?.text).toBe(
      'eastron/sdm630: scale of frequencyHz raised from 1 to 10 (x 10)',
    )
  })
})

describe('the stricter limits of two sites', () => {
  const raised = checked(home.replace('fuseA: 35', 'fuseA: 350').replace('minSocPercent: 15', 'minSocPercent: 20')).site

  it('are the old fuse and the new reserve', () => {
    const { site, held, lost } = stricterLimits(before.site, raised)
    expect(site.grids[0]?.connection.fuseA).toBe(35)
    expect(site.devices.find(({ id }) => id === 'battery')?.battery?.minSocPercent).toBe(20)
    expect(held).toMatchObject([{ name: 'limit/circuit/main/fuseA', value: 35 }])
    expect(lost).toEqual([])
    expect(raised.grids[0]?.connection.fuseA).toBe(350)
  })

  it('follow the new site where a person has confirmed it by name', () => {
    const { site, held } = stricterLimits(before.site, raised, new Set(['limit/circuit/main/fuseA']))
    expect(site.grids[0]?.connection.fuseA).toBe(350)
    expect(held).toEqual([])
  })

  it('keep a limit that was taken away, wherever its device stands in the list now', () => {
    const { maxExportW: _, ...connection } = before.site.grids[0]!.connection
    const next = {
      ...before.site,
      grids: [{ ...before.site.grids[0]!, connection }],
      devices: before.site.devices
        .map((device) => (device.battery ? { ...device, battery: { ...device.battery, maxChargeW: 9000 } } : device))
        .toReversed(),
    }
    const { site } = stricterLimits(before.site, next)
    expect(site.grids[0]?.connection.maxExportW).toBe(7000)
    expect(site.devices.find(({ id }) => id === 'battery')?.battery?.maxChargeW).toBe(5000)
  })

  it('never allow more than either of the two, for any pair of values', () => {
    const { site } = stricterLimits(raised, before.site)
    const [a, b, s] = [raised, before.site, site].map(namedLimits)
    for (const [at, limit] of s!.entries()) {
      const values = [a![at]?.value, b![at]?.value].filter((value) => value !== undefined)
      if (values.length === 0) continue
      expect(limit.value).toBe(limit.looser === 'larger' ? Math.min(...values) : Math.max(...values))
    }
  })
})
