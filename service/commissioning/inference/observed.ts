/** Registers of one function as they were read one time after the other. */
export interface Observed {
  /** Times of the readings, oldest first, in ms. */
  readonly atMs: readonly number[]
  /** Ascending. */
  readonly addresses: readonly number[]
  /** The words of a register, one per reading; undefined for one that was not read every time. */
  words(address: number): readonly number[] | undefined
}

export interface ReadingOfRegisters {
  readonly atMs: number
  readonly words: ReadonlyMap<number, number>
}

/** The readings put together. Registers that some of them lack are left out. */
export function observed(readings: readonly ReadingOfRegisters[]): Observed {
  const series = new Map<number, number[]>()
  for (const [address, word] of readings[0]?.words ?? []) series.set(address, [word])
  for (const { words } of readings.slice(1)) {
    for (const [address, list] of series) {
      const word = words.get(address)
      if (word === undefined) series.delete(address)
      else list.push(word)
    }
  }
  return {
    atMs: readings.map(({ atMs }) => atMs),
    addresses: [...series.keys()].toSorted((a, b) => a - b),
    words: (address) => series.get(address),
  }
}
