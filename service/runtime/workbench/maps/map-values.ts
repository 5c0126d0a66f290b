import type { MapValue, MapValues } from '#contract/map-editor.ts'
import type { RegisterSnapshot } from '#contract/workbench-registers.ts'
import type { Clock } from '../../../domain/clock.ts'
import { decodePoint } from '../../../pointmap/codec.ts'
import { deriveReading } from '../../../pointmap/derive.ts'
import { registersOf } from '../../../pointmap/plan.ts'
import type { RegisterFunction, ResolvedMap, ResolvedPoint } from '../../../pointmap/types.ts'
import type { SiteDeviceEntry } from '../../site-runtime.ts'
import type { LastRegisters, SeenRead, TimedWords } from './last-registers.ts'

/** A value is old after three periods of its poll group, and never before this. */
const freshMs = 5000
const functions: Readonly<Record<number, RegisterFunction>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' }

/** What a map makes of what a device has sent last, or of the newest snapshot of it while it has sent nothing. */
export function valuesOf(options: {
  map: ResolvedMap
  entry: SiteDeviceEntry
  registers: LastRegisters
  snapshot: RegisterSnapshot | undefined
  clock: Clock
}): MapValues {
  const { map, entry, registers, snapshot, clock } = options
  const live = registers.wordsOf(entry)
  const reads = registers.readsOf(entry)
  const recorded = !live.any && snapshot !== undefined
  const words = recorded ? snapshotWords(snapshot) : live
  const nowMs = clock.nowMs()
  const measured = map.points.map((point) => valueOf(point, words, recorded ? undefined : { nowMs, reads, map }))
  const missing = [...map.missing]
    .filter(([name]) => map.loaded.map.points[name])
    .map(([name, reason]): MapValue => ({ name, quality: 'bad', reason: reason.slice(0, 200) }))
  return {
    device: entry.config.id,
    from: recorded ? 'recorded' : live.any ? 'live' : 'nothing',
    recordedAtMs: recorded ? snapshot.takenAtMs : null,
    link: entry.device.link().state,
    nowMs,
    values: [...measured, ...missing, ...derivedOf(map, measured)],
    measured: reads.map(({ answersMs, ...read }) => ({ ...read, ms: median(answersMs) ?? null })),
  }
}

function valueOf(
  point: ResolvedPoint,
  words: TimedWords,
  live: { readonly nowMs: number; readonly reads: readonly SeenRead[]; readonly map: ResolvedMap } | undefined,
): MapValue {
  const { name, function: fn } = point
  let atMs = Number.POSITIVE_INFINITY
  for (const address of registersOf(point)) {
    const word = words.get(fn, address)
    if (word) atMs = Math.min(atMs, word.atMs)
    else return notRead(name, fn, address, live?.reads ?? [])
  }
  const decoded = decodePoint(point, { word: (wanted, address) => words.get(wanted, address)?.word })
  const common = { name, atMs, raw: decoded.raw }
  if (!decoded.ok) return { ...common, quality: 'bad', reason: decoded.reason.slice(0, 200) }
  const everyMs = live && periodOf(point, live.map)
  const ageMs = live && everyMs !== undefined && live.nowMs - atMs
  if (typeof ageMs === 'number' && ageMs > Math.max(freshMs, 3 * (everyMs ?? 0)))
    return { ...common, value: decoded.value, quality: 'stale', reason: `last read ${Math.round(ageMs / 1000)} s ago` }
  return { ...common, value: decoded.value, quality: 'good' }
}

const periodOf = ({ pollGroup }: ResolvedPoint, { pollMs }: ResolvedMap): number | undefined =>
  pollGroup === 'once' ? undefined : pollGroup === 'fast' ? (pollMs.fast ?? 0) : pollMs[pollGroup]

function notRead(name: string, fn: RegisterFunction, address: number, reads: readonly SeenRead[]): MapValue {
  const refusing = reads.filter(
    (read) =>
      read.function === fn && read.refused > 0 && address >= read.address && address < read.address + read.count,
  )
  const smallest = refusing.toSorted((a, b) => a.count - b.count)[0]
  if (!smallest) return { name, quality: 'not-read', reason: `register ${address} was not read yet` }
  const { refused, asked } = smallest
  return { name, quality: 'bad', reason: `the device refuses register ${address}, ${refused} of ${asked} reads` }
}

function derivedOf(map: ResolvedMap, measured: readonly MapValue[]): MapValue[] {
  const readings = new Map(
    measured.flatMap(({ name, quality, atMs, value, reason }) =>
      quality === 'not-read' || atMs === undefined
        ? []
        : [
            [
              name,
              {
                atMs,
                monotonicMs: atMs,
                quality,
                ...(value !== undefined && { value }),
                ...(reason !== undefined && { reason }),
              },
            ] as const,
          ],
    ),
  )
  return Object.entries(map.derived).map(([name, definition]): MapValue => {
    const reading = deriveReading(definition, readings)
    if (!reading) return { name, quality: 'not-read', reason: 'not all it is computed from was read yet' }
    const { quality, atMs, value, reason } = reading
    return { name, quality, atMs, ...(value !== undefined && { value }), ...(reason !== undefined && { reason }) }
  })
}

function snapshotWords({ tables, takenAtMs }: RegisterSnapshot): TimedWords {
  const byFunction = new Map(tables.map(({ fn, words }) => [functions[fn], words]))
  return {
    any: true,
    get(fn, address) {
      const word = byFunction.get(fn)?.[String(address)]
      return word === undefined ? undefined : { word, atMs: takenAtMs }
    },
  }
}

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}
