import type { ReadFunction } from '#contract/workbench-registers.ts'
import { type Observed, observed } from '../inference/observed.ts'

/** Registers that were read, or were heard to be read or written, at one time. */
export interface ReadingOfBlock {
  readonly unitId: number
  readonly fn: ReadFunction
  readonly address: number
  readonly words: ArrayLike<number>
  /** Wall clock. */
  readonly atMs: number
  /** Heard: a client has written it. */
  readonly written?: true
}

export interface BlockHistory {
  readonly unitId: number
  readonly fn: ReadFunction
  readonly address: number
  readonly count: number
  /** Oldest first. */
  readonly readings: readonly { readonly atMs: number; readonly words: Uint16Array; readonly written?: true }[]
}

/** The readings of the last minutes, so that one can see what moved when. */
export interface ValueHistory {
  record(reading: ReadingOfBlock): void
  blocks(): readonly BlockHistory[]
  /** Registers of a unit and function, as they were at the times when this register was read; undefined where it never was. */
  around(unitId: number, fn: ReadFunction, address: number): Observed | undefined
}

/** Of a block, and of all together: 8 MB. */
const keptReadings = 240
const keptWords = 4_000_000
/** Registers further away say nothing about one. */
const farAway = 300
const lookedAt = 40

export function createValueHistory(): ValueHistory {
  const blocks = new Map<string, BlockHistory & { readings: { atMs: number; words: Uint16Array; written?: true }[] }>()
  let words = 0

  /** The block that was read longest ago makes room. */
  function makeRoom(): void {
    while (words > keptWords) {
      const [key, oldest] = [...blocks].reduce((least, each) =>
        (each[1].readings.at(-1)?.atMs ?? 0) < (least[1].readings.at(-1)?.atMs ?? 0) ? each : least,
      )
      words -= oldest.readings.length * oldest.count
      blocks.delete(key)
    }
  }

  return {
    record({ unitId, fn, address, words: read, atMs, written }) {
      const count = read.length
      if (count === 0) return
      const key = `${unitId} ${fn} ${address} ${count}`
      let block = blocks.get(key)
      if (!block) blocks.set(key, (block = { unitId, fn, address, count, readings: [] }))
      block.readings.push({ atMs, words: Uint16Array.from(read), ...(written && { written }) })
      words += count
      if (block.readings.length > keptReadings) {
        block.readings.shift()
        words -= count
      }
      makeRoom()
    },
    blocks: () => [...blocks.values()],
    around(unitId, fn, address) {
      const own = [...blocks.values()]
        .filter((block) => block.unitId === unitId && block.fn === fn && holds(block, address))
        .toSorted((a, b) => b.readings.length - a.readings.length)[0]
      if (!own) return undefined
      const near = [...blocks.values()].filter(
        (block) =>
          block.unitId === unitId &&
          block.fn === fn &&
          block.address < address + farAway &&
          block.address + block.count > address - farAway,
      )
      return observed(
        own.readings.slice(-lookedAt).map(({ atMs }) => {
          const seen = new Map<number, number>()
          for (const block of near) {
            const reading = block.readings.findLast((each) => each.atMs <= atMs) ?? block.readings[0]
            for (let at = 0; at < block.count; at++)
              if (block === own || !holds(own, block.address + at))
                seen.set(block.address + at, reading?.words[at] ?? 0)
          }
          return { atMs, words: seen }
        }),
      )
    },
  }
}

const holds = ({ address, count }: Pick<BlockHistory, 'address' | 'count'>, wanted: number): boolean =>
  wanted >= address && wanted < address + count
