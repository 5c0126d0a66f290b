import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { pointMapSchemaText } from '../../../service/pointmap/json-schema.ts'
import { listMaps, loadPointMap, parsePointMap } from '../../../service/pointmap/load.ts'
import { planReads } from '../../../service/pointmap/plan.ts'
import { needsSunspecWalk, resolveMap } from '../../../service/pointmap/resolve.ts'
import { loadSunspecModels } from '../../../service/pointmap/sunspec/models.ts'
import { pointmaps } from './helpers.ts'
import { everyModel } from './library-layouts.ts'

const models = loadSunspecModels(join(pointmaps, 'sunspec', 'models'))

const everything = everyModel(models)

describe('every map of the library', () => {
  const ids = listMaps(pointmaps)
  test('there are some, and no other files', () => {
    expect(ids).toContain('eastron/sdm630')
    const files = readdirSync(pointmaps, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'))
    expect(files.filter((file) => !file.startsWith(join('sunspec', 'models')))).toHaveLength(ids.length)
  })

  test.each(ids)('%s loads, resolves completely and plans', (id) => {
    const loaded = loadPointMap(id, [pointmaps])
    expect(loaded.id).toBe(id)
    const resolved = needsSunspecWalk(loaded) ? resolveMap(loaded, everything, models) : resolveMap(loaded)
    expect([...resolved.missing]).toEqual([])
    const blocks = planReads(resolved.points, resolved.quirks)
    for (const block of blocks) expect(block.count).toBeLessThanOrEqual(resolved.quirks.maxReadRegisters ?? 125)
  })

  test.each(ids)('%s names its sources and points editors to the schema', (id) => {
    expect(loadPointMap(id, [pointmaps]).map.sources?.length).toBeGreaterThan(0)
    expect(readFileSync(join(pointmaps, `${id}.yaml`), 'utf8')).toMatch(
      /^# yaml-language-server: \$schema=\.\.\/schema\.json\n/,
    )
  })
})

test('pointmaps/schema.json is what `npm run generate` writes', () => {
  expect(readFileSync(join(pointmaps, 'schema.json'), 'utf8')).toBe(pointMapSchemaText())
})

test('the SunSpec models have the lengths that devices state', () => {
  const lengths = {
    1: 66,
    103: 50,
    113: 60,
    120: 26,
    121: 30,
    122: 44,
    123: 24,
    124: 24,
    203: 105,
    213: 124,
    701: 153,
    704: 65,
    713: 7,
  }
  for (const [number, length] of Object.entries(lengths)) expect(models.get(Number(number))?.length).toBe(length)
  expect(models.get(160)).toMatchObject({ length: 8, repeating: { length: 20 } })
})

test('the meter is read in two requests where it matters', () => {
  const { points, quirks } = resolveMap(loadPointMap('eastron/sdm630', [pointmaps]))
  const fast = planReads(
    points.filter((point) => point.pollGroup === 'fast'),
    quirks,
  )
  expect(fast.map(({ address, count }) => [address, count])).toEqual([
    [0, 18],
    [52, 20],
  ])
})

test('the examples of the README are valid', () => {
  const readme = readFileSync(join(pointmaps, 'README.md'), 'utf8')
  const [whole = '', , commands = ''] = [...readme.matchAll(/```yaml\n([^`]*)```/g)].map(([, text]) => text ?? '')
  expect(parsePointMap(whole, 'acme/meter-3.yaml', () => undefined).map.model).toBe('Meter 3')
  const inherited = () => ({
    text: readFileSync(join(pointmaps, 'r-ems', 'demo-battery.yaml'), 'utf8'),
    file: 'r-ems/demo-battery.yaml',
  })
  const head = 'format: 1\nmaker: A\nmodel: B\nkind: battery\nextends: r-ems/demo-battery\npoints: {}\n'
  expect(parsePointMap(head + commands, 'a/b.yaml', inherited).map.commands).toHaveProperty('setPowerW')
})
