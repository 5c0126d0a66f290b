import type { RefusedRegister, RegisterSnapshot, SnapshotTable } from '#contract/workbench-registers.ts'
import type { WatchedValues } from './watch-unit.ts'

export interface SnapshotOptions {
  readonly bus: string
  readonly unitId: number
  readonly name: string
  readonly takenBy: string
  readonly takenAtMs: number
  /** Monotonic, like the times of the values. */
  readonly nowMs: number
  /** What moved so long before is noise. */
  readonly baselineMs: number
  readonly refused: readonly RefusedRegister[]
}

/** The registers as they were read last, and which of them moved in the time before. */
export function takeSnapshot(values: readonly WatchedValues[], options: SnapshotOptions): RegisterSnapshot {
  const { nowMs, baselineMs, takenAtMs, bus, unitId, name, takenBy, refused } = options
  const sinceMs = nowMs - baselineMs
  const tables = new Map<number, { -readonly [Key in keyof SnapshotTable]: SnapshotTable[Key] }>()
  let readings = values.length === 0 ? 0 : Number.POSITIVE_INFINITY
  let firstMs = nowMs
  for (const { block, words, readMs, changedMs } of values) {
    const table = tables.get(block.fn) ?? { fn: block.fn, words: {}, moved: [] }
    tables.set(block.fn, table)
    for (let at = 0; at < block.count; at++) {
      table.words[block.address + at] = words[at] ?? 0
      if (changedMs[at]! >= sinceMs) table.moved.push(block.address + at)
    }
    const within = readMs.filter((ms) => ms >= sinceMs)
    readings = Math.min(readings, Math.max(1, within.length))
    firstMs = Math.min(firstMs, within[0] ?? nowMs)
  }
  return {
    kind: 'snapshot',
    name,
    bus,
    unitId,
    takenAtMs,
    takenBy,
    baseline: { readings, overMs: Math.round(nowMs - firstMs) },
    tables: [...tables.values()].toSorted((a, b) => a.fn - b.fn),
    refused: [...refused].toSorted((a, b) => a.fn - b.fn || a.address - b.address),
  }
}

/** One register per line, in the order of the addresses, so that versions can be compared. */
export const snapshotText = (snapshot: RegisterSnapshot): string => `${JSON.stringify(snapshot, undefined, 1)}\n`
