import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { SetupAnswers } from '#contract/setup.ts'
import { siteFilesFrom } from '../../../service/configuration/site-files.ts'
import { checkAnswers } from '../../../service/setup/check.ts'
import { answersOf, filesOf, parseAnswers } from '../../../service/setup/files.ts'
import { withValue } from '../../../service/setup/places.ts'
import { answers } from './arbitrary-answers.ts'

const examples = resolve(import.meta.dirname, '../../../service/examples')
const example = (name: string): string => readFileSync(resolve(examples, name), 'utf8')
const siteOf = (text: string) => siteFilesFrom([['site.yaml', text]])

/** The answers that the files of an example stand for. */
function answersIn(text: string): SetupAnswers {
  const { problems, answers: complete } = checkAnswers(answersOf(siteOf(text)))
  expect(problems).toEqual([])
  return complete!
}

describe('files of answers', () => {
  it('are valid, the same every time, and say the answers again', () => {
    fc.assert(
      fc.property(answers, (complete) => {
        const files = filesOf(complete)
        expect(filesOf(structuredClone(complete))).toEqual(files)
        expect(answersOf(files.site, files.edge)).toEqual(complete)
        // Made again over themselves, nothing moves.
        expect(filesOf(complete, files)).toEqual(files)
      }),
      { numRuns: 60 },
    )
  })

  it('take other answers over old files as a new site would, whatever was there before', () => {
    fc.assert(
      fc.property(answers, answers, (before, after) => {
        const files = filesOf(after, filesOf(before))
        expect(answersOf(files.site, files.edge)).toEqual(after)
      }),
      { numRuns: 40 },
    )
  })

  it('explain themselves', () => {
    const complete = parseAnswers(
      `installation: { name: Depot Nord, timeZone: Europe/Berlin }
devices:
  - { id: meter, name: Grid meter, role: grid-meter, map: eastron/sdm630, connection: tcp://10.0.0.10, phases: [l2, l3, l1] }
grids:
  - { id: grid, name: Grid, connection: { id: main, name: Transformer, fuseA: 250, meter: meter } }
network: { listen: '0.0.0.0:8443' }
`,
      'answers.yaml',
    )
    const { site, edge } = filesOf(complete)
    expect(site.get('site.yaml'))
      .toBe(`# Written by the setup wizard of R-EMS. Edit it freely: the wizard keeps comments and order when it changes something.

version: 3
name: Depot Nord

# Tariffs follow the clock of this zone.
timeZone: Europe/Berlin

# Each grid with its tree of fuses. "meter" names the device that measures a circuit: a limit without one cannot be kept.
# Limits in W and A; maxExportW: 0 allows no export at all.
grids:
  - id: grid
    name: Grid
    connection:
      id: main
      name: Transformer
      fuseA: 250
      meter: meter

# How each device is reached, what it is for, and its limits. "phases" are the phases of the grid at the terminals of the
# device: [l2, l3, l1] is a rotated connection. What is proven on site is noted under "verified" later.
devices:
  - id: meter
    name: Grid meter
    role: grid-meter
    map: eastron/sdm630
    connection: tcp://10.0.0.10
    phases: [l2, l3, l1]
`)
    expect(parse(edge)).toEqual({ mode: 'production', port: 8080, listen: '0.0.0.0:8443' })
    expect(edge).toContain('never travel with the site')
  })
})

describe('an existing site', () => {
  it.each(['depot.yaml', 'home.yaml', 'vessel.yaml'])('%s stays as it is when nothing was changed', (name) => {
    const text = example(name)
    expect(filesOf(answersIn(text), { site: siteOf(text) }).site.get('site.yaml')).toBe(text)
  })

  it('keeps comments, order and what the wizard does not ask for', () => {
    const text = `# Kept by the electrician.
version: 3
cycleMs: 500 # fast
name: Old name # as on the door
devices:
  # Behind the main switch.
  - { id: meter, role: grid-meter, name: 'Grid meter', map: eastron/sdm630, connection: 'tcp://10.0.0.10' }
  - id: battery
    name: Battery
    role: battery
    map: sunspec/der
    connection: tcp://10.0.0.20
    phases: [ l1,l2,  l3 ]   # checked
    battery: { maxChargeW: 5000, maxDischargeW: 6_000 }
    verified: { commands: [setPowerW] } # 2026-03-01
grids:
  - id: grid
    name: Grid
    connection: { id: main, name: Main, fuseA: 63, meter: meter } # see the photo
signals:
  - { id: dim, name: Dim, kind: dim, active: { device: meter, point: state } }
`.replace('6_000', '6000')
    let changed: unknown = answersIn(text)
    changed = withValue(changed, ['installation', 'name'], 'New name')
    changed = withValue(changed, ['grids', 0, 'connection', 'fuseA'], 80)
    changed = withValue(changed, ['devices', 1, 'battery', 'minSocPercent'], 20)
    const { answers: complete } = checkAnswers(Object(changed))
    const edited = filesOf(complete!, { site: siteOf(text) }).site.get('site.yaml')
    expect(edited).toBe(
      text
        .replace('name: Old name', 'name: New name')
        .replace('fuseA: 63', 'fuseA: 80')
        .replace('{ maxChargeW: 5000', '{ minSocPercent: 20, maxChargeW: 5000'),
    )
  })

  it('refuses to take away a device that something else still needs, with the place', () => {
    const text = example('home.yaml')
    const complete = answersIn(text)
    const without = { ...complete, devices: complete.devices.filter(({ id }) => id !== 'control-box') }
    expect(() => filesOf(without, { site: siteOf(text) })).toThrow(
      /site\.yaml:\d+:\d+: .*there is no device "control-box"/,
    )
  })

  it('in TOML is left alone', () => {
    const complete = answersIn(example('home.yaml'))
    const toml = siteFilesFrom([['site.toml', 'version = 2\n']])
    expect(() => filesOf(complete, { site: toml })).toThrow(/site\.toml.*by hand/)
  })
})
