import type { Site } from '#contract/site.ts'
import { createWatch, type LimitRecord, type Watch } from './watch.ts'
import { phaseIndex } from './topology.ts'
import type { World } from './world.ts'

interface Rule {
  readonly watch: Watch
  excess(atMs: number): number
}

const batteryResponseS = 1
/** Of a fuse that control uses. */
const fuseShare = 0.97

/**
 * Watches every limit of a site in what really flows, not in what was measured. A fuse counts in both directions.
 * `pollS` is how old a measurement is when it is used.
 */
export function watchLimits(
  site: Site,
  world: World,
  pollS: number,
): { see(atMs: number, dtS: number): void; records(): LimitRecord[] } {
  const { topology, nodeW } = world
  const rules: Rule[] = []
  const slowestS = responses(site, world)
  const add = (
    of: Pick<LimitRecord, 'limitId' | 'tier' | 'unit'> & { readonly cycleMs: number; readonly responseS: number },
    excess: Rule['excess'],
  ): void => {
    const { cycleMs, responseS, ...rest } = of
    rules.push({ watch: createWatch({ ...rest, allowedS: pollS + cycleMs / 1000 + responseS }), excess })
  }
  for (const { index, parent, circuit, grid } of topology.nodes) {
    const cycleMs = grid.cycleMs ?? site.cycleMs
    const of = { cycleMs, responseS: slowestS[index] ?? 0 }
    const volts = grid.nominalVoltageV
    const { fuseA, maxExportW, maxUnbalanceA } = circuit
    const at = 3 * index
    const power = (): number => nodeW[at]! + nodeW[at + 1]! + nodeW[at + 2]!
    if (fuseA !== undefined)
      for (const phase of grid.phases) {
        const place = at + phaseIndex[phase]
        add(
          { ...of, limitId: `${circuit.id}.fuse.${phase}`, tier: 'physical', unit: 'A' },
          () => Math.abs(nodeW[place]! / volts) - fuseA,
        )
      }
    const demands = parent < 0 ? site.signals.filter((one) => one.grid === undefined || one.grid === grid.id) : []
    const lowest = (kind: 'import' | 'export', own: number | undefined, atMs: number): number =>
      demands.reduce(
        (limit, one) =>
          one.kind === kind && one.limitW !== undefined && world.holds(one.active, atMs)
            ? Math.min(limit, one.limitW)
            : limit,
        own ?? Number.POSITIVE_INFINITY,
      )
    if (circuit.maxImportW !== undefined || demands.some(({ kind }) => kind === 'import'))
      add(
        { ...of, limitId: `${circuit.id}.import`, tier: 'safety', unit: 'W' },
        (atMs) => power() - lowest('import', circuit.maxImportW, atMs),
      )
    if (maxExportW !== undefined || demands.some(({ kind }) => kind === 'export'))
      add(
        { ...of, limitId: `${circuit.id}.export`, tier: 'safety', unit: 'W' },
        (atMs) => -power() - lowest('export', maxExportW, atMs),
      )
    if (maxUnbalanceA !== undefined)
      add({ ...of, limitId: `${circuit.id}.unbalance`, tier: 'safety', unit: 'A' }, () => {
        const amps = grid.phases.map((phase) => nodeW[at + phaseIndex[phase]]! / volts)
        return Math.max(...amps) - Math.min(...amps) - maxUnbalanceA
      })
  }
  for (const battery of world.batteries) {
    const settings = site.devices.find(({ id }) => id === battery.id)?.battery
    if (!settings) continue
    const { capacityWh } = battery.parameters
    const needed = neededByFuse(site, world, battery)
    // A measurement of 0.01 % is not finer.
    add(
      {
        limitId: `${battery.id}.reserve`,
        tier: 'safety',
        unit: '%',
        cycleMs: site.cycleMs,
        responseS: batteryResponseS,
      },
      () => {
        const { energyWh, powerW } = battery.state()
        return powerW > 10 && !needed() ? settings.minSocPercent - 0.02 - (energyWh / capacityWh) * 100 : 0
      },
    )
  }
  return {
    see(atMs, dtS) {
      for (const { watch, excess } of rules) watch.see(excess(atMs), dtS)
    },
    records: () => rules.map(({ watch }) => watch.record()),
  }
}

/** A higher tier may take a battery below its reserve: whether a fuse above it could not carry what flows without it. */
function neededByFuse(site: Site, world: World, battery: World['batteries'][number]): () => boolean {
  const device = site.devices.find(({ id }) => id === battery.id)
  const above = device
    ? world.topology
        .places(device)
        .flatMap(({ node }) => world.topology.path(node).map((at) => world.topology.nodes[at]))
    : []
  const fuses = above.flatMap((node) =>
    node?.circuit.fuseA === undefined
      ? []
      : [{ at: 3 * node.index, mostW: node.circuit.fuseA * fuseShare * node.grid.nominalVoltageV }],
  )
  return () =>
    fuses.some(({ at, mostW }) =>
      [0, 1, 2].some(
        (phase) => world.nodeW[at + phase]! - battery.phaseW[phase]! > mostW && battery.phaseW[phase]! < 0,
      ),
    )
}

/** For each circuit, the slowest answer of a device below it. */
function responses(site: Site, world: World): number[] {
  const slowest = world.topology.nodes.map(() => 0)
  const longest = new Map(world.chargers.map(({ id, parameters }) => [id, parameters.responseS]))
  for (const { id } of world.batteries) longest.set(id, batteryResponseS)
  for (const { id } of world.pvs) longest.set(id, 2)
  for (const device of site.devices)
    for (const { node } of world.topology.places(device))
      for (const at of world.topology.path(node)) slowest[at] = Math.max(slowest[at] ?? 0, longest.get(device.id) ?? 0)
  return slowest
}
