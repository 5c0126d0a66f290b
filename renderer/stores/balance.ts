import type { PowerFlow } from '#contract/api.ts'

export type EnergyKind = 'grid' | 'solar' | 'battery' | 'load' | 'charging'

/** What flows into the busbar and out of it, W. Undefined when one of the four powers is not measured. */
export interface Balance {
  readonly inW: number
  readonly outW: number
  /** Who feeds the busbar, largest first. */
  readonly sources: readonly { readonly kind: EnergyKind; readonly powerW: number }[]
  /** Who takes from it, largest first. */
  readonly sinks: readonly { readonly kind: EnergyKind; readonly powerW: number }[]
}

/** Below this a flow is at rest: meters disagree by as much. */
export const restW = 10

export function balanceOf(flow: PowerFlow): Balance | undefined {
  const parts: { kind: EnergyKind; powerW: number }[] = []
  // A site without a battery balances without it.
  const battery = flow.battery.deviceIds.length > 0 ? flow.battery.powerW : 0
  const { grid, pv, load } = flow
  if (grid.powerW === undefined || pv.powerW === undefined || battery === undefined || load.powerW === undefined)
    return undefined
  parts.push(
    { kind: 'grid', powerW: grid.powerW },
    { kind: 'solar', powerW: pv.powerW },
    { kind: 'battery', powerW: battery },
    { kind: 'load', powerW: -load.powerW },
  )
  const order = (a: { powerW: number }, b: { powerW: number }): number => b.powerW - a.powerW
  const sources = parts.filter(({ powerW }) => powerW > 0).toSorted(order)
  const sinks = parts
    .filter(({ powerW }) => powerW < 0)
    .map(({ kind, powerW }) => ({ kind, powerW: -powerW }))
    .toSorted(order)
  const total = (list: readonly { powerW: number }[]): number => list.reduce((sum, { powerW }) => sum + powerW, 0)
  return { inW: total(sources), outW: total(sinks), sources, sinks }
}

/** The next step of 1, 2, 5 × 10^n at or above a power: the scale of line widths. */
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value * 0.999_999) ?? 10
  return step * power
}

/** How much of a limit is used, 0..1 and more when violated. For a floor: how much of the range above it is left. */
export function usedShare(limit: { value?: number | undefined; limit: number }): number | undefined {
  if (limit.value === undefined || limit.limit <= 0) return undefined
  return limit.value / limit.limit
}
