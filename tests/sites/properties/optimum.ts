import type { Site } from '#contract/site.ts'
import { phases } from '#contract/metrics.ts'
import { type PlantState, circuitFlows, circuitsBelow, circuitsOf } from '../support/plant.ts'
import { type Influence, type Program, type Terms, evenly, linearFlows, nameOf, solve } from './oracle.ts'

/** The share of a fuse that control plans with, so that oracle and step have the same room. */
const fuseShare = 0.97

/** What stored energy is worth and what power costs, per kWh. */
export interface Prices {
  readonly importPrice: number
  readonly exportPrice: number
  readonly wearPrice: number
  /** By battery. */
  readonly worth: Readonly<Record<string, number>>
}

type Row = Program['rows'][number]

/** Rows that keep every fuse at its planned share, and the limits of import and export. */
function limitRows(
  site: Site,
  plant: PlantState,
  influences: readonly Influence[],
): { rows: Row[]; total: Terms; fixedW: number } {
  const grid = site.grids[0]!
  const circuits = new Map([...circuitsBelow(grid.connection)].map((circuit) => [circuit.id, circuit]))
  const rows: Row[] = []
  const sums = new Map<string, { terms: Terms; fixedW: number }>()
  for (const { circuit, phase, fixedW, terms } of linearFlows(site, plant, influences)) {
    const { fuseA } = circuits.get(circuit)!
    if (fuseA !== undefined) {
      const room = fuseA * grid.nominalVoltageV * fuseShare
      rows.push({ terms, low: -room - fixedW, high: room - fixedW })
    }
    const sum = sums.get(circuit) ?? { terms: {}, fixedW: 0 }
    for (const [name, factor] of Object.entries(terms)) sum.terms[name] = (sum.terms[name] ?? 0) + factor
    sums.set(circuit, { terms: sum.terms, fixedW: sum.fixedW + fixedW })
    if (phase !== 'l3') continue
    const { maxImportW, maxExportW } = circuits.get(circuit)!
    const whole = sums.get(circuit)!
    if (maxImportW !== undefined) rows.push({ terms: whole.terms, high: maxImportW - whole.fixedW })
    if (maxExportW !== undefined) rows.push({ terms: whole.terms, low: -maxExportW - whole.fixedW })
  }
  const { terms, fixedW } = sums.get(grid.connection.id)!
  return { rows, total: terms, fixedW }
}

/** Range of a battery in W that its settings and its state of charge leave. */
function batteryRange(device: Site['devices'][number], socPercent: number): readonly [number, number] {
  const { maxChargeW, maxDischargeW, minSocPercent, maxSocPercent } = device.battery!
  return [socPercent >= maxSocPercent ? 0 : -maxChargeW, socPercent <= minSocPercent ? 0 : maxDischargeW]
}

/**
 * The least cost per hour, in the currency of the prices, that batteries and curtailable plants can reach within the limits, after as
 * little as possible of the sun has been thrown away: two linear programs, because import never costs less than export
 * earns. Undefined when the limits cannot be met at all.
 */
export function leastCost(site: Site, plant: PlantState, prices: Prices): number | undefined {
  const influences: Influence[] = []
  const bounds: Record<string, readonly [number, number]> = { imported: [0, Infinity], exported: [0, Infinity] }
  const minimize: Terms = { imported: prices.importPrice / 1000, exported: -prices.exportPrice / 1000 }
  const extra: Row[] = []
  const plants: string[] = []
  let mayBuy = true
  for (const device of site.devices) {
    const now = plant.devices[device.id] ?? {}
    const name = nameOf('x', device.id)
    if (device.battery) {
      influences.push(evenly(device, name, -1))
      bounds[name] = batteryRange(device, now.socPercent ?? 50)
      const used = nameOf('used', device.id)
      bounds[used] = [0, Infinity]
      extra.push({ terms: { [used]: 1, [name]: -1 }, low: 0 })
      minimize[name] = prices.worth[device.id]! / 1000
      minimize[used] = prices.wearPrice / 1000
      mayBuy &&= device.battery.chargeFromGrid
    } else if (device.pv?.curtailable === true) {
      influences.push(evenly(device, name, -1))
      bounds[name] = [0, now.availableW ?? 0]
      plants.push(name)
    }
  }
  const { rows, total, fixedW } = limitRows(site, plant, influences)
  rows.push(...extra, { terms: { ...total, imported: -1, exported: 1 }, low: -fixedW, high: -fixedW })
  const taken = Object.fromEntries(plants.map((name) => [name, 1]))
  if (plants.length > 0) {
    const sun = solve({ maximize: taken, rows, bounds })?.objective
    if (sun === undefined) return undefined
    rows.push({ terms: taken, low: sun - 0.01 })
  }
  if (!mayBuy) {
    // Nothing is bought for the batteries, except what the limits need.
    const alone = Object.values(circuitFlows(site, atRest(site, plant)).get(site.grids[0]!.connection.id)!.powerW)
    const need = solve({ minimize: { imported: 1 }, rows, bounds })?.objective ?? 0
    bounds['imported'] = [
      0,
      Math.max(
        need + 0.01,
        alone.reduce((sum, watt) => sum + watt, 0),
      ),
    ]
  }
  return solve({ minimize, rows, bounds })?.objective
}

/** Batteries at zero and plants at what the sun gives. */
function atRest(site: Site, plant: PlantState): PlantState {
  const devices = { ...plant.devices }
  for (const { id, role } of site.devices) {
    if (role === 'battery') devices[id] = { ...devices[id], powerW: 0 }
    if (role === 'pv') devices[id] = { ...devices[id], powerW: devices[id]?.availableW }
  }
  return { house: plant.house, devices }
}

/** The cost per hour of what a plant does. */
export function costOf(site: Site, plant: PlantState, prices: Prices): number {
  const flow = circuitFlows(site, plant).get(site.grids[0]!.connection.id)!.powerW
  const exchangeW = flow.l1 + flow.l2 + flow.l3
  let cost = (exchangeW > 0 ? prices.importPrice : prices.exportPrice) * exchangeW
  for (const { id, role } of site.devices) {
    const powerW = plant.devices[id]?.powerW ?? 0
    if (role === 'battery') cost += prices.worth[id]! * powerW + prices.wearPrice * Math.max(0, powerW)
  }
  return cost / 1000
}

/** Chargers as ampere per phase of their wiring. */
function chargerInfluences(site: Site): Influence[] {
  const volt = site.grids[0]!.nominalVoltageV
  return site.devices
    .filter(({ role }) => role === 'charger')
    .map((device) => {
      const perUnitW = { l1: 0, l2: 0, l3: 0 }
      for (const phase of device.phases) perUnitW[phase] += volt
      return { device, variable: nameOf('x', device.id), perUnitW }
    })
}

/**
 * Max-min fair currents by successive linear programs: raise the smallest together as far as possible, fix those that cannot
 * rise further, and repeat with the rest. Undefined when the limits cannot be met at all.
 */
export function fairCurrents(
  site: Site,
  plant: PlantState,
  running: ReadonlySet<string>,
): Record<string, number> | undefined {
  const influences = chargerInfluences(site)
  const { rows } = limitRows(site, plant, influences)
  const fixed = new Map<string, number>()
  const bounds: Record<string, readonly [number, number]> = { level: [0, 1000] }
  for (const { device, variable } of influences) {
    const runs = running.has(device.id)
    bounds[variable] = [0, runs ? device.charger!.maxCurrentA : 0]
    if (!runs) fixed.set(variable, 0)
  }
  while (fixed.size < influences.length) {
    const free = influences.filter(({ variable }) => !fixed.has(variable))
    const held = [...fixed].map(([variable, value]) => ({
      terms: { [variable]: 1 },
      low: value - 1e-7,
      high: value + 1e-7,
    }))
    const level = solve({
      maximize: { level: 1 },
      rows: [...rows, ...held, ...free.map(({ variable }) => ({ terms: { [variable]: 1, level: -1 }, low: 0 }))],
      bounds,
    })
    if (!level) return undefined
    const floor = level.objective
    const before = fixed.size
    for (const { variable } of free) {
      const floors = free.map((other) => ({ terms: { [other.variable]: 1 }, low: floor - 1e-7 }))
      const best = solve({ maximize: { [variable]: 1 }, rows: [...rows, ...held, ...floors], bounds })
      if (best && best.objective <= floor + 1e-4) fixed.set(variable, floor)
    }
    if (fixed.size === before) return undefined
  }
  return Object.fromEntries(influences.map(({ device, variable }) => [device.id, fixed.get(variable)!]))
}

/**
 * The most chargers of each priority that can run beside what those of more important priorities have: a mixed-integer program,
 * because a charger runs at its lowest current or not at all.
 */
export function mostRunning(site: Site, plant: PlantState, after: PlantState): Map<number, number> | undefined {
  const influences = chargerInfluences(site)
  const { rows } = limitRows(site, plant, influences)
  const bounds: Record<string, readonly [number, number]> = {}
  const binaries: string[] = []
  const byPriority = new Map<number, Terms>()
  for (const { device, variable } of influences) {
    const { minCurrentA, maxCurrentA, priority } = device.charger!
    const on = nameOf('on', device.id)
    binaries.push(on)
    bounds[variable] = [0, maxCurrentA]
    rows.push(
      { terms: { [variable]: 1, [on]: -maxCurrentA }, high: 0 },
      { terms: { [variable]: 1, [on]: -minCurrentA }, low: 0 },
    )
    byPriority.set(priority, { ...byPriority.get(priority), [on]: 1 })
  }
  const counts = new Map<number, number>()
  for (const [priority, terms] of [...byPriority].toSorted(([a], [b]) => a - b)) {
    const best = solve({ maximize: terms, rows, bounds, binaries })
    if (!best) return undefined
    const count = Math.round(best.objective)
    counts.set(priority, count)
    for (const { device, variable } of influences) {
      const ampere = after.devices[device.id]?.setpointA ?? 0
      if (device.charger!.priority === priority) rows.push({ terms: { [variable]: 1 }, low: ampere, high: ampere })
    }
  }
  return counts
}

/**
 * Whether every charger has a bottleneck: it is at its highest current, or a phase of a circuit above it is used up and nobody
 * there has more. Exactly then the currents are max-min fair (Bertsekas and Gallager, Data Networks, 6.5.2).
 */
export function withoutBottleneck(site: Site, plant: PlantState, toleranceA: number): string[] {
  const grid = site.grids[0]!
  const flows = circuitFlows(site, plant)
  const current = (id: string) => plant.devices[id]?.setpointA ?? 0
  const chargers = site.devices.filter(({ role, id }) => role === 'charger' && current(id) > 0)
  return chargers
    .filter((device) => {
      if (current(device.id) >= device.charger!.maxCurrentA - toleranceA) return false
      return ![...circuitsBelow(grid.connection)].some((circuit) => {
        const inside = new Set([...circuitsBelow(circuit)].map(({ id }) => id))
        if (circuit.fuseA === undefined || !inside.has(circuitsOf(site, device)[0]!)) return false
        return device.phases.some((phase) => {
          const ampere = flows.get(circuit.id)!.powerW[phase] / grid.nominalVoltageV
          const users = chargers.filter(
            (other) => inside.has(circuitsOf(site, other)[0]!) && other.phases.includes(phase),
          )
          // Each user may be rounded down by the resolution of its setpoint.
          const usedUp = ampere >= circuit.fuseA! * fuseShare - toleranceA * users.length
          return usedUp && users.every((other) => current(other.id) <= current(device.id) + toleranceA)
        })
      })
    })
    .map(({ id }) => id)
}

/** Whether the fuses hold with every charger off. */
export function houseFits(site: Site, plant: PlantState): boolean {
  const off = Object.fromEntries(Object.entries(plant.devices).map(([id, device]) => [id, { ...device, setpointA: 0 }]))
  return [...circuitFlows(site, { ...plant, devices: off }).values()].every(
    ({ circuit, grid, powerW }) =>
      circuit.fuseA === undefined ||
      phases.every((phase) => Math.abs(powerW[phase]) <= circuit.fuseA! * grid.nominalVoltageV * fuseShare),
  )
}
