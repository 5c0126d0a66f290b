import type { RegisterSpan, RegisterStatus } from '#contract/workbench-scan.ts'

/** What is known of each address of one function. */
export interface RegisterTable {
  known(address: number): boolean
  isValue(address: number): boolean
  isSkipped(address: number): boolean
  setValues(address: number, words: ArrayLike<number>): void
  set(address: number, status: RegisterStatus, code: number | null): void
  /** Everything unknown from first to last is like the address `as`, though nobody asked. */
  infer(first: number, last: number, as: number): void
  /** Longest row of values: its first address and its length. */
  longestRow(from: number, to: number): { readonly address: number; readonly count: number }
  spans(from: number, to: number): RegisterSpan[]
}

const statuses: readonly (RegisterStatus | undefined)[] = [
  undefined,
  'value',
  'illegal-address',
  'other-exception',
  'silence',
  'skipped',
]
const valueCode = 1
const skippedCode = 5

/** Words that stand for nothing when they come in long rows, and how long such a row is. */
const sentinelRows: ReadonlyMap<number, number> = new Map([
  [0xffff, 16],
  [0xfffe, 16],
  [0x8000, 16],
  [0x7fff, 16],
  [0, 64],
])

export function createRegisterTable(previous: readonly RegisterSpan[] = []): RegisterTable {
  const kinds = new Uint8Array(65_536)
  const words = new Uint16Array(65_536)
  const codes = new Int16Array(65_536).fill(-1)
  const guessed = new Uint8Array(65_536)

  const set = (address: number, status: RegisterStatus, code: number | null): void => {
    // A sentinel is a value until the whole row of it is known.
    kinds[address] = status === 'sentinel' ? valueCode : statuses.indexOf(status)
    codes[address] = code ?? -1
    guessed[address] = 0
  }

  const table: RegisterTable = {
    known: (address) => kinds[address] !== 0,
    isValue: (address) => kinds[address] === valueCode,
    isSkipped: (address) => kinds[address] === skippedCode,
    set,
    setValues(address, values) {
      for (let i = 0; i < values.length; i++) {
        set(address + i, 'value', null)
        words[address + i] = values[i]!
      }
    },
    infer(first, last, as) {
      for (let address = first; address <= last; address++) {
        if (kinds[address] !== 0) continue
        kinds[address] = kinds[as]!
        codes[address] = codes[as]!
        guessed[address] = 1
      }
    },
    longestRow(from, to) {
      let best = { address: from, count: 0 }
      for (let first = from; first <= to; first++) {
        if (kinds[first] !== valueCode) continue
        let last = first
        while (last < to && kinds[last + 1] === valueCode) last++
        if (last - first + 1 > best.count) best = { address: first, count: last - first + 1 }
        first = last
      }
      return best
    },
    spans(from, to) {
      const sentinel = sentinels(kinds, words, from, to)
      const spans: RegisterSpan[] = []
      const alike = (a: number, b: number): boolean =>
        kinds[a] === kinds[b] && codes[a] === codes[b] && sentinel[a] === sentinel[b]
      for (let first = from; first <= to;) {
        let last = first
        while (last < to && alike(first, last + 1)) last++
        const status = sentinel[first] === 1 ? 'sentinel' : statuses[kinds[first]!]
        if (status)
          spans.push({
            address: first,
            count: last - first + 1,
            status,
            words: kinds[first] === valueCode ? Array.from(words.subarray(first, last + 1)) : [],
            code: codes[first] === -1 ? null : codes[first]!,
            inferred: guessed.subarray(first, last + 1).includes(1),
          })
        first = last + 1
      }
      return spans
    },
  }
  for (const span of previous) {
    for (let i = 0; i < span.count; i++) {
      set(span.address + i, span.status, span.code)
      words[span.address + i] = span.words[i] ?? 0
      guessed[span.address + i] = span.inferred ? 1 : 0
    }
  }
  return table
}

/** Marks long rows of one word that stands for nothing. */
function sentinels(kinds: Uint8Array, words: Uint16Array, from: number, to: number): Uint8Array {
  const marks = new Uint8Array(65_536)
  for (let first = from; first <= to;) {
    let last = first
    while (last < to && kinds[last + 1] === kinds[first] && words[last + 1] === words[first]) last++
    const least = sentinelRows.get(words[first]!)
    if (kinds[first] === valueCode && least !== undefined && last - first + 1 >= least) marks.fill(1, first, last + 1)
    first = last + 1
  }
  return marks
}
