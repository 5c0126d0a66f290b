import type { Grid } from '#contract/site.ts'
import { loadAt } from '../drivers/simulated/load.ts'
import { hashUnit } from '../drivers/simulated/noise.ts'
import { demoParameters } from '../drivers/simulated/plant-model.ts'
import { createSampler, type Inputs, type Sampler } from './series.ts'
import { phaseIndex, type Topology } from './topology.ts'

/** Loads that nobody controls, added to the circuit where they hang, W per phase. */
export type House = (atMs: number, nodeW: Float64Array) => void

/** Sudden changes on top of the given loads: so many an hour, each on one phase, up to this power. */
export interface LoadSteps {
  readonly perHour: number
  readonly maxW: number
}

/** How a total without phases is spread over three of them. */
const share = [0.42, 0.33, 0.25]
const channel = { start: 301, length: 302, power: 303, phase: 304 }
/** Highest phase of the building of the demo plant, which is scaled to 60 % of a smaller fuse. */
const demoPeakW = 11_600

/**
 * From columns CIRCUIT.loadW or CIRCUIT.loadW.l1 to .l3. A grid without any such column gets the building of the demo plant,
 * scaled to its fuse, so that the fuse carries it alone.
 */
export function createHouse(
  topology: Topology,
  inputs: Inputs,
  options: { readonly seed: number; readonly steps?: LoadSteps },
): House {
  const parts: House[] = []
  const given = new Set<string>()
  for (const { index, circuit, grid } of topology.nodes) {
    const total = inputs.series.get(`${circuit.id}.loadW`)
    if (total) {
      given.add(grid.id)
      parts.push(totalLoad(grid, index, createSampler(total)))
    }
    for (const phase of grid.phases) {
      const series = inputs.series.get(`${circuit.id}.loadW.${phase}`)
      if (!series) continue
      given.add(grid.id)
      const sampler = createSampler(series)
      const at = 3 * index + phaseIndex[phase]
      parts.push((atMs, nodeW) => {
        nodeW[at]! += sampler.at(atMs) ?? 0
      })
    }
  }
  for (const [gridId, root] of topology.roots) {
    const node = topology.nodes[root]
    if (!node) continue
    if (!given.has(gridId)) parts.push(demoBuilding(node.grid, root, options.seed, node.circuit.fuseA))
    if (options.steps) parts.push(loadSteps(node.grid, root, options.seed + root, options.steps))
  }
  return (atMs, nodeW) => {
    for (const part of parts) part(atMs, nodeW)
  }
}

function totalLoad(grid: Grid, node: number, sampler: Sampler): House {
  return (atMs, nodeW) => {
    const powerW = sampler.at(atMs) ?? 0
    for (const phase of grid.phases) {
      const part = grid.phases.length === 3 ? (share[phaseIndex[phase]] ?? 0) : 1 / grid.phases.length
      nodeW[3 * node + phaseIndex[phase]]! += powerW * part
    }
  }
}

function demoBuilding(grid: Grid, node: number, seed: number, fuseA: number | undefined): House {
  const scale = fuseA === undefined ? 1 : Math.min(1, (0.6 * fuseA * grid.nominalVoltageV) / demoPeakW)
  return (atMs, nodeW) => {
    const load = loadAt(seed, atMs, demoParameters.place.longitudeDeg)
    for (const phase of grid.phases) nodeW[3 * node + phaseIndex[phase]]! += load[phase] * scale
  }
}

/** One step in each slot of an hour's share: a pure function of seed and time, on whole seconds. */
function loadSteps(grid: Grid, node: number, seed: number, { perHour, maxW }: LoadSteps): House {
  const slotS = Math.max(2, Math.round(3600 / perHour))
  return (atMs, nodeW) => {
    const timeS = Math.floor(atMs / 1000)
    const slot = Math.floor(timeS / slotS)
    const startS = Math.floor(hashUnit(seed, channel.start, slot) * slotS * 0.5)
    const endS = startS + 1 + Math.floor(hashUnit(seed, channel.length, slot) * (slotS - startS - 1))
    const inSlotS = timeS - slot * slotS
    if (inSlotS < startS || inSlotS >= endS) return
    const phase = grid.phases[Math.floor(hashUnit(seed, channel.phase, slot) * grid.phases.length)] ?? 'l1'
    nodeW[3 * node + phaseIndex[phase]]! += hashUnit(seed, channel.power, slot) * maxW
  }
}
