import type { HeadroomRow } from '#contract/checks.ts'
import { phases } from '#contract/metrics.ts'
import { placeOf, staleAfterMs } from '../../domain/island.ts'
import { type AgedReading, measured, type Readings } from '../../domain/measured.ts'
import type { NodeModel, SiteModel } from '../../domain/site-model.ts'

/** What a check may do to the power of one device, W; > 0 is more consumption. The most it can be, either way. */
export interface PowerChange {
  readonly deviceId: string
  readonly lowestW: number
  readonly highestW: number
}

export type Headroom =
  | { readonly ok: true; readonly rows: HeadroomRow[] }
  | {
      readonly ok: false
      readonly code: 'no-headroom' | 'not-measured'
      readonly text: string
      readonly rows: HeadroomRow[]
    }

/** What a node carries now, > 0 towards consumption. */
interface Flow {
  readonly powerW: number
  /** By phase of the grid; absent where it is not measured. */
  readonly currentA: readonly (number | undefined)[]
}

/**
 * What every limit above the devices would read in the worst case of a check, from the present measurements and the site model. A
 * limit that is exceeded already stands in the way only of what makes it worse; a limited circuit that is not measured of everything.
 */
export function headroomOf(model: SiteModel, readings: Readings, changes: readonly PowerChange[]): Headroom {
  const rows: HeadroomRow[] = []
  const perNode = new Map<NodeModel, { lowestW: number; highestW: number; lowestA: number[]; highestA: number[] }>()
  for (const { deviceId, lowestW, highestW } of changes) {
    const index = model.deviceIndex.get(deviceId)
    const place = index === undefined ? undefined : placeOf(model, index, readings)
    if (index === undefined || place === undefined)
      return { ok: false, code: 'not-measured', text: `where ${deviceId} is connected is not known now`, rows }
    const { terminals } = model.devices[index]!
    for (const at of model.nodes[place]!.path) {
      const node = model.nodes[at]!
      const voltageV = model.grids[node.gridIndex]!.grid.nominalVoltageV
      let sum = perNode.get(node)
      if (!sum) perNode.set(node, (sum = { lowestW: 0, highestW: 0, lowestA: [0, 0, 0], highestA: [0, 0, 0] }))
      sum.lowestW += lowestW
      sum.highestW += highestW
      for (const phase of terminals) {
        sum.lowestA[phase]! += lowestW / voltageV / terminals.length
        sum.highestA[phase]! += highestW / voltageV / terminals.length
      }
    }
  }
  for (const [node, change] of perNode) {
    if (!node.limited) continue
    const { circuit } = node
    const flow = flowOf(model, node, readings)
    if (!flow)
      return { ok: false, code: 'not-measured', text: `what ${circuit.name} carries is not measured now`, rows }
    const put = (limitId: string, title: string, unit: 'A' | 'W', now: number, worst: number, limit: number): void => {
      const name = `${circuit.name}: ${title}`
      rows.push({ limitId, title: name, unit, now, worst, limit, ok: worst <= limit || worst <= now })
    }
    const { fuseA, maxImportW, maxExportW } = circuit
    if (fuseA !== undefined)
      for (const phase of node.phases) {
        const now = flow.currentA[phase]
        const name = phases[phase]!
        if (now === undefined)
          return { ok: false, code: 'not-measured', text: `the current of ${circuit.name} is not measured now`, rows }
        const worst = Math.max(Math.abs(now + change.lowestA[phase]!), Math.abs(now + change.highestA[phase]!))
        put(`${circuit.id}.fuse.${name}`, `fuse ${name.toUpperCase()}`, 'A', Math.abs(now), worst, fuseA)
      }
    const { powerW } = flow
    if (maxImportW !== undefined)
      put(`${circuit.id}.import`, 'import', 'W', Math.max(0, powerW), Math.max(0, powerW + change.highestW), maxImportW)
    if (maxExportW !== undefined)
      put(
        `${circuit.id}.export`,
        'export',
        'W',
        Math.max(0, -powerW),
        Math.max(0, -powerW - change.lowestW),
        maxExportW,
      )
  }
  const broken = rows.find(({ ok }) => !ok)
  if (!broken) return { ok: true, rows }
  const { title, worst, unit, limit } = broken
  const text = `${title} would be ${Math.round(worst)} ${unit} of ${limit} ${unit} in the worst case`
  return { ok: false, code: 'no-headroom', text, rows }
}

/** By the meter of the circuit, else the sum of what is measured below it. */
function flowOf(model: SiteModel, node: NodeModel, readings: Readings): Flow | undefined {
  const staleMs = staleAfterMs(model.grids[node.gridIndex]!.cycleMs)
  if (node.meter >= 0) return meterFlow(readings.get(model.devices[node.meter]!.config.id), staleMs)
  const below = model.devices.filter(
    ({ index, config }) =>
      !['meter', 'grid-meter', 'weather', 'sensor'].includes(config.role) &&
      placeOf(model, index, readings) === node.index,
  )
  const currentA = [0, 0, 0]
  let powerW = 0
  for (const { config, terminals } of below) {
    const own = consumptionOf(readings.get(config.id), config.role, staleMs)
    if (own === undefined) return undefined
    powerW += own
    const voltageV = model.grids[node.gridIndex]!.grid.nominalVoltageV
    for (const phase of terminals) currentA[phase]! += own / voltageV / terminals.length
  }
  for (const child of node.children) {
    const flow = flowOf(model, model.nodes[child]!, readings)
    if (!flow) return undefined
    powerW += flow.powerW
    for (const phase of [0, 1, 2]) {
      const here = flow.currentA[phase]
      if (here === undefined) return undefined
      currentA[phase]! += here
    }
  }
  return { powerW, currentA }
}

type Points = ReadonlyMap<string, AgedReading> | undefined

/** The number of the first of these points that was read in time. */
export function firstMeasured(points: Points, names: readonly string[], staleMs: number): number | undefined {
  for (const name of names) {
    const found = measured(points?.get(name), staleMs)
    if (found.ok) return found.value
  }
  return undefined
}

function meterFlow(points: Points, staleMs: number): Flow | undefined {
  const at = (name: string): number | undefined => firstMeasured(points, [name, `grid.${name}`], staleMs)
  const powerW = at('powerW')
  if (powerW === undefined) return undefined
  return {
    powerW,
    currentA: phases.map((phase) => {
      const size = at(`currentA.${phase}`)
      const own = at(`powerW.${phase}`)
      // Currents of most meters have no sign; the power of the phase has.
      return size === undefined ? undefined : Math.abs(size) * ((own ?? powerW) < 0 ? -1 : 1)
    }),
  }
}

/** What a device takes, W; negative for what it gives. Undefined when it is not measured. */
export function consumptionOf(points: Points, role: string, staleMs: number): number | undefined {
  if (role === 'battery') {
    const discharge = firstMeasured(points, ['powerW', 'battery.powerW'], staleMs)
    return discharge === undefined ? undefined : 0 - discharge
  }
  if (role === 'pv') {
    const generated = firstMeasured(points, ['powerW', 'pv.powerW'], staleMs)
    return generated === undefined ? undefined : 0 - generated
  }
  const own = firstMeasured(points, ['powerW'], staleMs)
  if (own !== undefined) return own
  const parts = phases.map((phase) => {
    const current = firstMeasured(points, [`currentA.${phase}`], staleMs)
    return current === undefined ? undefined : current * (firstMeasured(points, [`voltageV.${phase}`], staleMs) ?? 230)
  })
  return parts.some((part) => part === undefined)
    ? undefined
    : parts.reduce<number>((sum, part) => sum + (part ?? 0), 0)
}
