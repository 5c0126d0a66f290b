import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { migrations } from '../../../service/configuration/migrations.ts'
import { parseSite, parseSiteData } from '../../../service/configuration/site-document.ts'
import { siteVersion } from '../../../service/contract/site.ts'

const fixture = (version: number): string =>
  readFileSync(join(import.meta.dirname, `fixtures/site-v${version}.yaml`), 'utf8')
const comments = (text: string): string[] => [...text.matchAll(/# .*$/gm)].map(([found]) => found).toSorted()

function read(text: string) {
  const parsed = parseSite(text, 'site.yaml')
  if (parsed.problems) throw new Error(JSON.stringify(parsed.problems))
  return parsed
}

describe('a site file of an older version', () => {
  it('there is a migration from every older version to the next, with a note', () => {
    expect(migrations.map(({ from, to }) => [from, to])).toEqual(
      Array.from({ length: siteVersion - 1 }, (_, at) => [at + 1, at + 2]),
    )
    for (const { note } of migrations) expect(note.length).toBeGreaterThan(20)
  })

  it.each(migrations.map(({ from }) => from))(
    'of version %i is read, keeps its comments and says what changed',
    (version) => {
      const text = fixture(version)
      const parsed = read(text)
      expect(parsed.fromVersion).toBe(version)
      expect(parsed.notes).toHaveLength(siteVersion - version)
      expect(comments(parsed.text)).toEqual(comments(text))
      // The written file is of the newest version and says the same.
      expect(read(parsed.text)).toMatchObject({ fromVersion: siteVersion, notes: [], site: parsed.site })
      expect(parseSiteData(parse(text))).toEqual(parsed.site)
    },
  )

  it('of version 1 keeps its fuse, its reserve and its meters', () => {
    const { site, text } = read(fixture(1))
    expect(site.grids).toEqual([
      {
        id: 'grid',
        name: 'Grid',
        nominalVoltageV: 230,
        phases: ['l1', 'l2', 'l3'],
        connection: { id: 'main', name: 'Grid connection', fuseA: 35, meter: 'meter' },
      },
    ])
    expect(site.devices.find(({ id }) => id === 'battery')?.battery).toMatchObject({
      minSocPercent: 15,
      maxSocPercent: 95,
      maxChargeW: 6000,
      maxDischargeW: 6000,
      rampWPerS: 12_000,
    })
    expect(site.devices.find(({ id }) => id === 'hall')?.role).toBe('meter')
    // Nothing is verified by a migration.
    expect(site.devices.every(({ verified }) => verified === undefined)).toBe(true)
    expect(text).toContain('# sealed by the grid operator\n')
  })

  it('of version 2 differs in its version only', () => {
    const { text } = read(fixture(2))
    expect(text).toBe(fixture(2).replace('version: 2', 'version: 3'))
  })

  it('shows problems where they stand in the file that a person has', () => {
    const text = fixture(1).replace('map: r-ems/demo-weather', 'mapp: r-ems/demo-weather')
    const line = text.split('\n').findIndex((each) => each.includes('mapp')) + 1
    const { problems } = parseSite(text, 'site.yaml')
    expect(problems?.find(({ message }) => message.includes('did you mean "map"'))).toMatchObject({ line, column: 5 })
    expect(problems?.[0]?.message).toContain(`read as version ${siteVersion}`)
  })

  it.each([
    [siteVersion + 1, /newer than this service .*install a newer R-EMS/],
    [0, /from 1 to 3/],
    [2.5, /from 1 to 3/],
    ['three', /from 1 to 3/],
  ])('of version %j is refused with one sentence', (version, expected) => {
    const { problems } = parseSite(stringify({ ...parse(fixture(2)), version }), 'site.yaml')
    expect(problems).toHaveLength(1)
    expect(problems?.[0]).toMatchObject({ line: 1, column: 10, path: 'version' })
    expect(problems?.[0]?.message).toMatch(expected)
  })

  it('survives any nonsense in the places that it migrates', () => {
    for (const text of [
      'version: 1\n',
      'version: 1\ngrid: 5\nbattery: [1]\ndevices: no\n',
      'version: 1\ngrid:\ndevices: [1, { role: battery }]\nbattery: {}\n',
      'version: 1\ngrid: &x { mainFuseA: 3 }\nother: *x\ndevices: []\n',
    ])
      expect(parseSite(text, 'site.yaml').problems?.length).toBeGreaterThan(0)
  })
})
