import type {
  ReadFunction,
  RegisterRange,
  RegisterSnapshot,
  RefusedRegister,
  WatchedBlock,
} from '#contract/workbench-registers.ts'

/** Registers with what they read now, a little of their past, and a snapshot to compare with. Lives outside Vue. */
export interface RegisterImage {
  readonly size: number
  fnAt(row: number): ReadFunction
  addressAt(row: number): number
  /** -1 where the register is not followed. */
  rowOf(fn: number, address: number): number
  /** Undefined before the first reading. */
  wordAt(row: number): number | undefined
  /** The word and those after it in the same row of addresses, `count` at most. */
  wordsAt(row: number, count: number): number[]
  readAtMs(row: number): number | undefined
  /** Exception code of a register that the unit refuses; 0 for none. */
  refusalAt(row: number): number
  /** Path of the last minute in a box of width × height. */
  sparkOf(row: number, toMs: number, width: number, height: number): string
  /** Takes what was read; calls back for each register that was. */
  apply(blocks: readonly WatchedBlock[], refused: readonly RefusedRegister[], read?: (row: number) => void): void
  /** Shows what is there now, or a snapshot, until it is thawed. */
  freeze(snapshot?: RegisterSnapshot): void
  thaw(): void
  /** What is compared with from now on. */
  compareWith(snapshot: RegisterSnapshot | undefined): void
  referenceAt(row: number): number | undefined
  /** Rows whose register changed since the snapshot and had been calm before, and how many moved before. */
  changes(): { readonly rows: number[]; readonly masked: number; readonly compared: number }
}

const samples = 48
const keyOf = (fn: number, address: number): number => ((fn - 1) << 16) | address

/** Every register of the ranges once, by function and address. */
export function createRegisterImage(ranges: readonly RegisterRange[]): RegisterImage {
  const keys = new Set<number>()
  for (const { fn, address, count } of ranges) for (let at = 0; at < count; at += 1) keys.add(keyOf(fn, address + at))
  const order = Uint32Array.from(keys).toSorted()
  const size = order.length
  const rows = new Map(Array.from(order, (key, row) => [key, row]))
  const live = { words: new Uint16Array(size), atMs: new Float64Array(size) }
  let shown = live
  const refusals = new Uint8Array(size)
  const pastWords = new Uint16Array(size * samples)
  const pastMs = new Float64Array(size * samples)
  const pastCount = new Uint32Array(size)
  let reference: { words: Uint16Array; known: Uint8Array; moved: Uint8Array } | undefined

  const rowOf = (fn: number, address: number): number => rows.get(keyOf(fn, address)) ?? -1
  const wordAt = (row: number): number | undefined => (shown.atMs[row] ? shown.words[row] : undefined)

  function note(row: number, word: number, atMs: number): void {
    live.words[row] = word
    live.atMs[row] = atMs
    const slot = row * samples + ((pastCount[row] ?? 0) % samples)
    pastWords[slot] = word
    pastMs[slot] = atMs
    pastCount[row] = (pastCount[row] ?? 0) + 1
  }

  function fill(snapshot: RegisterSnapshot, set: (row: number, word: number) => void): void {
    for (const { fn, words } of snapshot.tables)
      for (const [address, word] of Object.entries(words)) {
        const row = rowOf(fn, Number(address))
        if (row >= 0) set(row, word)
      }
  }

  return {
    size,
    fnAt: (row) => (((order[row] ?? 0) >> 16) + 1) as ReadFunction,
    addressAt: (row) => (order[row] ?? 0) & 0xffff,
    rowOf,
    wordAt,
    wordsAt(row, count) {
      const words: number[] = []
      for (let at = row; words.length < count && at < size; at += 1) {
        const word = wordAt(at)
        if (word === undefined || order[at] !== (order[row] ?? 0) + (at - row)) break
        words.push(word)
      }
      return words
    },
    readAtMs: (row) => shown.atMs[row] || undefined,
    refusalAt: (row) => refusals[row] ?? 0,
    sparkOf(row, toMs, width, height) {
      const count = Math.min(samples, pastCount[row] ?? 0)
      const first = (pastCount[row] ?? 0) - count
      const slots: number[] = []
      let low = Infinity
      let high = -Infinity
      for (let turn = 0; turn < count; turn += 1) {
        const slot = row * samples + ((first + turn) % samples)
        if ((pastMs[slot] ?? 0) < toMs - 60_000) continue
        slots.push(slot)
        low = Math.min(low, pastWords[slot] ?? 0)
        high = Math.max(high, pastWords[slot] ?? 0)
      }
      if (slots.length < 2) return ''
      const span = high - low
      let path = ''
      for (const slot of slots) {
        const x = width * (1 - (toMs - (pastMs[slot] ?? 0)) / 60_000)
        const share = span > 0 ? ((pastWords[slot] ?? 0) - low) / span : 0.5
        path += `${path === '' ? 'M' : 'L'}${x.toFixed(1)} ${(height - 1 - share * (height - 2)).toFixed(1)}`
      }
      return path
    },
    apply(blocks, refused, read) {
      for (const { fn, address, words, atMs } of blocks)
        for (const [at, word] of words.entries()) {
          const row = rowOf(fn, address + at)
          // What comes twice was read once.
          if (row < 0 || live.atMs[row] === atMs) continue
          note(row, word, atMs)
          read?.(row)
        }
      for (const { fn, address, code } of refused) {
        const row = rowOf(fn, address)
        if (row >= 0) refusals[row] = code
      }
    },
    freeze(snapshot) {
      shown = snapshot
        ? { words: new Uint16Array(size), atMs: new Float64Array(size) }
        : { words: live.words.slice(), atMs: live.atMs.slice() }
      if (!snapshot) return
      const frozen = shown
      fill(snapshot, (row, word) => {
        frozen.words[row] = word
        frozen.atMs[row] = snapshot.takenAtMs
      })
    },
    thaw() {
      shown = live
    },
    compareWith(snapshot) {
      reference = undefined
      if (!snapshot) return
      const made = { words: new Uint16Array(size), known: new Uint8Array(size), moved: new Uint8Array(size) }
      fill(snapshot, (row, word) => {
        made.words[row] = word
        made.known[row] = 1
      })
      for (const { fn, moved } of snapshot.tables)
        for (const address of moved) {
          const row = rowOf(fn, address)
          if (row >= 0) made.moved[row] = 1
        }
      reference = made
    },
    referenceAt: (row) => (reference?.known[row] ? reference.words[row] : undefined),
    changes() {
      const changed: number[] = []
      const base = reference
      let masked = 0
      let compared = 0
      if (!base) return { rows: changed, masked, compared }
      for (let row = 0; row < size; row += 1) {
        if (!base.known[row] || !shown.atMs[row]) continue
        compared += 1
        if (base.words[row] === shown.words[row]) continue
        if (base.moved[row]) masked += 1
        else changed.push(row)
      }
      return { rows: changed, masked, compared }
    },
  }
}
