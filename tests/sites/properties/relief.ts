import type { Site } from '#contract/site.ts'
import { phases } from '#contract/metrics.ts'
import { type PlantState, circuitsBelow, consumptionW } from '../support/plant.ts'
import { type Influence, type Program, type Terms, evenly, linearFlows, nameOf, solve } from './oracle.ts'

/**
 * The least sum of fuse excesses in W over all circuits and phases, or the least largest one, that any setpoints could reach from
 * a present state: a mixed-integer program, because chargers and switched loads are off or at least at their lowest power. Consumers
 * are never kept on to help against export, so they take at most what they take in `after`.
 */
export function leastExcessW(site: Site, plant: PlantState, after: PlantState, of: 'sum' | 'largest'): number {
  const grid = site.grids[0]!
  const influences: Influence[] = []
  const bounds: Record<string, readonly [number, number]> = {}
  const rows: Program['rows'][number][] = []
  const binaries: string[] = []
  for (const device of site.devices) {
    const now = plant.devices[device.id] ?? {}
    const variable = nameOf('x', device.id)
    const presentW = consumptionW(device, now, grid.nominalVoltageV)
    const totalW = phases.reduce((sum, phase) => sum + presentW[phase], 0)
    if (device.battery) {
      influences.push(evenly(device, variable, -1))
      bounds[variable] = [-device.battery.maxChargeW, device.battery.maxDischargeW]
    } else if (device.pv?.curtailable === true) {
      influences.push(evenly(device, variable, -1))
      bounds[variable] = [0, now.powerW ?? 0]
    } else if ((device.charger || device.load) && totalW > 0) {
      // As a share of what it takes now; a vehicle on one phase stays on that phase.
      const perUnitW = { l1: presentW.l1, l2: presentW.l2, l3: presentW.l3 }
      influences.push({ device, variable, perUnitW })
      const left = consumptionW(device, after.devices[device.id] ?? {}, grid.nominalVoltageV)
      bounds[variable] = [0, Math.min(1, phases.reduce((sum, phase) => sum + left[phase], 0) / totalW)]
      const lowest = device.charger
        ? device.charger.minCurrentA / (now.setpointA ?? 1)
        : device.load?.kind === 'switched'
          ? 1
          : 0
      if (lowest > 0) {
        const on = nameOf('on', device.id)
        binaries.push(on)
        rows.push(
          { terms: { [variable]: 1, [on]: -1 }, high: 0 },
          { terms: { [variable]: 1, [on]: -Math.min(1, lowest) }, low: 0 },
        )
      }
    }
  }
  const minimize: Terms = of === 'sum' ? {} : { largest: 1 }
  if (of === 'largest') bounds['largest'] = [0, Infinity]
  for (const { circuit, phase, fixedW, terms } of linearFlows(site, plant, influences)) {
    const fuseA = [...circuitsBelow(grid.connection)].find(({ id }) => id === circuit)?.fuseA
    if (fuseA === undefined) continue
    const over = nameOf('over', circuit, phase)
    const limitW = fuseA * grid.nominalVoltageV
    bounds[over] = [0, Infinity]
    if (of === 'sum') minimize[over] = 1
    else rows.push({ terms: { [over]: 1, largest: -1 }, high: 0 })
    rows.push(
      { terms: { ...terms, [over]: -1 }, high: limitW - fixedW },
      { terms: { ...terms, [over]: 1 }, low: -limitW - fixedW },
    )
  }
  const solution = solve({ minimize, rows, bounds, binaries })
  if (!solution) throw new Error('the least excess always exists')
  return solution.objective
}
