/** Who goes first on a bus. */
export type Priority = 'write' | 'control' | 'background' | 'scan'

const ranks: Readonly<Record<Priority, number>> = { write: 0, control: 1, background: 2, scan: 3 }
/** Waiting this long is worth one rank, so that nothing starves; a fresh write waits for at most one older request. */
const agingMs = 1000

export interface Queued {
  readonly priority: Priority
  queuedAtMs: number
}

export interface RequestQueue<Entry extends Queued> {
  readonly size: number
  push(entry: Entry): void
  /** Back to the front of its class. */
  putBack(entry: Entry): void
  /** Takes the entry that is to go now: the highest class, aged by waiting, of those that `may` go. */
  take(nowMs: number, may: (entry: Entry) => boolean): Entry | undefined
  remove(entry: Entry): void
  /** Takes everything out. */
  drain(): Entry[]
}

/** Four queues in order of arrival, one per priority. */
export function createQueue<Entry extends Queued>(): RequestQueue<Entry> {
  const classes: Entry[][] = [[], [], [], []]
  let size = 0

  const classOf = (entry: Entry): Entry[] => classes[ranks[entry.priority]]!

  return {
    get size() {
      return size
    },
    push(entry) {
      classOf(entry).push(entry)
      size++
    },
    putBack(entry) {
      classOf(entry).unshift(entry)
      size++
    },
    take(nowMs, may) {
      if (size === 0) return undefined
      let best: Entry | undefined
      let bestRank = Number.POSITIVE_INFINITY
      for (let rank = 0; rank < classes.length; rank++) {
        const entry = classes[rank]!.find(may)
        if (!entry) continue
        const aged = rank - (nowMs - entry.queuedAtMs) / agingMs
        if (aged >= bestRank) continue
        best = entry
        bestRank = aged
      }
      if (best) this.remove(best)
      return best
    },
    remove(entry) {
      const entries = classOf(entry)
      const index = entries.indexOf(entry)
      if (index < 0) return
      if (index === 0) entries.shift()
      else entries.splice(index, 1)
      size--
    },
    drain() {
      size = 0
      return classes.flatMap((entries) => entries.splice(0))
    },
  }
}
