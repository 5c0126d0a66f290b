import type { CommandName } from '#contract/point-map.ts'
import { type Phase, phases } from '#contract/metrics.ts'
import type { Circuit, Grid, Site } from '#contract/site.ts'
import type { Condition, SiteDevice } from '#contract/site-device.ts'

/** Index of a phase: 0 for L1 to 2 for L3. */
export const phaseIndex: Readonly<Record<Phase, number>> = { l1: 0, l2: 1, l3: 2 }

/** One circuit of a site, in an order in which every parent comes before its children. */
export interface NodeModel {
  readonly index: number
  readonly gridIndex: number
  readonly circuit: Circuit
  /** -1 for a grid connection. */
  readonly parent: number
  readonly children: readonly number[]
  /** Itself, its parent, and so on up to the grid connection. */
  readonly path: readonly number[]
  /** Phases of the grid, as indices. */
  readonly phases: readonly number[]
  /** Index of the device that measures it, or -1. */
  readonly meter: number
  /** Whether anything is limited here. */
  readonly limited: boolean
}

/** Where a device hangs; a shared device hangs there only while the condition holds. */
export interface Place {
  readonly node: number
  readonly when?: Condition
}

export type ControlledKind = 'charger' | 'load' | 'battery' | 'pv'

export interface DeviceModel {
  readonly index: number
  readonly config: SiteDevice
  readonly places: readonly Place[]
  /** Index of the grid's phase at each of its terminals. */
  readonly terminals: readonly number[]
  /** Commands that its map declares. */
  readonly commands: ReadonlySet<CommandName>
  /** Set when control decides setpoints for it: it has the role, the settings and a command for it. */
  readonly controlled?: { readonly kind: ControlledKind; readonly command: CommandName }
}

export interface GridModel {
  readonly index: number
  readonly grid: Grid
  /** Index of the grid connection. */
  readonly root: number
  readonly cycleMs: number
}

/** A site with every name resolved to an index. Made once; the step only reads it. */
export interface SiteModel {
  readonly site: Site
  readonly grids: readonly GridModel[]
  readonly nodes: readonly NodeModel[]
  readonly devices: readonly DeviceModel[]
  readonly gridIndex: ReadonlyMap<string, number>
  readonly deviceIndex: ReadonlyMap<string, number>
}

/** Commands that the map of each device declares, by device. */
export type SiteCommands = ReadonlyMap<string, ReadonlySet<CommandName>>

/** Commands that serve a role, the most exact first. */
const commandsOfKind: Readonly<Record<ControlledKind, readonly CommandName[]>> = {
  charger: ['setCurrentA'],
  load: ['limitPowerW', 'setPowerW', 'switchOn'],
  battery: ['setPowerW'],
  pv: ['limitPowerW', 'limitPowerPercent'],
}

/**
 * Resolves a site that has passed its schema. `commands` are those of the devices' maps; without it every device is taken to have
 * what its settings need. A controlled device without a fitting command is measured and left alone.
 */
export function compileSite(site: Site, commands?: SiteCommands): SiteModel {
  const deviceIndex = new Map(site.devices.map(({ id }, index) => [id, index]))
  const nodes: NodeModel[] = []
  const nodeIndex = new Map<string, number>()
  const addNode = (circuit: Circuit, grid: Grid, gridIndex: number, parent: number): number => {
    const index = nodes.length
    const children: number[] = []
    nodes.push({
      index,
      gridIndex,
      circuit,
      parent,
      children,
      path: [index, ...(nodes[parent]?.path ?? [])],
      phases: grid.phases.map((phase) => phaseIndex[phase]),
      meter: circuit.meter === undefined ? -1 : (deviceIndex.get(circuit.meter) ?? -1),
      limited:
        circuit.fuseA !== undefined ||
        circuit.maxImportW !== undefined ||
        circuit.maxExportW !== undefined ||
        circuit.maxUnbalanceA !== undefined,
    })
    nodeIndex.set(circuit.id, index)
    for (const child of circuit.circuits ?? []) children.push(addNode(child, grid, gridIndex, index))
    return index
  }
  const grids = site.grids.map((grid, index) => ({
    index,
    grid,
    root: addNode(grid.connection, grid, index, -1),
    cycleMs: grid.cycleMs ?? site.cycleMs,
  }))
  const devices = site.devices.map((config, index): DeviceModel => {
    const declared = commands ? (commands.get(config.id) ?? new Set<CommandName>()) : assumedCommands(config)
    const controlled = controlledBy(config, declared)
    return {
      index,
      config,
      places: placesOf(config, nodeIndex, grids.length === 1 ? grids[0]!.root : undefined),
      terminals: config.phases.map((phase) => phaseIndex[phase]),
      commands: declared,
      ...(controlled && { controlled }),
    }
  })
  return {
    site,
    grids,
    nodes,
    devices,
    gridIndex: new Map(site.grids.map(({ id }, index) => [id, index])),
    deviceIndex,
  }
}

function placesOf(
  { circuit }: SiteDevice,
  nodeIndex: ReadonlyMap<string, number>,
  onlyRoot: number | undefined,
): readonly Place[] {
  if (circuit === undefined) return onlyRoot === undefined ? [] : [{ node: onlyRoot }]
  if (typeof circuit !== 'string')
    return circuit.map((place) => ({ node: nodeIndex.get(place.circuit) ?? 0, when: place.when }))
  const node = nodeIndex.get(circuit)
  return node === undefined ? [] : [{ node }]
}

function assumedCommands({ role, charger, load }: SiteDevice): ReadonlySet<CommandName> {
  switch (role) {
    case 'charger':
      return new Set(charger?.switchesPhases ? ['setCurrentA', 'setPhases'] : ['setCurrentA'])
    case 'battery':
      return new Set(['setPowerW'])
    case 'load':
      return new Set([load?.kind === 'switched' ? 'switchOn' : 'limitPowerW'])
    case 'pv':
      return new Set(['limitPowerW'])
    default:
      return new Set()
  }
}

function controlledBy(
  { role, battery, charger, load, pv }: SiteDevice,
  declared: ReadonlySet<CommandName>,
): DeviceModel['controlled'] {
  const kind: ControlledKind | undefined =
    (role === 'battery' && battery) || (role === 'charger' && charger) || (role === 'load' && load)
      ? role
      : role === 'pv' && pv?.curtailable
        ? 'pv'
        : undefined
  if (!kind) return undefined
  // A load that is on or off is switched, where it can be; a limit of the same device is only the second choice.
  const wanted = kind === 'load' && load?.kind === 'switched' ? commandsOfKind.load.toReversed() : commandsOfKind[kind]
  const command = wanted.find((name) => declared.has(name) && (name !== 'switchOn' || load?.kind === 'switched'))
  return command && { kind, command }
}

/** Names of the phases in the order of their indices. */
export const phaseNames: readonly string[] = phases.map((phase) => phase.toUpperCase())
