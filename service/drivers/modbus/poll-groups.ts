import type { PollGroup } from '#contract/api.ts'
import { planReads, type AbsentRange, type ReadCosts } from '../../pointmap/plan.ts'
import type { ReadBlock, ResolvedMap, ResolvedPoint } from '../../pointmap/types.ts'
import type { BlockResult } from './block-reader.ts'

type GroupName = ResolvedPoint['pollGroup']

export interface PlannedBlock {
  readonly block: ReadBlock
  /** Answered at least once in this form. */
  proven: boolean
}

export interface Group {
  readonly name: GroupName
  /** Undefined: once. */
  readonly everyMs: number | undefined
  blocks: PlannedBlock[]
  /** Monotonic; -Infinity means at the next poll, Infinity never. */
  dueMs: number
}

export interface PollGroups {
  due(nowMs: number): Group[]
  /** Notes what a poll of the group has shown: when it is due next, and better blocks where some were refused. */
  polled(group: Group, nowMs: number, results: readonly BlockResult[]): void
  describe(): PollGroup[]
}

const names: readonly GroupName[] = ['fast', 'normal', 'slow', 'once']
/** Values that a device lacks are asked for again after so long: firmware is updated, parts are fitted. */
const absentRetryMs = 600_000

/** The read requests of a device by poll group, and when each is due. `cycleMs` is the period of the fast group. */
export function createPollGroups(map: ResolvedMap, costs: ReadCosts, cycleMs: number): PollGroups {
  const absent: AbsentRange[] = []
  const absentPoints = new Set<ResolvedPoint>()
  let retryAbsentMs = Number.POSITIVE_INFINITY

  const plan = (name: GroupName): PlannedBlock[] => {
    const points = map.points.filter((point) => point.pollGroup === name && !absentPoints.has(point))
    return planReads(points, map.quirks, { costs, absent }).map((block) => ({ block, proven: false }))
  }
  const periods: Readonly<Record<GroupName, number | undefined>> = {
    fast: map.pollMs.fast ?? cycleMs,
    normal: map.pollMs.normal,
    slow: map.pollMs.slow,
    once: undefined,
  }
  const groups = names
    .filter((name) => map.points.some((point) => point.pollGroup === name))
    .map((name): Group => ({ name, everyMs: periods[name], blocks: plan(name), dueMs: Number.NEGATIVE_INFINITY }))

  const nextDueMs = (group: Group, nowMs: number): number => {
    if (group.everyMs === undefined) return Number.POSITIVE_INFINITY
    if (group.everyMs <= cycleMs) return Number.NEGATIVE_INFINITY
    const next = group.dueMs + group.everyMs
    return next > nowMs - group.everyMs ? next : nowMs + group.everyMs
  }

  const isAbsentPoint = (point: ResolvedPoint): boolean =>
    [...point.addresses, point.scaleFactorAddress].some(
      (address) =>
        address !== undefined &&
        absent.some(({ function: fn, first, last }) => fn === point.function && address >= first && address <= last),
    )

  return {
    due(nowMs) {
      if (nowMs >= retryAbsentMs) {
        retryAbsentMs = Number.POSITIVE_INFINITY
        absent.length = 0
        absentPoints.clear()
        for (const group of groups) {
          group.blocks = plan(group.name)
          if (group.everyMs === undefined) group.dueMs = Number.NEGATIVE_INFINITY
        }
      }
      // Polls come locked to the cycle, a little early or late; this one is nearer than the next.
      return groups.filter((group) => nowMs >= group.dueMs - cycleMs / 2)
    },
    polled(group, nowMs, results) {
      const missing = results.filter(({ kind }) => kind === 'absent')
      for (const { block } of missing) {
        absent.push({ function: block.function, first: block.address, last: block.address + block.count - 1 })
        retryAbsentMs = Math.min(retryAbsentMs, nowMs + absentRetryMs)
      }
      if (missing.length > 0) {
        for (const point of map.points) if (isAbsentPoint(point)) absentPoints.add(point)
        group.blocks = plan(group.name)
      } else if (results.length !== group.blocks.length || group.blocks.some(({ proven }) => !proven)) {
        // Refused as a whole though nothing in it is missing: the parts that were answered are kept as they are.
        group.blocks = results.map(({ kind, block }) => ({ block, proven: kind === 'read' }))
      }
      const lost = results.some(({ kind }) => kind === 'lost')
      group.dueMs = lost ? Number.NEGATIVE_INFINITY : nextDueMs(group, nowMs)
    },
    describe: () =>
      groups.map(({ name, everyMs, blocks }) => ({
        name,
        ...(everyMs === undefined ? {} : { everyMs }),
        requests: blocks.map(({ block }) => ({ function: block.function, address: block.address, count: block.count })),
      })),
  }
}
