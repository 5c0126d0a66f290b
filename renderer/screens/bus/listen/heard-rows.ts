import type { HeardBlock, ListenResult } from '#contract/workbench-listen.ts'

export interface HeardPoint {
  readonly address: number
  readonly word: number | undefined
  readonly proposed: HeardBlock['proposed'][number] | undefined
}

export interface HeardRow {
  readonly key: string
  readonly block: HeardBlock
  readonly points: readonly HeardPoint[]
}

/** Blocks with one row per register; registers that a proposed point spans are its row. */
export function heardRows({ map }: Pick<ListenResult, 'map'>): HeardRow[] {
  return map.map((block) => {
    const named = new Map(block.proposed.map((point) => [point.address, point]))
    const points = Array.from({ length: Math.max(block.count, block.last.length) }, (_, at): HeardPoint => {
      const address = block.address + at
      return { address, word: block.last[at], proposed: named.get(address) }
    })
    const server = block.server ? `${block.server.host}:${block.server.port} ` : ''
    return {
      key: `${server}${block.unitId}/${block.fc}/${block.access}/${block.address}/${block.count}`,
      block,
      points,
    }
  })
}

/** The points of a block that deserve a look: those with a name, else the first few. */
export const notable = ({ points }: HeardRow): readonly HeardPoint[] => {
  const named = points.filter(({ proposed }) => proposed)
  return named.length > 0 ? named : points.slice(0, 8)
}
