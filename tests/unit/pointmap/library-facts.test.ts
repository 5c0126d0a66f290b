import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { listMaps, loadPointMap } from '../../../service/pointmap/load.ts'
import { resolveMap } from '../../../service/pointmap/resolve.ts'
import { loadSunspecModels } from '../../../service/pointmap/sunspec/models.ts'
import type { ResolvedMap } from '../../../service/pointmap/types.ts'
import { pointmaps } from './helpers.ts'
import { carried, citedElsewhere, leftOut, otherwise, sunspecDevices, turned } from './library-facts.ts'
import { layoutOf } from './library-layouts.ts'
import { type FactPoint, functionOf, surveyPresent, surveyed, typeOf } from './library-survey.ts'

const models = loadSunspecModels(join(pointmaps, 'sunspec', 'models'))

function resolvedFor(device: string, id: string): ResolvedMap {
  const sunspec = sunspecDevices[device]
  const loaded = loadPointMap(id, [pointmaps])
  return sunspec ? resolveMap(loaded, layoutOf(models, sunspec.models, sunspec.common), models) : resolveMap(loaded)
}

/** What a map has at a register. */
interface Place {
  readonly from: string
  readonly function: string
  readonly type: string
  readonly wordOrder: string
  readonly scale: number
  readonly scaleFactorAddress?: number
  readonly confidence?: string | undefined
}

/** Points and writes of a map at an address. A write has no unit of its own, so the command's is taken. */
function placesAt(map: ResolvedMap, address: number): Place[] {
  const points = map.points
    .filter(({ addresses }) => addresses[0] === address)
    .map((point) => ({ ...point, from: point.name }))
  const writes = [...map.commands.values()].flatMap((command) =>
    command.writes.filter((write) => write.address === address).map((write) => ({ ...write, from: command.name })),
  )
  return points.length > 0 ? points : writes
}

const unitFactors: Readonly<Record<string, number>> = { kWh: 1000 }

/** An enumeration is the same bits as an unsigned integer. `s` after the type: low word first. */
const plain = (type: string, little: boolean) => `${type.replace(/^enum/, 'uint')}${little ? 's' : ''}`

const isLittle = ({ type, wordOrder }: Place) => wordOrder === 'little' && /(32|48|64)$/.test(type)

/** What differs between a fact and what a map has at its address, in words. */
function differences(fact: FactPoint, place: Place): string[] {
  const expected = typeOf(fact.type)
  const factor = Math.abs(fact.scale) * (unitFactors[fact.unit] ?? 1)
  const same = (name: string, a: unknown, b: unknown) =>
    a === b ? [] : [`${name} ${String(b)} instead of ${String(a)}`]
  const scale = Number(factor.toPrecision(12))
  return [
    ...same('function', functionOf[fact.fc], place.function),
    ...same('type', plain(expected.type, expected.little), plain(place.type, isLittle(place))),
    ...same('scale factor', expected.scaleFactor, place.scaleFactorAddress),
    ...(/^(string|enum)/.test(place.type) ? [] : same('scale', scale, Math.abs(place.scale))),
  ]
}

describe.skipIf(!surveyPresent)('the library against the collected facts (skipped without ../shared/facts)', () => {
  test.each(Object.entries(carried))('%s', (id, maps) => {
    const device = surveyed.find((each) => each.id === id)!
    const resolved = maps.map((map) => ({ map, resolved: resolvedFor(id, map) }))
    for (const fact of device.points) {
      const key = `${id}/${fact.name}`
      const found = resolved.flatMap(({ map, resolved: each }) =>
        placesAt(each, fact.address).map((place) => ({ map, place })),
      )
      if (leftOut[key] !== undefined) {
        expect(found, `${key} is carried after all`).toEqual([])
        continue
      }
      expect(found.length, `${key} at ${fact.address} is in no map`).toBeGreaterThan(0)
      for (const { map, place } of found) {
        const known = otherwise[`${key} in ${map}`]
        expect(differences(fact, place), `${key} in ${map}, ${place.from}`).toEqual(known ? known.differs : [])
        if (device.address_check.not_found.includes(fact.name) && citedElsewhere[key] === undefined)
          expect(place.confidence, `${key} in ${map}: not found in its source`).toBe('field-knowledge')
        if (place.scale < 0 !== fact.scale < 0) expect(turned[key], `${key} in ${map}: sign`).toBeDefined()
      }
    }
  })

  test('no deviation is listed that is none', () => {
    const keys = new Set(surveyed.flatMap(({ id, points }) => points.map(({ name }) => `${id}/${name}`)))
    const listed = [
      ...Object.keys(leftOut),
      ...Object.keys(turned),
      ...Object.keys(citedElsewhere),
      ...Object.keys(otherwise).map((key) => key.split(' in ')[0]!),
    ]
    expect(listed.filter((key) => !keys.has(key))).toEqual([])
  })

  test.each(Object.entries(carried))('%s: the way to the device', (id, maps) => {
    const { transport, unit_id: unitIds } = surveyed.find((each) => each.id === id)!
    for (const map of maps) {
      const { connection } = loadPointMap(map, [pointmaps]).map
      if (transport.tcp) expect(connection?.tcp?.port, map).toBe(transport.tcp.port)
      if (transport.rtu?.baud)
        expect(connection?.rtu, map).toEqual({ baud: transport.rtu.baud, format: transport.rtu.comset })
      expect(Object.values(unitIds), map).toContain(connection?.unitId)
    }
  })

  test('identity codes are those of the facts', () => {
    for (const [id, maps] of Object.entries(carried)) {
      const probes = maps.flatMap((map) => loadPointMap(map, [pointmaps]).map.identify ?? [])
      for (const { address, fc, expected } of surveyed.find((each) => each.id === id)!.identification) {
        const codes = z.array(z.number()).safeParse(expected)
        if (!codes.success) continue
        const found = probes.filter(
          (probe) => probe.address === address && (probe.function ?? 'holding') === functionOf[fc],
        )
        const known = new Set(
          found.flatMap(({ oneOf = [], equals }) => [...oneOf, ...(equals === undefined ? [] : [equals])]),
        )
        expect(known, id).toEqual(new Set(codes.data))
      }
    }
  })

  test('LIBRARY.md names every device once, and only maps that exist', () => {
    const rows = readFileSync(join(pointmaps, 'LIBRARY.md'), 'utf8').matchAll(
      /^\| `([a-z0-9-]+)` *\|[^|]*\|([^|]*)\|/gm,
    )
    const table = [...rows].map(([, id = '', maps = '']) => ({
      id,
      maps: [...maps.matchAll(/`([^`]+)`/g)].map(([, m]) => m!),
    }))
    expect(table.map(({ id }) => id).toSorted()).toEqual(surveyed.map(({ id }) => id).toSorted())
    const known = listMaps(pointmaps)
    for (const { id, maps } of table) {
      expect(
        maps.filter((map) => !known.includes(map)),
        id,
      ).toEqual([])
      if (carried[id]) expect(maps, id).toEqual(carried[id])
    }
  })
})
