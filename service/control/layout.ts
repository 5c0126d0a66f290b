import type { Reason } from '#contract/api.ts'
import type { DeviceModel, SiteModel } from '../domain/site-model.ts'

/**
 * Something that is limited, as one number that control can move: the current of a phase of a circuit (A), the power of a circuit
 * (W), the difference of two phases (A), or the consumption of a group of devices (W).
 */
export interface Row {
  readonly index: number
  readonly kind: 'fuse' | 'power' | 'unbalance' | 'dim' | 'surplus' | 'peak'
  readonly tier: Reason['tier']
  /** -1 for a group of devices. */
  readonly node: number
  /** Phases, as indices; `minus` only of an unbalance. */
  readonly phase: number
  readonly minus: number
  /** Index of the signal that makes this row, or -1. */
  readonly signal: number
}

/** A device with power: what it takes is part of the circuits above it, and control may decide about it. */
export interface Unit {
  readonly index: number
  readonly device: DeviceModel
  readonly node: number
  /** Shares of its terminals: index of the grid's phase of each. */
  readonly terminals: readonly number[]
  readonly controlled: boolean
}

/** Everything about an island that does not change while its ties and shared devices stay as they are. */
export interface Layout {
  readonly grids: readonly number[]
  /** Nodes of the island, parents first. */
  readonly nodes: readonly number[]
  readonly roots: readonly number[]
  readonly units: readonly Unit[]
  readonly rows: readonly Row[]
  /** Rows of a unit: entries `start[u]` to `start[u + 1]` of `entryRow`. */
  readonly start: Int32Array
  readonly entryRow: Int32Array
  /** Entries of a row: `rowStart[r]` to `rowStart[r + 1]` of `rowEntry`, with the unit of each in `entryUnit`. */
  readonly rowStart: Int32Array
  readonly rowEntry: Int32Array
  readonly entryUnit: Int32Array
  /** Row of the whole power of each grid connection. */
  readonly rootPower: readonly number[]
  readonly surplusRow: number
  readonly peakRow: number
  /** Units on a node itself, by node of the site. */
  readonly unitsOfNode: readonly (readonly number[])[]
  /** Units whose setpoints are decided, by device ID. */
  readonly sorted: readonly Unit[]
  /** Devices on whose readings the decision about a unit rests. The same array for all units of a node. */
  readonly dependsOn: (unit: number) => readonly string[]
}

const poweredRoles: ReadonlySet<string> = new Set(['charger', 'load', 'battery', 'pv'])

const cache = new WeakMap<SiteModel, Map<string, Layout>>()

/** The layout of an island with its devices in their present places; kept with the model, as it depends on nothing else. */
export function layoutOf(
  model: SiteModel,
  grids: readonly number[],
  placeOf: (deviceIndex: number) => number | undefined,
): Layout {
  const layouts = cache.get(model) ?? new Map<string, Layout>()
  cache.set(model, layouts)
  const key = `${grids.join('+')}:${sharedDevices(model)
    .map((index) => placeOf(index) ?? '')
    .join(',')}`
  const known = layouts.get(key)
  if (known) return known
  const layout = makeLayout(model, grids, placeOf)
  layouts.set(key, layout)
  return layout
}

const shared = new WeakMap<SiteModel, readonly number[]>()

function sharedDevices(model: SiteModel): readonly number[] {
  const known = shared.get(model)
  if (known) return known
  const list = model.devices.filter(({ places }) => places.some(({ when }) => when)).map(({ index }) => index)
  shared.set(model, list)
  return list
}

function makeLayout(
  model: SiteModel,
  grids: readonly number[],
  placeOf: (deviceIndex: number) => number | undefined,
): Layout {
  const nodes = model.nodes.filter(({ gridIndex }) => grids.includes(gridIndex)).map(({ index }) => index)
  const roots = grids.map((grid) => model.grids[grid]!.root)
  const units = unitsOf(model, new Set(nodes), placeOf)
  const rows = rowsOf(model, grids, nodes, roots)
  const pathOf = (node: number): readonly number[] => {
    const { path } = model.nodes[node]!
    // Joined grids share what is taken between their connections in a way nobody knows: all of it counts on each.
    return [...path, ...roots.filter((root) => !path.includes(root))]
  }
  const rowsOfNode = new Map<number, Row[]>()
  for (const row of rows)
    if (row.node >= 0 && row.kind !== 'peak') rowsOfNode.set(row.node, [...(rowsOfNode.get(row.node) ?? []), row])
  const groups = rows.filter(({ kind }) => kind === 'dim' || kind === 'surplus' || kind === 'peak')
  const start = new Int32Array(units.length + 1)
  const entryRow: number[] = []
  for (const unit of units) {
    if (unit.controlled) {
      for (const node of pathOf(unit.node)) for (const row of rowsOfNode.get(node) ?? []) entryRow.push(row.index)
      for (const row of groups) if (inGroup(model, unit, row)) entryRow.push(row.index)
    }
    start[unit.index + 1] = entryRow.length
  }
  const entryUnit = new Int32Array(entryRow.length)
  for (const unit of units) entryUnit.fill(unit.index, start[unit.index], start[unit.index + 1])
  const { rowStart, rowEntry } = transposed(entryRow, rows.length)
  const unitsOfNode: number[][] = model.nodes.map(() => [])
  for (const { node, index } of units) unitsOfNode[node]!.push(index)
  return {
    grids,
    nodes,
    roots,
    units,
    rows,
    start,
    entryRow: Int32Array.from(entryRow),
    rowStart,
    rowEntry,
    entryUnit,
    rootPower: roots.map((root) => rows.findIndex(({ kind, node }) => kind === 'power' && node === root)),
    surplusRow: rows.findIndex(({ kind }) => kind === 'surplus'),
    peakRow: rows.findIndex(({ kind }) => kind === 'peak'),
    unitsOfNode,
    sorted: units
      .filter(({ controlled }) => controlled)
      .toSorted((a, b) => (a.device.config.id < b.device.config.id ? -1 : 1)),
    dependsOn: dependencies(model, grids, units, roots),
  }
}

function unitsOf(
  model: SiteModel,
  nodes: ReadonlySet<number>,
  placeOf: (deviceIndex: number) => number | undefined,
): readonly Unit[] {
  const units: Unit[] = []
  for (const device of model.devices) {
    if (!poweredRoles.has(device.config.role)) continue
    const node = placeOf(device.index)
    if (node === undefined || !nodes.has(node)) continue
    const { terminals, controlled } = device
    units.push({ index: units.length, device, node, terminals, controlled: controlled !== undefined })
  }
  return units
}

function rowsOf(model: SiteModel, grids: readonly number[], nodes: readonly number[], roots: readonly number[]): Row[] {
  const rows: Row[] = []
  const add = (row: Omit<Row, 'index' | 'signal' | 'minus' | 'phase'> & Partial<Row>): void => {
    rows.push({ phase: -1, minus: -1, signal: -1, ...row, index: rows.length })
  }
  for (const node of nodes) {
    const { circuit, phases } = model.nodes[node]!
    if (circuit.fuseA !== undefined) for (const phase of phases) add({ kind: 'fuse', tier: 'physical', node, phase })
    if (circuit.maxImportW !== undefined || circuit.maxExportW !== undefined || roots.includes(node))
      add({ kind: 'power', tier: 'safety', node })
    if (circuit.maxUnbalanceA !== undefined)
      for (const [at, phase] of phases.entries())
        for (const minus of phases.slice(at + 1)) add({ kind: 'unbalance', tier: 'safety', node, phase, minus })
  }
  for (const [signal, { kind, grid }] of model.site.signals.entries()) {
    const gridIndex = grid === undefined ? undefined : model.gridIndex.get(grid)
    if (kind === 'dim' && (gridIndex === undefined || grids.includes(gridIndex)))
      add({ kind: 'dim', tier: 'safety', node: -1, signal })
  }
  add({ kind: 'surplus', tier: 'economic', node: -1 })
  if (model.site.economics.peakImportW !== undefined) add({ kind: 'peak', tier: 'economic', node: roots[0]! })
  return rows
}

function inGroup(model: SiteModel, { device: { config }, node }: Unit, row: Row): boolean {
  const consumer = config.role === 'charger' || config.role === 'load'
  if (row.kind !== 'dim') return consumer
  const grid = model.site.signals[row.signal]?.grid
  if (grid !== undefined && model.nodes[node]!.gridIndex !== model.gridIndex.get(grid)) return false
  return (config.charger ?? config.load ?? config.battery)?.dimmable === true
}

function transposed(entryRow: readonly number[], rowCount: number): { rowStart: Int32Array; rowEntry: Int32Array } {
  const rowStart = new Int32Array(rowCount + 1)
  for (const row of entryRow) rowStart[row + 1]! += 1
  for (let row = 0; row < rowCount; row += 1) rowStart[row + 1]! += rowStart[row]!
  const next = rowStart.slice()
  const rowEntry = new Int32Array(entryRow.length)
  for (const [entry, row] of entryRow.entries()) rowEntry[next[row]!++] = entry
  return { rowStart, rowEntry }
}

/**
 * The device itself, the meters of all limited circuits above it, every device whose power enters there, and what conditions read
 * (S11). Conservative: all that could matter, whether or not it did in this cycle.
 */
function dependencies(
  model: SiteModel,
  grids: readonly number[],
  units: readonly Unit[],
  roots: readonly number[],
): (unit: number) => readonly string[] {
  const conditions = new Set<string>()
  for (const { active, grid } of model.site.signals)
    if (grid === undefined || grids.includes(model.gridIndex.get(grid) ?? -1)) conditions.add(active.device)
  for (const { between, closed } of model.site.ties)
    if (between.some((id) => grids.includes(model.gridIndex.get(id) ?? -1))) conditions.add(closed.device)
  for (const grid of grids) {
    const island = model.grids[grid]!.grid.island
    if (island) conditions.add(island.device)
  }
  for (const { device } of units) for (const { when } of device.places) if (when) conditions.add(when.device)
  const byNode = new Map<number, readonly string[]>()
  const ofNode = (node: number): readonly string[] => {
    const known = byNode.get(node)
    if (known) return known
    const ids = new Set(conditions)
    // Everything below the outermost circuit that matters: always the connection, where the exchange is optimised.
    const tops = new Set([...model.nodes[node]!.path, ...roots])
    for (const index of tops) {
      const meter = model.devices[model.nodes[index]!.meter]
      if (meter) ids.add(meter.config.id)
    }
    for (const unit of units) ids.add(unit.device.config.id)
    for (const entry of model.nodes)
      if (
        entry.meter >= 0 &&
        entry.parent >= 0 &&
        model.nodes[entry.parent]!.meter < 0 &&
        grids.includes(entry.gridIndex)
      )
        ids.add(model.devices[entry.meter]!.config.id)
    const list = [...ids].toSorted()
    byNode.set(node, list)
    return list
  }
  return (unit) => ofNode(units[unit]!.node)
}
