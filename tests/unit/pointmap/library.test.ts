import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parsePointName } from '../../../service/contract/metrics.ts'
import { decodePoint, encodeWrite } from '../../../service/pointmap/codec.ts'
import { listMaps, loadPointMap } from '../../../service/pointmap/load.ts'
import { planReads } from '../../../service/pointmap/plan.ts'
import { needsSunspecWalk, resolveMap } from '../../../service/pointmap/resolve.ts'
import { loadSunspecModels } from '../../../service/pointmap/sunspec/models.ts'
import type {
  RegisterImage,
  ResolvedCommand,
  ResolvedMap,
  ResolvedPoint,
  ResolvedWrite,
} from '../../../service/pointmap/types.ts'
import { pointmaps } from './helpers.ts'
import { everyModel } from './library-layouts.ts'

const models = loadSunspecModels(join(pointmaps, 'sunspec', 'models'))
const layout = everyModel(models)

function resolved(id: string): ResolvedMap {
  const loaded = loadPointMap(id, [pointmaps])
  return needsSunspecWalk(loaded) ? resolveMap(loaded, layout, models) : resolveMap(loaded)
}

const within = (addresses: readonly number[], [first, last]: readonly [number, number]) =>
  addresses.some((address) => address >= first && address <= last)

const isNumber = ({ name }: ResolvedPoint) => parsePointName(name)?.metric.type === 'number'

/** The write that would put a value where the point reads it. */
const writeTo = (point: ResolvedPoint): ResolvedWrite => ({
  ...point,
  function: 'holding',
  address: point.addresses[0]!,
  value: '$value',
})

/** Registers by address, 0 where nothing is given, so that parts of registers can be merged. */
const imageWith = (words: ReadonlyMap<number, number>): RegisterImage => ({
  word: (_, address) => words.get(address) ?? 0,
})

/** Power of ten that devices of the test use where the map has a scale factor register: -1, as int16. */
const tenth = 0xffff

/** Values a device could send; each point takes those that fit its type and its range. */
const candidates = [-25_000, -1500.5, -42, -0.5, 0.95, 1, 7, 23, 50, 230.4, 12_345, 101_325, 1_234_567, 400_000_000]

interface RoundTrip {
  readonly sent: number
  readonly wanted: number
  readonly decoded: unknown
}

function roundTrips(point: ResolvedPoint): RoundTrip[] {
  const factor = new Map(point.scaleFactorAddress === undefined ? [] : [[point.scaleFactorAddress, tenth]])
  const [low, high] = point.range ?? [-Infinity, Infinity]
  return candidates.flatMap((wanted) => {
    if (wanted < low || wanted > high) return []
    const encoded = encodeWrite(writeTo(point), wanted, imageWith(factor))
    if (!encoded.ok) return []
    const image = imageWith(new Map([...factor, ...point.addresses.map((at, i) => [at, encoded.words[i]!] as const)]))
    return [{ sent: encoded.value, wanted, decoded: decodePoint(point, image) }]
  })
}

describe.each(listMaps(pointmaps))('%s', (id) => {
  const map = resolved(id)
  const { loaded, points, quirks, commands } = map

  test('reads in blocks the device can answer', () => {
    for (const group of ['fast', 'normal', 'slow', 'once'] as const) {
      const blocks = planReads(
        points.filter((point) => point.pollGroup === group),
        quirks,
      )
      for (const block of blocks) {
        expect(block.count).toBeLessThanOrEqual(quirks.maxReadRegisters ?? 125)
        const range = [block.address, block.address + block.count - 1] as const
        for (const [first, last] of quirks.holes ?? []) expect(range[1] < first || range[0] > last).toBe(true)
      }
    }
  })

  test('gives back every number as it was encoded', () => {
    for (const point of points.filter(isNumber)) {
      const trips = roundTrips(point)
      expect(trips.length, `${point.name}: no value of the test fits`).toBeGreaterThan(0)
      for (const { sent, wanted, decoded } of trips) {
        expect(decoded, `${point.name} ${wanted}`).toMatchObject({ ok: true })
        const { value } = decoded as { value: number }
        expect(value, point.name).toBeCloseTo(sent, 9)
        const power = point.scaleFactorAddress === undefined ? point.scalePower : -1
        const step = point.type.startsWith('float') ? Math.abs(wanted) * 1e-6 : Math.abs(point.scale) * 10 ** power
        expect(Math.abs(value - wanted), point.name).toBeLessThanOrEqual(step / 2 + 1e-9)
      }
    }
  })

  test('identifies by reading only, with evidence in words', () => {
    const probes = loaded.map.identify ?? []
    for (const probe of probes) {
      expect(probe.evidence).toMatch(/\w+ \w+/)
      expect(probe.weight).toBeGreaterThan(0)
      const addresses = typeof probe.address === 'number' ? [probe.address] : (probe.address ?? [])
      for (const range of quirks.noScanRanges ?? []) expect(within(addresses, range)).toBe(false)
    }
    expect(probes.length, 'no identity probe').toBeGreaterThan(0)
  })

  test('limits and ends every command', () => {
    for (const [name, command] of commands) expectSafe(name, command, map)
  })

  test('says of every point and command how far it can be trusted', () => {
    const simulated = id.startsWith('r-ems/')
    for (const { confidence, note } of [...points, ...commands.values()])
      if (!simulated) expect(confidence, note).not.toBe('verified')
    for (const [name, command] of commands) expect(command.confidence, name).toBeDefined()
    expect(loaded.map.sources?.length).toBeGreaterThan(0)
  })
})

function expectSafe(name: string, command: ResolvedCommand, { points }: ResolvedMap): void {
  const { limits, expiry, writes, release, safeValue, storage, dailyWrites } = command
  expect(limits.min, name).toBeDefined()
  expect(limits.max, name).toBeDefined()
  expect(writes.length, name).toBeGreaterThan(0)
  expect(['reversion', 'watchdog', 'none'], name).toContain(expiry.kind)
  if (expiry.kind !== 'none') expect(expiry.fallback.length, name).toBeGreaterThan(10)
  // What is kept for ever counts as wearing out the memory that keeps it, unless a source says otherwise.
  if (expiry.kind === 'none') expect(storage, name).toBe('non-volatile')
  if (storage === 'non-volatile') expect(dailyWrites, name).toBeLessThanOrEqual(500)
  if (safeValue === 'release') expect(release.length, name).toBeGreaterThan(0)
  for (const point of [command.readBack?.point, command.effect?.point])
    if (point !== undefined && !point.startsWith('derived'))
      expect([...points.map((each) => each.name), ...derivedNames], name).toContain(point)
}

const derivedNames = listMaps(pointmaps).flatMap((id) => Object.keys(loadPointMap(id, [pointmaps]).map.derived))

test('a value whose sign is in another register keeps its size', () => {
  const battery = resolved('sungrow/sh').points.find(({ name }) => name === 'battery.powerW')!
  const image = (raw: number, state: number) =>
    imageWith(
      new Map([
        [battery.addresses[0]!, raw],
        [battery.negativeWhen!.point.addresses[0]!, state],
      ]),
    )
  expect(decodePoint(battery, image(1500, 0b10))).toMatchObject({ value: -1500 })
  expect(decodePoint(battery, image(0x10000 - 1500, 0b10))).toMatchObject({ value: -1500 })
  expect(decodePoint(battery, image(1500, 0b01))).toMatchObject({ value: 1500 })
})
