import { confidenceOf, type Score, wordsOf } from '../../drivers/modbus/identify-score.ts'
import { createRegisters, judge, probesOf, shownValue } from '../../drivers/modbus/identify-probes.ts'
import { decodePoint } from '../../pointmap/codec.ts'
import { needsSunspecWalk, resolveMap } from '../../pointmap/resolve.ts'
import { walkSunspec } from '../../pointmap/sunspec/walk.ts'
import type { LoadedMap, RegisterFunction, ResolvedMap, ResolvedPoint, SunspecLayout } from '../../pointmap/types.ts'
import type { BlockPlace, BlockTally } from './block-tally.ts'
import type { ListenLibrary, MapCandidate, ProposedPoint } from './types.ts'

/** What the library says about the traffic of one unit. */
export interface UnitProposals {
  /** Likeliest first. */
  readonly candidates: readonly MapCandidate[]
  /** Names for the registers of a block. */
  names(place: BlockPlace): readonly ProposedPoint[]
}

export interface Proposer {
  propose(unitId: number, blocks: readonly BlockTally[]): Promise<UnitProposals>
}

const mostCandidates = 5
/** Below, a map is not worth a name. */
const worthNaming = 0.25
/** A map that is this close to the best is named, too. */
const close = 0.05
const mostNaming = 2
/** Weights of a map that explains very many registers, and how many give half of it. */
const weights = { registers: 0.5, starts: 0.3, values: 0.4, doubt: 0.4 } as const
const half = { registers: 10, starts: 3, values: 10 } as const

const functions: Readonly<Record<number, RegisterFunction>> = {
  1: 'coil',
  2: 'discrete',
  3: 'holding',
  4: 'input',
  5: 'coil',
  6: 'holding',
  0x0f: 'coil',
  0x10: 'holding',
  0x16: 'holding',
  0x17: 'holding',
}

/** Compares what is asked of a unit, and what it answers, with the maps of a library. */
export function createProposer({ maps, sunspecModels }: ListenLibrary): Proposer {
  const resolved = new Map<LoadedMap, ResolvedMap>()

  /** A map without a layout is always bound alike. */
  function bind(map: LoadedMap, layout: SunspecLayout | undefined): ResolvedMap {
    if (layout && needsSunspecWalk(map)) return resolveMap(map, layout, sunspecModels)
    const known = resolved.get(map) ?? resolveMap(map)
    resolved.set(map, known)
    return known
  }

  return {
    async propose(unitId, blocks) {
      const traffic = trafficOf(unitId, blocks)
      const { image } = traffic
      const layout = await walkSunspec(async (address, count) => {
        const words = Array.from({ length: count }, (_, index) => image.word('holding', address + index))
        return words.includes(undefined) ? undefined : words.map((word) => word!)
      })
      const scored = maps.flatMap((map) => {
        const bound = bind(map, layout)
        const points = bound.points.filter((point) => isAsked(point, traffic))
        const writes = writesIn(bound, traffic)
        if (points.length === 0 && writes === 0) return []
        const score: Score = { supports: [], doubts: [] }
        scorePattern(points, traffic, score)
        scoreValues(points, traffic, score)
        for (const probe of probesOf(map, unitId, layout, sunspecModels)) {
          if (probe.unitId !== unitId) continue
          const { weight } = probe.definition
          const verdict = judge(probe, traffic.registers)
          if (verdict.kind === 'match') score.supports.push({ weight, text: verdict.evidence })
          else if (verdict.kind === 'mismatch') score.doubts.push({ weight, text: verdict.evidence })
        }
        return [{ bound, confidence: confidenceOf(score), evidence: wordsOf(score) }]
      })
      const ranked = scored
        .toSorted((a, b) => b.confidence - a.confidence || a.bound.loaded.id.localeCompare(b.bound.loaded.id))
        .slice(0, mostCandidates)
        .filter(({ confidence }) => confidence > 0)
      const best = ranked[0]?.confidence ?? 0
      const naming = ranked
        .filter(({ confidence }) => confidence >= worthNaming && confidence >= best - close)
        .slice(0, mostNaming)
      return {
        candidates: ranked.map(({ bound, confidence, evidence }) => ({
          map: bound.loaded.id,
          vendor: bound.loaded.map.maker,
          model: bound.loaded.map.model,
          confidence,
          evidence,
        })),
        names: (place) => naming.flatMap(({ bound, confidence }) => namesIn(bound, confidence, place, traffic)),
      }
    },
  }
}

interface Traffic {
  readonly registers: ReturnType<typeof createRegisters>
  readonly image: ReturnType<ReturnType<typeof createRegisters>['image']>
  readonly places: readonly (BlockPlace & { readonly fn: RegisterFunction })[]
  /** Read, by function. */
  readonly asked: ReadonlyMap<RegisterFunction, ReadonlySet<number>>
}

function trafficOf(unitId: number, blocks: readonly BlockTally[]): Traffic {
  // Nothing is asked for: the registers are those that were heard.
  const registers = createRegisters(() => Promise.reject(new Error('listening does not ask')))
  const image = registers.image(unitId)
  const asked = new Map<RegisterFunction, Set<number>>()
  const places = blocks.flatMap(({ place, last }) => {
    const fn = functions[place.fc]
    if (!fn) return []
    if (place.access === 'read') {
      const addresses = asked.get(fn) ?? new Set()
      asked.set(fn, addresses)
      for (let index = 0; index < place.count; index++) addresses.add(place.address + index)
      if (last.length > 0) image.put({ function: fn, address: place.address, words: last })
    }
    return [{ ...place, fn }]
  })
  return { registers, image, places, asked }
}

function isAsked({ function: fn, addresses }: ResolvedPoint, { asked }: Traffic): boolean {
  const known = asked.get(fn)
  return known !== undefined && addresses.every((address) => known.has(address))
}

const writesOf = (map: ResolvedMap) =>
  [...map.commands].flatMap(([name, command]) => command.writes.map((write) => ({ name, command, write })))

function writesIn(map: ResolvedMap, { places }: Traffic): number {
  const isWritten = (fn: RegisterFunction, address: number): boolean =>
    places.some((place) => place.access === 'write' && place.fn === fn && holds(place, address))
  return writesOf(map).filter(({ write }) => isWritten(write.function, write.address)).length
}

const holds = ({ address, count }: Pick<BlockPlace, 'address' | 'count'>, wanted: number): boolean =>
  wanted >= address && wanted < address + count

/** How much of what is asked the map explains, and whether requests begin where its points do. */
function scorePattern(points: readonly ResolvedPoint[], { asked, places }: Traffic, score: Score): void {
  let total = 0
  for (const addresses of asked.values()) total += addresses.size
  if (total === 0) return
  const explained = new Set(
    points.flatMap(({ function: fn, addresses }) => addresses.map((address) => `${fn} ${address}`)),
  ).size
  const share = explained / total
  score.supports.push({
    weight: weights.registers * share * (explained / (explained + half.registers)),
    text: `the map names ${explained} of the ${total} registers that are read`,
  })
  const firsts = new Set(points.map(({ function: fn, addresses }) => `${fn} ${Math.min(...addresses)}`))
  const reads = places.filter(({ access }) => access === 'read')
  const starts = reads.filter(({ fn, address }) => firsts.has(`${fn} ${address}`)).length
  if (starts === 0) return
  score.supports.push({
    weight: weights.starts * (starts / reads.length) * (starts / (starts + half.starts)),
    text: `${starts} of ${reads.length} requests begin at a register of the map`,
  })
}

/** A register full of zeros or ones says nothing; an implausible value speaks against the map. */
function scoreValues(points: readonly ResolvedPoint[], { image }: Traffic, score: Score): void {
  let good = 0
  let bad = 0
  let sample = ''
  for (const point of points) {
    const decoded = decodePoint(point, image)
    if (decoded.raw.length === 0 || decoded.raw.every((word) => word === 0 || word === 0xffff)) continue
    // Words of another type are often a float next to nothing.
    if (decoded.ok && typeof decoded.value === 'number' && decoded.value !== 0 && Math.abs(decoded.value) < 1e-9) bad++
    else if (decoded.ok) {
      good++
      if (typeof decoded.value === 'number')
        sample ||= `, such as ${point.name} ${shownValue(decoded.value)} ${point.unit}`
    } else if (decoded.reason !== 'not available') bad++
  }
  if (good + bad === 0) return
  const share = good / (good + bad)
  const text = `${good} of ${good + bad} points of the map have plausible values${sample}`
  if (share >= 0.5) score.supports.push({ weight: weights.values * share * (good / (good + half.values)), text })
  if (bad > 0)
    score.doubts.push({ weight: weights.doubt * (1 - share), text: `${bad} of ${good + bad} are implausible` })
}

function namesIn(map: ResolvedMap, confidence: number, place: BlockPlace, { image }: Traffic): ProposedPoint[] {
  const fn = functions[place.fc]
  const common = { map: map.loaded.id, confidence }
  if (place.access === 'write')
    return writesOf(map)
      .filter(({ write }) => write.function === fn && holds(place, write.address))
      .map(({ name, command, write }) => ({
        name,
        title: command.title ?? name,
        address: write.address,
        unit: command.unit,
        ...common,
        reason: `${map.loaded.id} writes ${write.function} ${write.address} for ${name}`,
      }))
  return map.points
    .filter((point) => point.function === fn && point.addresses.every((address) => holds(place, address)))
    .map((point) => {
      const decoded = decodePoint(point, image)
      const reads = decoded.ok ? `, and it reads ${shownValue(decoded.value)} ${point.unit}`.trimEnd() : ''
      return {
        name: point.name,
        title: point.title,
        address: point.addresses[0]!,
        ...(decoded.ok && { value: decoded.value }),
        unit: point.unit,
        ...common,
        reason: `${map.loaded.id} has ${point.name} in ${point.function} ${point.addresses.join(', ')}${reads}`,
      }
    })
    .toSorted((a, b) => a.address - b.address)
}
