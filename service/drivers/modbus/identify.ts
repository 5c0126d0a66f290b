import type { Quirks } from '#contract/point-map.ts'
import type { Clock } from '../../domain/clock.ts'
import { decodePoint } from '../../pointmap/codec.ts'
import { needsSunspecWalk, resolveMap } from '../../pointmap/resolve.ts'
import type { SunspecModels } from '../../pointmap/sunspec/models.ts'
import { walkSunspec } from '../../pointmap/sunspec/walk.ts'
import type { LoadedMap, ResolvedMap, SunspecLayout } from '../../pointmap/types.ts'
import type { ReadOnlyBus } from './bus.ts'
import { readIdentification, textOf } from './fc43.ts'
import { createAsker, type Asker } from './identify-asker.ts'
import { evidenceOfNames, type Names } from './identify-names.ts'
import { judgePlausibility, type MapReader, readPoints } from './identify-plausibility.ts'
import { createRegisters, judge, type Probe, probesOf, type Registers } from './identify-probes.ts'
import { confidenceOf, type Score, wordsOf } from './identify-score.ts'
import { exceptionText, type Answer } from './pdu.ts'

export interface IdentifyOptions {
  /** Cannot write, whatever it is asked. */
  readonly bus: ReadOnlyBus
  readonly clock: Clock
  readonly maps: readonly LoadedMap[]
  readonly sunspecModels: SunspecModels
  readonly signal?: AbortSignal
}

/** What a device may be. */
export interface Candidate {
  readonly unitId: number
  /** Absent when the device says what it is, but no map describes it. */
  readonly map?: string
  readonly vendor?: string
  readonly model?: string
  readonly serial?: string
  readonly firmware?: string
  /** 0..1, see `confidenceOf`. */
  readonly confidence: number
  /** In words, the strongest first. */
  readonly evidence: readonly string[]
}

export type IdentifiedUnit =
  /** Likeliest first. */
  | { readonly kind: 'present'; readonly unitId: number; readonly candidates: readonly Candidate[] }
  | { readonly kind: 'silent'; readonly unitId: number; readonly reason: string }

interface Entry {
  readonly map: LoadedMap
  readonly score: Score
  readonly probes: readonly Probe[]
}

/** A probe that alone nearly decides; these are asked first. */
const strong = 0.4
/** From here on a family is likely enough that its needs on the wire are respected. */
const likely = 0.4
/** From here on maps that nothing speaks for are not asked about any more. */
const sure = 0.8
/** For a probe of another unit, which is often not there. */
const otherUnitTimeoutMs = 400
const worthMentioning = 0.05
const mostCandidates = 8
/** Candidates whose points are read. */
const mostRead = 4
/** How sure a device that names itself is of its name, when no map fits. */
const unmapped = 0.3
/** A device that has all the SunSpec points of a map. */
const modelsWeight = 0.3
const nameFields = ['vendor', 'model', 'serial', 'firmware'] as const

/**
 * Finds out what a unit is: SunSpec, FC 43/14, FC 17, then the identity probes of all maps, each register once, then how
 * well the likeliest maps fit what they describe. Reads only.
 */
export async function identifyUnit(options: IdentifyOptions, unitId: number): Promise<IdentifiedUnit> {
  const { bus, clock, maps, sunspecModels, signal } = options
  const askers = new Map<number, Asker>()
  const askerOf = (unit: number): Asker => {
    const quirks = unit === unitId ? {} : { timeoutMs: otherUnitTimeoutMs }
    const asker = askers.get(unit) ?? createAsker(bus.unit(unit, quirks), clock, signal)
    askers.set(unit, asker)
    return asker
  }
  const asker = askerOf(unitId)
  const { request, answer } = await asker.knock()
  const silence = silenceOf(answer)
  if (silence !== undefined) return { kind: 'silent', unitId, reason: silence }

  const registers = createRegisters((unit, wanted) => askerOf(unit).ask(wanted))
  const image = registers.image(unitId)
  const { ask } = asker
  if (answer.kind === 'words')
    image.put({ function: request.fn === 4 ? 'input' : 'holding', address: request.address, words: answer.words })
  const refusedMarker = request.address === 40_000 && answer.kind === 'exception'
  const layout = await walkSunspec(async (address, count) => {
    if (refusedMarker && address === 40_000) return undefined
    const known = Array.from({ length: count }, (_, index) => image.word('holding', address + index))
    if (!known.includes(undefined)) return known.map((word) => word!)
    const found = await ask({ fn: 3, address, count })
    if (found.kind !== 'words') return undefined
    image.put({ function: 'holding', address, words: found.words })
    return Array.from(found.words)
  })
  const reader: MapReader = { image, costs: bus.costs, ask }
  const names = [
    ...(await sunspecNames(layout, sunspecModels, reader)),
    ...(await identificationNames(asker)),
    ...(await serverNames(asker)),
  ]

  const entries = maps.map((map): Entry => {
    const score: Score = { supports: evidenceOfNames(map, names), doubts: [] }
    if (layout && needsSunspecWalk(map)) countModels(resolveMap(map, layout, sunspecModels), layout, score)
    return { map, score, probes: probesOf(map, unitId, layout, sunspecModels) }
  })
  await askProbes(entries, registers, {
    unitId,
    respect: (quirks) => void bus.unit(unitId, gentle(quirks)),
  })

  const ranked = rank(entries).slice(0, mostRead)
  const bound = new Map(ranked.map(({ map }) => [map.id, resolveMap(map, layout, sunspecModels)]))
  for (const { map, score } of ranked) {
    await judgePlausibility(bound.get(map.id)!, score, reader)
  }
  const candidates: Candidate[] = []
  for (const { map, score } of rank(entries).slice(0, mostCandidates)) {
    const resolved = bound.get(map.id)
    const own = resolved ? await readNames(resolved, reader) : {}
    candidates.push({
      unitId,
      map: map.id,
      vendor: map.map.maker,
      model: map.map.model,
      ...nameOf(names),
      ...own,
      confidence: confidenceOf(score),
      evidence: wordsOf(score),
    })
  }
  const unknown = unmappedCandidate(unitId, names)
  if (unknown && !candidates.some(({ confidence }) => confidence >= unmapped)) candidates.push(unknown)
  return { kind: 'present', unitId, candidates: candidates.toSorted((a, b) => b.confidence - a.confidence) }
}

/** Why nobody is there; undefined when somebody is. */
function silenceOf(answer: Answer): string | undefined {
  if (answer.kind === 'failed') return answer.reason
  return answer.kind === 'exception' && (answer.code === 10 || answer.code === 11)
    ? exceptionText(answer.code)
    : undefined
}

function rank(entries: readonly Entry[]): Entry[] {
  return entries
    .filter(({ score }) => confidenceOf(score) >= worthMentioning)
    .toSorted((a, b) => confidenceOf(b.score) - confidenceOf(a.score) || a.map.id.localeCompare(b.map.id))
}

/** Strong probes first, then the weak ones of what is still possible, and last those that ask another unit. */
async function askProbes(
  entries: readonly Entry[],
  registers: Registers,
  { unitId, respect }: { unitId: number; respect(quirks: Quirks): void },
): Promise<void> {
  const respected = new Set<LoadedMap>()
  const stage = async (wanted: (entry: Entry, probe: Probe) => boolean): Promise<void> => {
    const chosen = entries.map((entry) => ({ entry, probes: entry.probes.filter((probe) => wanted(entry, probe)) }))
    await registers.fetch(chosen.flatMap(({ probes }) => probes))
    for (const { entry, probes } of chosen) {
      for (const probe of probes) {
        const { weight } = probe.definition
        const verdict = judge(probe, registers)
        if (verdict.kind === 'match') entry.score.supports.push({ weight, text: verdict.evidence })
        else if (verdict.kind === 'mismatch') entry.score.doubts.push({ weight, text: verdict.evidence })
        // Older firmware may lack it.
        else if (verdict.kind === 'absent') entry.score.doubts.push({ weight: weight / 2, text: verdict.evidence })
      }
      const { map, score } = entry
      if (confidenceOf(score) < likely || !map.map.quirks || respected.has(map)) continue
      respected.add(map)
      respect(map.map.quirks)
    }
  }
  const best = (): number => Math.max(0, ...entries.map(({ score }) => confidenceOf(score)))
  const isHere = (probe: Probe): boolean => probe.unitId === unitId
  const isStrong = (probe: Probe): boolean => isHere(probe) && probe.definition.weight >= strong
  const possible = ({ score }: Entry): boolean => score.supports.length > 0 || best() < sure

  await stage((_, probe) => isStrong(probe))
  await stage((entry, probe) => isHere(probe) && !isStrong(probe) && possible(entry))
  // A unit that does not exist costs a timeout: asked only where it can still decide something.
  await stage((entry, probe) => !isHere(probe) && (entry.score.supports.length > 0 || best() < likely))
}

/** What a device needs on the wire and what cannot hurt if it is another one after all. */
function gentle({ connectDelayMs, requestGapMs, timeoutMs, pipeline }: Quirks): Quirks {
  return {
    ...(connectDelayMs !== undefined && { connectDelayMs }),
    ...(requestGapMs !== undefined && { requestGapMs }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(pipeline !== undefined && { pipeline }),
  }
}

function countModels(map: ResolvedMap, layout: SunspecLayout, score: Score): void {
  const wanted = Object.entries(map.loaded.map.points).filter(([, { sunspec }]) => sunspec)
  const found = wanted.filter(([name]) => !map.missing.has(name)).length
  if (found === 0) return
  const share = found / wanted.length
  const numbers = [...new Set(layout.models.map(({ model }) => model))].join(', ')
  score.supports.push({
    weight: modelsWeight * share,
    text: `it speaks SunSpec with the models ${numbers}, which have ${found} of the map's ${wanted.length} SunSpec points`,
  })
  if (share < 0.5)
    score.doubts.push({ weight: 0.5 * (1 - share), text: `the device lacks most of what the map describes` })
}

async function sunspecNames(
  layout: SunspecLayout | undefined,
  models: SunspecModels,
  reader: MapReader,
): Promise<Names[]> {
  const at = layout?.models.find(({ model }) => model === 1)
  if (!layout || !at) return []
  const fields = { vendor: 'Mn', model: 'Md', serial: 'SN', firmware: 'Vr' } as const
  const points = Object.fromEntries(
    Object.entries(fields).map(([name, point]) => [name, { sunspec: { model: 1, point } }]),
  )
  const map = { format: 1, maker: '', model: '', kind: 'gateway', points, derived: {}, commands: {} } as const
  const common = resolveMap({ id: '', file: '', hash: '', map }, layout, models)
  const { vendor, model, serial, firmware } = await readNames(common, reader)
  return [
    {
      source: 'SunSpec common model',
      ...(vendor !== undefined && { vendor }),
      models: model === undefined ? [] : [model],
      ...(serial !== undefined && { serial }),
      ...(firmware !== undefined && { firmware }),
    },
  ]
}

async function identificationNames(asker: Asker): Promise<Names[]> {
  const found = await readIdentification(asker.ask)
  const text = (id: number): string | undefined => found?.objects.get(id) || undefined
  const vendor = text(0)
  const firmware = text(2)
  // The model's own name first; a product code is often a number.
  const models = [5, 4, 1].flatMap((id) => text(id) ?? [])
  if (!vendor && models.length === 0) return []
  return [{ source: 'FC 43/14', ...(vendor && { vendor }), models, ...(firmware && { firmware }) }]
}

async function serverNames(asker: Asker): Promise<Names[]> {
  const answer = await asker.ask({ fn: 17 })
  if (answer.kind !== 'server-id') return []
  const words = answer.data.toString('latin1').match(/[\x20-\x7e]{3,}/g) ?? []
  const text = textOf(Buffer.from(words.join(' '), 'latin1'))
  return text === '' ? [] : [{ source: 'FC 17', models: [text] }]
}

type OwnNames = Partial<Record<(typeof nameFields)[number], string>>

/** The texts that a map's own points give. */
async function readNames(map: ResolvedMap, reader: MapReader): Promise<OwnNames> {
  const points = map.points.filter(({ name }) => (nameFields as readonly string[]).includes(name))
  await readPoints(map, points, reader)
  const texts = points.flatMap((point) => {
    const decoded = decodePoint(point, reader.image)
    return decoded.ok && decoded.value !== '' ? [[point.name, String(decoded.value)] as const] : []
  })
  return Object.fromEntries(texts)
}

/** The best name from what the device says of itself. */
function nameOf(names: readonly Names[]): OwnNames {
  const first = (of: (names: Names) => string | undefined) => names.map(of).find((text) => text !== undefined)
  const fields = {
    vendor: first(({ vendor }) => vendor),
    model: first(({ models, source }) => (source === 'FC 17' ? undefined : models[0])),
    serial: first(({ serial }) => serial),
    firmware: first(({ firmware }) => firmware),
  }
  return Object.fromEntries(Object.entries(fields).filter(([, text]) => text !== undefined))
}

function unmappedCandidate(unitId: number, names: readonly Names[]): Candidate | undefined {
  if (names.length === 0) return undefined
  const evidence = names.map(
    ({ source, vendor, models }) => `${source} says ${[vendor, ...models].filter(Boolean).join(', ')}`,
  )
  return { unitId, ...nameOf(names), confidence: unmapped, evidence: [...evidence, 'no point map is written for it'] }
}
