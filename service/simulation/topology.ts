import { type Phase, phases } from '#contract/metrics.ts'
import type { Circuit, Grid, Site } from '#contract/site.ts'
import type { Condition, SiteDevice } from '#contract/site-device.ts'

export const phaseIndex: Readonly<Record<Phase, number>> = { l1: 0, l2: 1, l3: 2 }
export const phaseOf = (index: number): Phase => phases[index] ?? 'l1'

/** One circuit of a grid, in an order in which every parent comes before its children. */
export interface Node {
  readonly index: number
  /** -1 for the grid connection. */
  readonly parent: number
  readonly grid: Grid
  readonly circuit: Circuit
}

/** Where a device hangs; a shared one by its conditions. */
export interface Place {
  readonly node: number
  readonly when?: Condition
}

export interface Topology {
  readonly nodes: readonly Node[]
  /** Index of the grid connection, by grid. */
  readonly roots: ReadonlyMap<string, number>
  node(circuitId: string): number | undefined
  places(device: SiteDevice): readonly Place[]
  /** The node itself, its parent and so on. */
  path(node: number): readonly number[]
}

/** The circuits as physics sees them: written apart from control's own model, so that each checks the other. */
export function topologyOf(site: Site): Topology {
  const nodes: Node[] = []
  const roots = new Map<string, number>()
  const byId = new Map<string, number>()
  function add(circuit: Circuit, grid: Grid, parent: number): void {
    const index = nodes.length
    nodes.push({ index, parent, grid, circuit })
    byId.set(circuit.id, index)
    if (parent < 0) roots.set(grid.id, index)
    for (const child of circuit.circuits ?? []) add(child, grid, index)
  }
  for (const grid of site.grids) add(grid.connection, grid, -1)
  const [first = 0] = roots.values()
  return {
    nodes,
    roots,
    node: (id) => byId.get(id),
    places({ circuit }) {
      if (circuit === undefined) return [{ node: first }]
      if (typeof circuit === 'string') return [{ node: byId.get(circuit) ?? first }]
      return circuit.map((place) => ({ node: byId.get(place.circuit) ?? first, when: place.when }))
    },
    path(node) {
      const path: number[] = []
      for (let at = node; at >= 0; at = nodes[at]?.parent ?? -1) path.push(at)
      return path
    },
  }
}
