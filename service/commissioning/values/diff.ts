import type { ReadFunction, RegisterDiff, RegisterSnapshot, SnapshotTable } from '#contract/workbench-registers.ts'

const tableOf = ({ tables }: RegisterSnapshot, fn: ReadFunction): SnapshotTable =>
  tables.find((table) => table.fn === fn) ?? { fn, words: {}, moved: [] }

const placeOf = ({ bus, unitId, takenAtMs }: RegisterSnapshot) => ({ bus, unitId, takenAtMs })

/**
 * What changed from one snapshot to another. Registers that moved before the first one are masked: while it was taken,
 * while the baseline was taken, or from the baseline to it. Both are sorted by function and address.
 */
export function diffSnapshots(
  before: RegisterSnapshot,
  after: RegisterSnapshot,
  baseline?: RegisterSnapshot,
): RegisterDiff {
  const changed: RegisterDiff['changed'] = []
  const masked: RegisterDiff['masked'] = []
  let [compared, onlyBefore, onlyAfter] = [0, 0, 0]
  for (const fn of [1, 2, 3, 4] as const) {
    const from = tableOf(before, fn)
    const to = tableOf(after, fn)
    const calm = baseline ? tableOf(baseline, fn) : undefined
    const moved = new Set([...from.moved, ...(calm?.moved ?? [])])
    for (const [key, word] of Object.entries(from.words)) {
      const address = Number(key)
      const now = to.words[key]
      if (now === undefined) {
        onlyBefore++
        continue
      }
      compared++
      if (now === word) continue
      const earlier = calm?.words[key] ?? word
      if (earlier !== word || moved.has(address)) masked.push({ fn, address })
      else changed.push({ fn, address, before: word, after: now })
    }
    for (const key of Object.keys(to.words)) if (from.words[key] === undefined) onlyAfter++
  }
  return { before: placeOf(before), after: placeOf(after), compared, changed, masked, onlyBefore, onlyAfter }
}
