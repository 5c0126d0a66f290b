import { createRequire } from 'node:module'
import type { LegacyHighs } from 'highs'
import type { Site } from '#contract/site.ts'
import type { SiteDevice } from '#contract/site-device.ts'
import { type Phase, phases } from '#contract/metrics.ts'
import { type PlantState, circuitFlows, circuitsBelow, circuitsOf, consumptionW, zero } from '../support/plant.ts'

/** Its types describe a CommonJS module, so it is loaded as one. */
const loadHighs: () => Promise<LegacyHighs> = createRequire(import.meta.url)('highs')
const highs = await loadHighs()

/** Coefficients by name of variable. */
export type Terms = Record<string, number>

export interface Program {
  readonly minimize?: Terms
  readonly maximize?: Terms
  /** low <= terms <= high */
  readonly rows: { readonly terms: Terms; readonly low?: number; readonly high?: number }[]
  readonly bounds: Record<string, readonly [low: number, high: number]>
  readonly binaries?: readonly string[]
}

const number = (value: number): string => value.toFixed(9)
const sumText = (terms: Terms): string => {
  const text = Object.entries(terms)
    .filter(([, factor]) => factor !== 0)
    .map(([name, factor]) => `${factor < 0 ? '-' : '+'} ${number(Math.abs(factor))} ${name}`)
    .join(' ')
  return text === '' ? '0 nothing' : text
}

/** Solves a program to its optimum, or tells that it has none. Deterministic: one thread, a fresh solver each time. */
export function solve(program: Program): { objective: number; values: Record<string, number> } | undefined {
  const lines = [
    program.maximize ? 'Maximize' : 'Minimize',
    ` obj: ${sumText(program.maximize ?? program.minimize ?? {})}`,
  ]
  lines.push('Subject To')
  for (const [at, { terms, low, high }] of program.rows.entries()) {
    if (low !== undefined && low === high) lines.push(` r${at}: ${sumText(terms)} = ${number(low)}`)
    else {
      if (low !== undefined && low > -Infinity) lines.push(` l${at}: ${sumText(terms)} >= ${number(low)}`)
      if (high !== undefined && high < Infinity) lines.push(` h${at}: ${sumText(terms)} <= ${number(high)}`)
    }
  }
  lines.push(' none: nothing = 0', 'Bounds', ' nothing free')
  for (const [name, [low, high]] of Object.entries(program.bounds))
    lines.push(
      ` ${low === -Infinity ? '-inf' : number(low)} <= ${name} <= ${high === Infinity ? '+inf' : number(high)}`,
    )
  if (program.binaries && program.binaries.length > 0) lines.push('Binary', ` ${program.binaries.join(' ')}`)
  lines.push('End')
  const solution = highs.solve(lines.join('\n'), { output_flag: false })
  if (solution.Status !== 'Optimal') return undefined
  return {
    objective: solution.ObjectiveValue,
    values: Object.fromEntries(
      Object.entries(solution.Columns).map(([name, column]) => [name, 'Primal' in column ? column.Primal : 0]),
    ),
  }
}

/** Names of devices and circuits have dashes, which the LP format takes for a minus. */
export const nameOf = (prefix: string, ...parts: string[]): string => [prefix, ...parts].join('_').replaceAll('-', '_')

/** Power that each actuator puts on each phase, in W per unit of its variable. */
export interface Influence {
  readonly device: SiteDevice
  readonly variable: string
  readonly perUnitW: Record<Phase, number>
}

/** Flow through every circuit and phase in W: a constant plus what the variables put on it. */
export interface LinearFlow {
  readonly circuit: string
  readonly phase: Phase
  readonly fixedW: number
  readonly terms: Terms
}

/**
 * The flows of a site as linear functions: every influence's own consumption is taken out of the plant and replaced by its
 * variable. Written from the definition of the tree, without control.
 */
export function linearFlows(site: Site, plant: PlantState, influences: readonly Influence[]): LinearFlow[] {
  const flows = circuitFlows(site, plant)
  const result: LinearFlow[] = []
  for (const grid of site.grids) {
    for (const circuit of circuitsBelow(grid.connection)) {
      const inside = new Set([...circuitsBelow(circuit)].map(({ id }) => id))
      const fixed = { ...flows.get(circuit.id)!.powerW }
      const terms = { l1: {}, l2: {}, l3: {} } as Record<Phase, Terms>
      for (const { device, variable, perUnitW } of influences) {
        if (!inside.has(circuitsOf(site, device)[0]!)) continue
        const own = consumptionW(device, plant.devices[device.id] ?? {}, grid.nominalVoltageV)
        for (const phase of phases) {
          fixed[phase] -= own[phase]
          terms[phase][variable] = (terms[phase][variable] ?? 0) + perUnitW[phase]
        }
      }
      for (const phase of phases) result.push({ circuit: circuit.id, phase, fixedW: fixed[phase], terms: terms[phase] })
    }
  }
  return result
}

/** An influence that is spread evenly over its own phases. */
export function evenly(device: SiteDevice, variable: string, sign: 1 | -1): Influence {
  const perUnitW = zero()
  for (const phase of device.phases) perUnitW[phase] += sign / device.phases.length
  return { device, variable, perUnitW }
}

export interface Excess {
  readonly limitId: string
  readonly kind: 'fuse' | 'import' | 'export' | 'unbalance'
  /** W above the limit, for unbalance and fuses at nominal voltage. */
  readonly excessW: number
}

/** Every limit of the tree that a plant exceeds, from its flows alone. A fuse blows above its rating, not above 97 % of it. */
export function excesses(site: Site, plant: PlantState): Excess[] {
  const found: Excess[] = []
  for (const { grid, circuit, powerW } of circuitFlows(site, plant).values()) {
    const add = (limitId: string, kind: Excess['kind'], excessW: number) => {
      if (excessW > 0) found.push({ limitId: `${circuit.id}.${limitId}`, kind, excessW })
    }
    const volt = grid.nominalVoltageV
    if (circuit.fuseA !== undefined)
      for (const phase of phases) add(`fuse.${phase}`, 'fuse', Math.abs(powerW[phase]) - circuit.fuseA * volt)
    const total = powerW.l1 + powerW.l2 + powerW.l3
    if (circuit.maxImportW !== undefined) add('import', 'import', total - circuit.maxImportW)
    if (circuit.maxExportW !== undefined) add('export', 'export', -total - circuit.maxExportW)
    const all = Object.values(powerW)
    if (circuit.maxUnbalanceA !== undefined)
      add('unbalance', 'unbalance', Math.max(...all) - Math.min(...all) - circuit.maxUnbalanceA * volt)
  }
  return found
}
