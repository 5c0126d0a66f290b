import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkSiteFiles, completeSiteFiles, inspectSiteFiles } from '../../../service/configuration/check-site.ts'
import { siteFilesFrom } from '../../../service/configuration/site-files.ts'
import { folderLibrary } from '../../../service/pointmap/load.ts'

const library = folderLibrary([resolve(import.meta.dirname, '../../../pointmaps')])
const site = `version: 3
name: Mill
grids:
  - { id: grid, name: Grid, connection: { id: main, name: Main, fuseA: 35, meter: meter } }
devices:
  - { id: meter, name: Meter, role: grid-meter, map: eastron/sdm630, connection: 'tcp://10.0.0.1' }
`
const files = (texts: Readonly<Record<string, string>>) => siteFilesFrom(Object.entries(texts))

describe('a site as a whole', () => {
  it('is checked with its maps', () => {
    const checked = checkSiteFiles(files({ 'site.yaml': site }), library)
    expect(checked.site.name).toBe('Mill')
    expect(checked.maps.get('eastron/sdm630')?.hash).toMatch(/^[0-9a-f]{64}$/)
    expect(checked.warnings).toEqual([])
  })

  it('says the same in TOML', () => {
    const toml = `version = 3
name = "Mill"
[[grids]]
id = "grid"
name = "Grid"
connection = { id = "main", name = "Main", fuseA = 35, meter = "meter" }
[[devices]]
id = "meter"
name = "Meter"
role = "grid-meter"
map = "eastron/sdm630"
connection = "tcp://10.0.0.1"
`
    expect(checkSiteFiles(files({ 'site.toml': toml }), library).site).toEqual(
      checkSiteFiles(files({ 'site.yaml': site }), library).site,
    )
    const { problems } = inspectSiteFiles(files({ 'site.toml': toml.replace('"grid-meter"', '"grid-metre"') }), library)
    expect(problems[0]).toMatchObject({ file: 'site.toml', line: 10, column: 8 })
    expect(problems[0]?.message).toContain('did you mean "grid-meter"')
  })

  it('names the line of a missing map and what to do', () => {
    const { problems, code } = inspectSiteFiles(files({ 'site.yaml': site.replace('sdm630', 'sdm63') }), library)
    expect(code).toBe('map.not-found')
    expect(problems).toMatchObject([{ file: 'site.yaml', line: 6, column: 54 }])
    expect(problems[0]?.message).toBe(
      'device "meter": there is no point map "eastron/sdm63"; did you mean "eastron/sdm630"? Else add the file pointmaps/eastron/sdm63.yaml beside the site file',
    )
  })

  it('reports the problems of the site and of its maps together', () => {
    const { problems } = inspectSiteFiles(
      files({ 'site.yaml': site.replace('fuseA', 'fusA'), 'pointmaps/acme/box.yaml': 'format: 1\nmaker: Acme\n' }),
      library,
    )
    expect(problems.map(({ file }) => file)).toContain('site.yaml')
    expect(problems.map(({ file }) => file)).toContain('pointmaps/acme/box.yaml')
  })

  it('warns of a map that nobody uses', () => {
    const map = library.open('eastron/sdm630')!.text
    const checked = checkSiteFiles(files({ 'site.yaml': site, 'pointmaps/acme/box.yaml': map }), library)
    expect(checked.warnings).toMatchObject([{ file: 'pointmaps/acme/box.yaml' }])
  })

  it('can be completed with every map that it needs, also those that others extend', () => {
    const own = 'format: 1\nmaker: Acme\nmodel: Box\nkind: meter\nextends: eastron/sdm630\npoints: {}\n'
    const checked = checkSiteFiles(
      files({ 'site.yaml': site.replace('eastron/sdm630', 'acme/box'), 'pointmaps/acme/box.yaml': own }),
      library,
    )
    const complete = completeSiteFiles(checked)
    expect([...complete.keys()]).toEqual(['pointmaps/acme/box.yaml', 'pointmaps/eastron/sdm630.yaml', 'site.yaml'])
    const alone = checkSiteFiles(complete, folderLibrary([]))
    expect(alone.maps.get('acme/box')?.hash).toBe(checked.maps.get('acme/box')?.hash)
  })

  it('refuses YAML bombs at once', () => {
    const aliases = `a: &a [x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 8 }, (_, at) => `b${at}: &b${at} [${Array.from({ length: 9 }, () => `*${at === 0 ? 'a' : `b${at - 1}`}`).join(', ')}]\n`).join('')}`
    for (const bomb of [aliases, '['.repeat(100_000), `${'- '.repeat(50_000)}x`, '{a: '.repeat(50_000)]) {
      const { problems } = inspectSiteFiles(files({ 'site.yaml': bomb }), library)
      expect(problems[0]?.message).toMatch(/aliases|nested too deeply/)
    }
  })
})
