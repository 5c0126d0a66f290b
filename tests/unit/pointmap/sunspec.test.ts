import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { decodePoint } from '../../../service/pointmap/codec.ts'
import { parsePointMap } from '../../../service/pointmap/load.ts'
import { needsSunspecWalk, resolveMap } from '../../../service/pointmap/resolve.ts'
import { loadSunspecModels } from '../../../service/pointmap/sunspec/models.ts'
import { walkSunspec } from '../../../service/pointmap/sunspec/walk.ts'
import type { SunspecLayout } from '../../../service/pointmap/types.ts'
import { imageOf, pointOf, pointmaps, root } from './helpers.ts'

const models = loadSunspecModels(join(pointmaps, 'sunspec', 'models'))
const layout: SunspecLayout = {
  base: 40_000,
  warnings: [],
  models: [
    { model: 1, address: 40_004, length: 65 },
    { model: 113, address: 40_071, length: 60 },
    { model: 160, address: 40_133, length: 48 },
    { model: 160, address: 40_183, length: 28 },
    { model: 123, address: 40_213, length: 24 },
  ],
}
const head = 'format: 1\nmaker: A\nmodel: B\nkind: pv-inverter\n'
const map = (body: string) => parsePointMap(head + body, 'a/b.yaml', () => undefined)

describe('points by model', () => {
  const loaded = map(`points:
  powerW: { sunspec: { model: [103, 113], point: W } }
  pv.1.powerW: { sunspec: { model: 160, point: DCW, group: 0 } }
  pv.2.powerW: { sunspec: { model: 160, point: DCW, group: 1 } }
  pv.3.powerW: { sunspec: { model: 160, point: DCW, group: 0, instance: 1 } }
  pv.4.powerW: { sunspec: { model: 160, point: DCW, group: 1, instance: 1 } }
  pv.5.powerW: { sunspec: { model: 160, point: DCW } }
  battery.socPercent: { sunspec: { model: 124, point: ChaState } }
  setpointPercent: { sunspec: { model: 123, point: WMaxLimPct } }
commands:
  limitPowerPercent:
    unit: '%'
    limits: { min: 0, max: 100 }
    writes: [{ sunspec: { model: 123, point: WMaxLimPct }, value: $value }]
    release: [{ sunspec: { model: 123, point: WMaxLim_Ena }, value: 0 }]
    expiry: { kind: none }
    safeValue: release
    storage: volatile
  setReservePercent:
    unit: '%'
    limits: { min: 0, max: 100 }
    writes: [{ sunspec: { model: 124, point: MinRsvPct }, value: $value }]
    expiry: { kind: none }
    safeValue: 100
    storage: volatile
  limitPowerW:
    unit: W
    limits: { min: 0, max: 100 }
    writes: [{ sunspec: { model: 113, point: W }, value: $value }]
    expiry: { kind: none }
    safeValue: 0
    storage: volatile
`)
  const resolved = resolveMap(loaded, layout, models)
  const point = (name: string) => resolved.points.find((entry) => entry.name === name)

  test('types, addresses and scale factors come from the model, wherever the device has it', () => {
    expect(needsSunspecWalk(loaded)).toBe(true)
    expect(point('powerW')).toMatchObject({ type: 'float32', addresses: [40_091, 40_092] })
    expect(point('pv.1.powerW')).toMatchObject({ type: 'uint16', addresses: [40_152], scaleFactorAddress: 40_135 })
    expect(point('pv.2.powerW')).toMatchObject({ addresses: [40_172], scaleFactorAddress: 40_135 })
    expect(point('pv.3.powerW')).toMatchObject({ addresses: [40_202], scaleFactorAddress: 40_185, typeSentinels: true })
    expect(resolved.commands.get('limitPowerPercent')?.writes[0]).toMatchObject({
      address: 40_216,
      scaleFactorAddress: 40_234,
    })
  })

  test('what the device lacks is listed with the reason', () => {
    expect(Object.fromEntries(resolved.missing)).toEqual({
      'pv.4.powerW': 'SunSpec model 160 of this device has no repetition 1',
      'pv.5.powerW': 'SunSpec model 160 has no point DCW',
      'battery.socPercent': 'the device has no SunSpec model 124',
      setReservePercent: 'the device has no SunSpec model 124',
      limitPowerW: 'SunSpec point W cannot be written',
    })
    expect(resolveMap(loaded).missing.get('powerW')).toBe('the SunSpec models of the device are not known yet')
    expect(
      resolveMap(loaded, { ...layout, models: [{ model: 160, address: 9, length: 4 }] }, models).missing.get(
        'pv.1.powerW',
      ),
    ).toContain('no repetition 0')
  })
})

test('a broken model names its line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'models-'))
  const load = (text: string) => {
    writeFileSync(join(folder, '9.yaml'), text)
    return () => loadSunspecModels(folder)
  }
  expect(load('model: 9\ntitle: X\nlength: 2\npoints:\n  A: { at: 1, type: int32 }\n')).toThrow(
    /9\.yaml:5:3: .*does not fit into 2 registers/,
  )
  expect(load('model: 9\ntitle: X\nlength: 2\npoints:\n  A: { at: 1, type: int16, sf: B }\n')).toThrow(/scale factor B/)
  expect(load('model: 8\ntitle: X\nlength: 2\npoints: {}\n')).toThrow(/must be named 8\.yaml/)
  rmSync(folder, { recursive: true })
})

const modelFiles = join(root, '..', 'shared', 'data', 'sunspec-models', 'json')

describe.skipIf(!existsSync(modelFiles))(
  'against the published definitions (skipped where ../shared/data is missing)',
  () => {
    const sourcePoint = z.object({
      name: z.string(),
      type: z.string(),
      size: z.number(),
      sf: z.union([z.string(), z.number()]).optional(),
      access: z.string().optional(),
    })
    const source = z.object({
      group: z.object({
        points: z.array(sourcePoint),
        groups: z
          .array(z.object({ name: z.string(), count: z.unknown().optional(), points: z.array(sourcePoint) }))
          .optional(),
      }),
    })
    const types: Readonly<Record<string, string>> = { bitfield16: 'flags16', bitfield32: 'flags32', count: 'uint16' }

    test.each([...models.keys()])('model %d', (number) => {
      const { group } = source.parse(JSON.parse(readFileSync(join(modelFiles, `model_${number}.json`), 'utf8')))
      const model = models.get(number)!
      let at = 0
      const compare = (
        points: z.infer<typeof sourcePoint>[],
        ours: NonNullable<typeof model>['points'],
        prefix = '',
      ) => {
        for (const point of points) {
          const own = ours[prefix + point.name]
          if (point.type !== 'pad') {
            expect(own, point.name).toMatchObject({
              at,
              type: point.type === 'string' ? `string:${point.size}` : (types[point.type] ?? point.type),
            })
            expect(own?.sf).toEqual(point.sf)
            expect(own?.write).toBe(point.access === 'RW' ? true : undefined)
          }
          at += point.size
        }
      }
      compare(
        group.points.filter(({ name }) => name !== 'ID' && name !== 'L'),
        model.points,
      )
      for (const inner of group.groups ?? []) {
        if (inner.count === undefined) compare(inner.points, model.points, `${inner.name}.`)
        else {
          expect(model.length).toBe(at)
          at = 0
          compare(inner.points, model.repeating!.points)
          expect(model.repeating!.length).toBe(at)
          at = model.length
        }
      }
      expect(model.length).toBe(at)
    })
  },
)

const fixtures = join(root, '..', 'shared', 'data', 'registers')
const dump = z.object({
  registers: z.record(z.string(), z.array(z.number())),
  expected: z.array(
    z.object({
      address: z.number().optional(),
      type: z.string().optional(),
      value: z.unknown(),
      note: z.string().optional(),
      model: z.number().optional(),
    }),
  ),
})

describe.skipIf(!existsSync(fixtures))('recorded SunSpec devices (skipped where ../shared/data is missing)', () => {
  test.each(existsSync(fixtures) ? readdirSync(fixtures).filter((file) => file.startsWith('sunspec')) : [])(
    '%s',
    async (file) => {
      const { registers, expected } = dump.parse(JSON.parse(readFileSync(join(fixtures, file), 'utf8')))
      const words = new Map(
        Object.entries(registers).flatMap(([first, list]) =>
          list.map((word, index) => [Number(first) + index, word] as const),
        ),
      )
      const found = await walkSunspec(async (address, count) => {
        const part = Array.from({ length: count }, (_, index) => words.get(address + index))
        return part.every((word) => word !== undefined) ? part : undefined
      })
      expect(found?.models[0]).toMatchObject({ model: 1 })
      expect(found?.warnings).toEqual([])
      let matched = 0
      for (const { address, type, value, note, model } of expected) {
        if (
          address === undefined ||
          type === undefined ||
          note ||
          typeof value !== 'number' ||
          !/^(u?int|float|acc)/.test(type)
        )
          continue
        const result = decodePoint(pointOf(type, { addresses: pointOf(type, { at: address }).addresses }), {
          word: (_, at) => words.get(at),
        })
        expect(result, `${model} at ${address}`).toMatchObject({ ok: true, value })
        matched += 1
      }
      expect(matched).toBe(
        expected.filter(
          ({ address, note, value, type }) =>
            address !== undefined && !note && typeof value === 'number' && /^(u?int|float|acc)/.test(type ?? ''),
        ).length,
      )
    },
  )
})

test('images are keyed by function', () => {
  expect(decodePoint(pointOf('uint16', { function: 'input' }), imageOf([5]))).toMatchObject({ ok: false })
})
