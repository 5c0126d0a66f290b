/** When the bytes of a stream came, for as much of it as is still held. */
export interface ByteTimes {
  /** The bytes from `offset` on came at this time. `fresh`: after a pause, so that a frame may begin here. */
  add(offset: number, mark: Omit<Mark, 'offset'>): void
  at(offset: number): Mark
  /** Whether a pause came before this byte. */
  startsFresh(offset: number): boolean
  /** Forgets what came before. */
  forget(before: number): void
}

export interface Mark {
  readonly offset: number
  readonly atMs: number
  readonly fresh: boolean
  readonly from: 'client' | 'server' | undefined
}

export function createByteTimes(): ByteTimes {
  let marks: Mark[] = []
  let unused = 0

  function indexOf(offset: number): number {
    let low = unused
    let high = marks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (marks[middle]!.offset <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  return {
    add: (offset, mark) => void marks.push({ offset, ...mark }),
    at: (offset) => marks[indexOf(offset)]!,
    startsFresh(offset) {
      const mark = marks[indexOf(offset)]
      return mark !== undefined && mark.fresh && mark.offset === offset
    },
    forget(before) {
      while (unused + 1 < marks.length && marks[unused + 1]!.offset <= before) unused++
      if (unused < 512) return
      marks = marks.slice(unused)
      unused = 0
    },
  }
}
