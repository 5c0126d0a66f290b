import { planReads, type ReadCosts, readTimeMs, registersOf, serialCosts, type SerialFormat, tcpCosts } from './plan.ts'
import { resolveMap } from './resolve.ts'
import type { SunspecModels } from './sunspec/models.ts'
import type { LoadedMap, ReadBlock, ResolvedMap, ResolvedPoint, SunspecLayout, SunspecModelAt } from './types.ts'

type Group = ResolvedPoint['pollGroup']
export const pollGroups: readonly Group[] = ['fast', 'normal', 'slow', 'once']
/** Registers, and bits, in the largest request. */
const mostRegisters = 125
const mostBits = 2000

export interface PlannedRead extends ReadBlock {
  readonly group: Group
  /** Registers of these that a point needs. */
  readonly used: number
  /** Least time on the line, ms; undefined without a serial line. */
  readonly ms: number | undefined
}

export interface PlannedGroup {
  readonly group: Group
  readonly requests: number
  readonly ms: number | undefined
  /** The same registers without a gap between them, in the largest requests. */
  readonly idealRequests: number
  readonly idealMs: number | undefined
}

export interface MapPlan {
  readonly reads: readonly PlannedRead[]
  readonly groups: readonly PlannedGroup[]
  readonly resolved: ResolvedMap
  /** SunSpec models that were assumed, where the device was not walked. */
  readonly assumed: SunspecLayout | undefined
}

/** In which requests a map is read, and how long they take on a serial line; without `line` as over Modbus TCP. */
export function planMap(
  loaded: LoadedMap,
  options: { readonly line?: SerialFormat; readonly models: () => SunspecModels; readonly layout?: SunspecLayout },
): MapPlan {
  const { line } = options
  const walks = Object.values(loaded.map.points).some(({ sunspec }) => sunspec !== undefined)
  const models = walks ? options.models() : undefined
  const assumed = models && !options.layout ? assumedLayout(loaded, models) : undefined
  const resolved = resolveMap(loaded, options.layout ?? assumed, models)
  const costs: ReadCosts = line ? serialCosts(line) : tcpCosts
  const { points, quirks } = resolved
  const reads = pollGroups.flatMap((group) => {
    const wanted = points.filter(({ pollGroup }) => pollGroup === group)
    return planReads(wanted, quirks, { costs }).map((block): PlannedRead => {
      const ms = line && round(readTimeMs(block, line) + (quirks.requestGapMs ?? 0))
      return { ...block, group, used: usedOf(block), ms }
    })
  })
  const groups = pollGroups.flatMap((group): PlannedGroup[] => {
    const mine = reads.filter((read) => read.group === group)
    if (mine.length === 0) return []
    const wanted = points.filter(({ pollGroup }) => pollGroup === group)
    const ms = line && round(mine.reduce((sum, read) => sum + (read.ms ?? 0), 0))
    return [{ group, requests: mine.length, ms, ...idealOf(wanted, line) }]
  })
  return { reads, groups, resolved, assumed }
}

function usedOf({ points, address, count }: ReadBlock): number {
  const inside = (at: number): boolean => at >= address && at < address + count
  return new Set(points.flatMap(registersOf).filter(inside)).size
}

/** The registers of the points without a gap between them, in the largest requests. */
function idealOf(
  points: readonly ResolvedPoint[],
  line: SerialFormat | undefined,
): { readonly idealRequests: number; readonly idealMs: number | undefined } {
  let idealRequests = 0
  let idealMs = 0
  for (const [fn, group] of Map.groupBy(points, (point) => point.function)) {
    const needed = group.flatMap(({ addresses, scaleFactorAddress }) => [
      ...addresses,
      ...(scaleFactorAddress === undefined ? [] : [scaleFactorAddress]),
    ])
    const most = fn === 'coil' || fn === 'discrete' ? mostBits : mostRegisters
    for (let left = new Set(needed).size; left > 0; left -= most) {
      idealRequests++
      if (line) idealMs += readTimeMs({ function: fn, count: Math.min(most, left) }, line)
    }
  }
  return { idealRequests, idealMs: line && round(idealMs) }
}

const round = (value: number): number => Math.round(value * 100) / 100

/** Where a device would have the models that a map names: one after the other from 40000 on. */
function assumedLayout({ map }: LoadedMap, models: SunspecModels): SunspecLayout {
  const places = Object.values(map.points).flatMap(({ sunspec }) => sunspec ?? [])
  const repetitions = new Map<number, number>()
  const instances = new Map<number, number>()
  for (const { model, group, instance } of places) {
    const number = typeof model === 'number' ? model : model[0]!
    repetitions.set(number, Math.max(repetitions.get(number) ?? 0, group === undefined ? 0 : group + 1))
    instances.set(number, Math.max(instances.get(number) ?? 0, (instance ?? 0) + 1))
  }
  instances.set(1, 1)
  const found: SunspecModelAt[] = []
  let address = 40_002
  for (const [number, times] of [...instances].toSorted(([a], [b]) => a - b)) {
    const definition = models.get(number)
    if (!definition) continue
    for (let index = 0; index < times; index++) {
      const length = definition.length + (repetitions.get(number) ?? 0) * (definition.repeating?.length ?? 0)
      found.push({ model: number, address: address + 2, length })
      address += 2 + length
    }
  }
  return { base: 40_000, models: found, warnings: [] }
}
