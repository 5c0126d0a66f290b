import type { ReadFunction, RegisterRange } from '#contract/workbench-registers.ts'

/** One request's worth of registers. */
export interface Block {
  readonly fn: ReadFunction
  readonly address: number
  readonly count: number
}

/** Most that one request may ask for, of bits and of registers (Modbus 1.1b3, 6.1 and 6.3). */
export interface BlockLimits {
  readonly bits?: number | undefined
  readonly registers?: number | undefined
  /** First and last addresses that are not to be touched. */
  readonly noScanRanges?: readonly (readonly [number, number])[] | undefined
}

/** The ranges in the fewest requests, by function and address, each register once and none that must not be touched. */
export function planBlocks(ranges: readonly RegisterRange[], limits: BlockLimits = {}): Block[] {
  const blocks: Block[] = []
  for (const fn of [1, 2, 3, 4] as const) {
    const most = fn <= 2 ? (limits.bits ?? 2000) : (limits.registers ?? 125)
    const wanted = ranges.filter((range) => range.fn === fn).toSorted((a, b) => a.address - b.address)
    let next = 0
    let open: { address: number; count: number } | undefined
    for (const range of wanted) {
      for (let at = Math.max(next, range.address); at < range.address + range.count; at++) {
        next = at + 1
        if (limits.noScanRanges?.some(([first, last]) => at >= first && at <= last)) continue
        if (open && open.address + open.count === at && open.count < most) open.count++
        else blocks.push({ fn, ...(open = { address: at, count: 1 }) })
        blocks[blocks.length - 1] = { fn, ...open }
      }
    }
  }
  return blocks
}

/** Both halves of a block that the unit does not give as a whole. */
export function halves({ fn, address, count }: Block): [Block, Block] {
  const left = count >> 1
  return [
    { fn, address, count: left },
    { fn, address: address + left, count: count - left },
  ]
}
