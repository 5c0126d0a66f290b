import type { DerivedPoint, MapPoint, PointMap } from '#contract/point-map.ts'
import { point as pointSchema, pointMap } from '#contract/point-map.ts'
import type { YamlProblem, YamlSource } from '../domain/yaml-source.ts'
import { lintMap } from '../pointmap/lint.ts'
import { placeOf, typeSpec } from '../pointmap/point-types.ts'
import { metricOf, unitFactor } from '../pointmap/units.ts'
import { multiply } from './decimal.ts'
import { nameFor, unitOfName, vendorName, withoutShared } from './names.ts'
import { readUnit } from './units.ts'
import { type ForeignMap, type ForeignPoint, type ForeignSum, mostPoints, oneLine, type Skipped } from './types.ts'

export interface Named {
  readonly name: string
  readonly from: ForeignPoint
  readonly point: MapPoint
  readonly kept: readonly (readonly [key: string, value: string])[]
}

export interface Assembled {
  readonly map: PointMap
  readonly points: readonly Named[]
  readonly derived: readonly { readonly name: string; readonly place: string; readonly original: string }[]
  readonly skipped: readonly Skipped[]
}

type Head = Pick<PointMap, 'maker' | 'model' | 'kind'>

/** Gives every value a name and leaves out, with the reason, whatever the rules of a map refuse. */
export function assemble(foreign: ForeignMap, head: Head): Assembled {
  const skipped: Skipped[] = [...foreign.skipped]
  const leave = (entry: { readonly place: string; readonly original: string }, reason: string): void =>
    void skipped.push({ place: entry.place, original: oneLine(entry.original), reason })
  const taken = new Set<string>()
  const named: Named[] = []
  const nameOf = new Map<ForeignPoint, string>()
  const same = new Map<string, Named>()
  const short = withoutShared(foreign.points)
  for (const from of foreign.points) {
    const first = named.length < mostPoints ? undefined : from
    if (first) {
      const rest = foreign.points.length - mostPoints
      leave(first, `a map holds at most ${mostPoints} points; ${rest} more entries from here on were left out`)
      break
    }
    const made = toPoint(from, short(from.original))
    const key = identityOf(made.point)
    const twin = same.get(key)
    if (twin) {
      nameOf.set(from, twin.name)
      if (sameReading(twin.point, made.point)) leave(from, `reads the same as ${twin.name} (${twin.from.place})`)
      else leave(from, `reads the same registers as ${twin.name} (${twin.from.place}), there with another scale`)
      continue
    }
    const name = free(made.name, short(from.original), taken)
    const entry: Named = { ...made, name, from }
    const problem = firstProblem(entry)
    if (problem !== undefined) {
      leave(from, problem)
      continue
    }
    taken.add(name)
    same.set(key, entry)
    nameOf.set(from, name)
    named.push(entry)
  }
  return finish(foreign, head, withOverlaps(named), { nameOf, taken, skipped })
}

/** Where and how a value is read, without its scale. */
function identityOf({ address, sunspec, function: fn, type, wordOrder, byteOrder }: MapPoint): string {
  return JSON.stringify([address, sunspec, fn ?? 'holding', type, wordOrder ?? 'big', byteOrder ?? 'big'])
}

const sameReading = (a: MapPoint, b: MapPoint): boolean =>
  (a.scale ?? 1) === (b.scale ?? 1) && (a.offset ?? 0) === (b.offset ?? 0) && a.unit === b.unit

function kindOf(point: MapPoint): 'number' | 'text' | 'word' | 'flags' {
  if (point.sunspec) return 'number'
  const spec = typeSpec(placeOf(point, undefined).type ?? 'uint16')
  if (spec.numeric) return point.values ? 'word' : 'number'
  if (spec.kind === 'flags') return 'flags'
  return ['enum', 'bool', 'bit'].includes(spec.kind) ? 'word' : 'text'
}

function toPoint(from: ForeignPoint, original: string): { name: string; point: MapPoint; kept: Named['kept'] } {
  const cell = readUnit(from.unit ?? '')
  const { factor = 1 } = cell
  const keys: MapPoint = { ...from.keys }
  const scale = multiply(keys.scale ?? 1, factor)
  if (scale === 1) delete keys.scale
  else keys.scale = scale
  const kept: (readonly [string, string])[] = [...from.kept]
  if (cell.rest !== undefined) kept.unshift(['unit', oneLine(cell.rest, 60)])
  const kind = kindOf(keys)
  const name = nameFor(
    { ...from, original },
    keys.sunspec && from.wanted ? unitOfName(from.wanted) || undefined : cell.unit,
    kind,
  )
  const point: MapPoint = { ...keys }
  const own = unitOfName(name)
  const numeric = kind === 'number' || kind === 'word'
  if (cell.unit !== undefined && numeric && !keys.sunspec && (name.startsWith('vendor.') || cell.unit !== own))
    point.unit = cell.unit
  if (point.unit !== undefined && unitFactor(metricOf(name), point.unit) === undefined) delete point.unit
  if (name.startsWith('vendor.')) {
    const title = oneLine(from.original, 80)
    if (title !== '') point.title = title
  }
  return { name, point, kept }
}

function free(name: string, original: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name
  const base = name.startsWith('vendor.') ? name : vendorName(original)
  if (!taken.has(base)) return base
  for (let number = 2; ; number += 1) {
    const candidate = `${base}N${number}`
    if (!taken.has(candidate)) return candidate
  }
}

/** The schema's own words on what is wrong with one point. */
function firstProblem({ name, point }: Named): string | undefined {
  const parsed = pointSchema.safeParse(point)
  if (parsed.success) return pointMapName(name)
  const issue = parsed.error.issues[0]
  return `${issue?.path.join('.') || 'the entry'}: ${issue?.message ?? 'is not allowed'}`
}

const pointMapName = (name: string): string | undefined =>
  name.length > 60 ? 'its name is longer than 60 characters' : undefined

/** Registers that several entries read in different ways, which a map must say on purpose. */
function withOverlaps(named: readonly Named[]): readonly Named[] {
  const owners = new Map<string, number[]>()
  const shared = new Set<number>()
  for (const [index, { point }] of named.entries()) {
    const { address } = point
    if (address === undefined) continue
    const { function: fn, type } = placeOf(point, undefined)
    const { words, kind, bit } = typeSpec(type ?? 'uint16')
    // Bits and bytes of one register lie beside each other.
    const mask = kind === 'bit' ? 1 << bit : kind === 'high-byte' ? 0xff00 : kind === 'low-byte' ? 0x00ff : 0xffff
    const registers = typeof address === 'object' ? address : Array.from({ length: words }, (_, at) => address + at)
    for (const register of registers) {
      const key = `${fn} ${register}`
      const taken = owners.get(key) ?? []
      if (taken.some((other) => (other & mask) !== 0)) shared.add(index)
      taken.push(mask)
      owners.set(key, taken)
    }
  }
  const overlapReason = 'The imported file reads these registers in more than one way.'
  return named.map((entry, index) =>
    shared.has(index) ? { ...entry, point: { ...entry.point, overlapReason } } : entry,
  )
}

function finish(
  foreign: ForeignMap,
  head: Head,
  named: readonly Named[],
  parts: { nameOf: ReadonlyMap<ForeignPoint, string>; taken: Set<string>; skipped: Skipped[] },
): Assembled {
  const { skipped, taken } = parts
  const kept = new Map(named.map((entry) => [entry.name, entry]))
  const derived = new Map<string, { place: string; original: string; value: DerivedPoint }>()
  for (const sum of foreign.sums ?? []) {
    const made = toDerived(sum, parts.nameOf, kept, taken)
    if (typeof made === 'string') skipped.push({ place: sum.place, original: oneLine(sum.original), reason: made })
    else {
      taken.add(made.name)
      derived.set(made.name, { place: sum.place, original: sum.original, value: made.value })
    }
  }
  for (let round = 0; round < 6; round += 1) {
    const map = build(foreign, head, kept, derived)
    const problems = problemsOf(map)
    if (problems.length === 0) {
      const list = [...derived].map(([name, { place, original }]) => ({ name, place, original }))
      return { map, points: [...kept.values()], derived: list, skipped }
    }
    for (const { path, message } of problems) {
      const [section, name = ''] = path
      const entry = section === 'points' ? kept.get(name) : undefined
      const sum = section === 'derived' ? derived.get(name) : undefined
      const lost = entry?.from ?? sum
      if (!lost) continue
      kept.delete(name)
      derived.delete(name)
      skipped.push({ place: lost.place, original: oneLine(lost.original), reason: message })
    }
  }
  return { map: build(foreign, head, new Map(), new Map()), points: [], derived: [], skipped }
}

function build(
  foreign: ForeignMap,
  head: Head,
  kept: ReadonlyMap<string, Named>,
  derived: ReadonlyMap<string, { readonly value: DerivedPoint }>,
): PointMap {
  const { connection, quirks } = foreign
  return {
    format: 1,
    ...head,
    ...(connection && { connection }),
    ...(quirks && { quirks }),
    defaults: { confidence: 'field-knowledge' },
    points: Object.fromEntries([...kept].map(([name, { point }]) => [name, point])),
    ...(derived.size > 0 && { derived: Object.fromEntries([...derived].map(([name, { value }]) => [name, value])) }),
  }
}

interface Problem {
  readonly path: readonly string[]
  readonly message: string
}

function problemsOf(map: PointMap): readonly Problem[] {
  const parsed = pointMap.safeParse(map)
  if (!parsed.success) return parsed.error.issues.map(({ path, message }) => ({ path: path.map(String), message }))
  const points = map.points as Record<string, MapPoint>
  const found: Problem[] = []
  const problem: YamlSource['problem'] = (path, message): YamlProblem => {
    found.push({ path: path.map(String), message })
    return { file: '', line: 1, column: 1, path: '', message }
  }
  const source: YamlSource = { file: '', data: undefined, locate: () => ({ line: 1, column: 1 }), problem }
  lintMap({ ...map, points, derived: (map.derived ?? {}) as Record<string, DerivedPoint>, commands: {} }, source)
  return found
}

/** A sum in the unit of its own name, from points that each have one of their own. */
function toDerived(
  sum: ForeignSum,
  nameOf: ReadonlyMap<ForeignPoint, string>,
  kept: ReadonlyMap<string, Named>,
  taken: ReadonlySet<string>,
): { readonly name: string; readonly value: DerivedPoint } | string {
  const unit = readUnit(sum.unit ?? '').unit
  const name = free(nameFor(sum, unit, 'number'), sum.original, taken)
  const title = name.startsWith('vendor.') && sum.original !== '' ? { title: oneLine(sum.original, 80) } : {}
  const missing = 'one of the values it is computed from was left out'
  if (sum.product) {
    const names = sum.product.flatMap((from) => nameOf.get(from) ?? [])
    if (names.length !== sum.product.length || names.some((part) => !kept.has(part))) return missing
    const si = scaleToSi(name, unit)
    return { name, value: { product: names, ...(si !== 1 && { scale: si }), ...title } }
  }
  const terms: { point: string; factor?: number }[] = []
  for (const { of, factor } of sum.sum ?? []) {
    const part = nameOf.get(of)
    const point = part === undefined ? undefined : kept.get(part)?.point
    if (part === undefined || point === undefined) return missing
    // The point says what it reads in its own SI unit; the sum is wanted in that of its name.
    const own = point.sunspec ? 1 : scaleToSi(part, point.unit)
    const scaled = multiply(multiply(factor, scaleToSi(name, unit)), 1 / own)
    terms.push(scaled === 1 ? { point: part } : { point: part, factor: scaled })
  }
  return { name, value: { sum: terms, ...title } }
}

/** What to multiply a value in `unit` with to have it in the unit of the named point. */
function scaleToSi(name: string, unit: string | undefined): number {
  return unit === undefined || name.startsWith('vendor.') ? 1 : (unitFactor(metricOf(name), unit) ?? 1)
}
