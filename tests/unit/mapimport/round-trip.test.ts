import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import type { MapPoint } from '#contract/point-map.ts'
import { exportMap, exportText } from '../../../service/mapimport/export-map.ts'
import { decodePoint } from '../../../service/pointmap/codec.ts'
import { checkPointMap, listMaps, loadPointMap } from '../../../service/pointmap/load.ts'
import { resolveMap } from '../../../service/pointmap/resolve.ts'
import type { LoadedMap } from '../../../service/pointmap/types.ts'
import { importText, load } from './support.ts'

const library = resolve(import.meta.dirname, '../../../pointmaps')

/** What every point says about the same registers. */
function readings(loaded: LoadedMap, seed: number): ReadonlyMap<string, unknown> {
  const image = {
    word: (fn: string, address: number) =>
      /coil|discrete/.test(fn)
        ? (address + seed) % 2
        : (Math.imul(address + fn.length + seed, 2_654_435_761) >>> 7) & 0xffff,
  }
  return new Map(
    resolveMap(loaded).points.map((point) => {
      const decoded = decodePoint(point, image)
      return [point.name, decoded.ok ? decoded.value : 'none']
    }),
  )
}

async function assertSameMeaning(loaded: LoadedMap, format: 'csv' | 'home-assistant'): Promise<number> {
  const { text, left } = exportMap(loaded, format)
  const lost = new Set(left.map(({ point }) => point))
  const names = Object.keys(loaded.map.points).filter((name) => !lost.has(name))
  if (names.length === 0) return 0
  const again = load(await importText(text, format === 'csv' ? 'map.csv' : 'map.yaml'))
  for (const seed of [1, 5000]) {
    const [before, after] = [readings(loaded, seed), readings(again, seed)]
    for (const name of names) {
      // Ranges and plausibility are not part of either format.
      if (before.get(name) === 'none') continue
      expect([loaded.id, name, after.get(name)]).toEqual([loaded.id, name, before.get(name)])
    }
  }
  return names.length
}

const type = fc.constantFrom(
  'uint16',
  'int16',
  'uint32',
  'int32',
  'uint64',
  'int64',
  'float32',
  'float64',
  'uint8h',
  'int8l',
  'bit:7',
  'enum16',
  'flags16',
  'bool',
  'bcd:2',
  'bytes:3',
  'date-time:6',
  'string:4',
  'acc32',
)
const order = fc.constantFrom('big' as const, 'little' as const)
const point = fc.record({
  address: fc.nat(60_000),
  function: fc.constantFrom('holding' as const, 'input' as const),
  type,
  wordOrder: order,
  byteOrder: order,
  scale: fc.constantFrom(1, 0.1, -1, 0.001, 10, -0.01, 6553.6),
  offset: fc.constantFrom(0, 0, -40, 0.5),
  unit: fc.constantFrom(undefined, 'kWh', 'V', 'mA', '°C', '%'),
})

/** Only what lint allows for the type. */
function fitting({
  wordOrder,
  byteOrder,
  scale,
  offset,
  unit,
  ...rest
}: typeof point extends fc.Arbitrary<infer P> ? P : never): MapPoint {
  const numeric = /^(u?int|float|bcd|acc)/.test(rest.type)
  const wide = /32|48|64|bcd/.test(rest.type) && numeric
  return {
    ...rest,
    overlapReason: 'made at random',
    ...(wide && { wordOrder }),
    byteOrder,
    ...(numeric && { scale, offset }),
    ...(numeric && unit && { unit }),
  }
}

describe('what is exported and imported again', () => {
  it.each(['csv', 'home-assistant'] as const)(
    'as %s means the same, for every map of the library',
    async (format) => {
      let compared = 0
      for (const id of listMaps(library).filter((name) => !name.startsWith('sunspec/models/')))
        compared += await assertSameMeaning(loadPointMap(id, [library]), format)
      expect(compared).toBeGreaterThan(500)
    },
    60_000,
  )

  it.each(['csv', 'home-assistant'] as const)(
    'as %s means the same, for any map',
    async (format) => {
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(point, { minLength: 1, maxLength: 12, selector: ({ address }) => address }),
          async (list) => {
            const points = Object.fromEntries(
              list.map((entry, index) => [`vendor.value${String.fromCharCode(97 + index)}x`, fitting(entry)]),
            )
            const text = stringify({ format: 1, maker: 'Any', model: 'Any', kind: 'meter', points })
            const check = checkPointMap(text, join('any', 'any.yaml'), () => undefined)
            if (check.problems) throw new Error(JSON.stringify(check.problems))
            await assertSameMeaning(check.loaded, format)
          },
        ),
        { numRuns: 60 },
      )
    },
    60_000,
  )

  it('says what the other format cannot', () => {
    const { left } = exportMap(loadPointMap('r-ems/demo-battery', [library]), 'csv')
    expect(left.some(({ reason }) => reason.includes('command'))).toBe(true)
    const sunspec = listMaps(library).find((id) => id.startsWith('sunspec/') && !id.includes('models'))!
    expect(exportMap(loadPointMap(sunspec, [library]), 'csv').left.some(({ reason }) => /SunSpec/.test(reason))).toBe(
      true,
    )
  })

  it('refuses a text that is no map with its place', () => {
    expect(() => exportText({ format: 'csv', name: 'a.yaml', text: 'format: 1\nmaker: A\n' })).toThrow(/^a\.yaml:1:1: /)
    expect(() =>
      exportText({
        format: 'csv',
        name: 'a.yaml',
        text: 'format: 1\nmaker: A\nmodel: B\nkind: meter\nextends: a/b\npoints: {}\n',
      }),
    ).toThrow(/extends another one/)
  })
})
