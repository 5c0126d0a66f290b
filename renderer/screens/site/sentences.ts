import type { LimitState, PowerFlow, SetpointState } from '#contract/api.ts'
import { restW, usedShare } from '../../stores/balance.ts'

/** Share of the load that did not come from the grid, 0..1. Undefined when it cannot be told or nothing is used. */
export function ownShare(flow: PowerFlow): number | undefined {
  const loadW = flow.load.powerW
  const gridW = flow.grid.powerW
  if (loadW === undefined || gridW === undefined || loadW < restW) return undefined
  return Math.min(1, Math.max(0, 1 - Math.max(0, gridW) / loadW))
}

export type GridState = 'importing' | 'exporting' | 'atRest' | 'unknown'

export function gridState(powerW: number | undefined): GridState {
  if (powerW === undefined) return 'unknown'
  if (Math.abs(powerW) < restW) return 'atRest'
  return powerW > 0 ? 'importing' : 'exporting'
}

/** 1 towards the busbar, -1 away from it, 0 at rest or unknown. */
export function towardsBusbar(powerW: number | undefined): -1 | 0 | 1 {
  if (powerW === undefined || Math.abs(powerW) < restW) return 0
  return powerW > 0 ? 1 : -1
}

/** Width of a flow line in pixels: 2 at rest, 16 at full scale. */
export function lineWidth(powerW: number | undefined, scaleW: number): number {
  if (towardsBusbar(powerW) === 0 || powerW === undefined) return 2
  return 2 + 14 * Math.min(1, Math.abs(powerW) / scaleW)
}

export type LimitLead =
  | { readonly kind: 'violated' | 'binds' | 'nearest'; readonly limit: LimitState }
  | { readonly kind: 'none' }

/** What to say first about the limits: what is exceeded, else what binds, else which is nearest. */
export function limitLead(limits: readonly LimitState[]): LimitLead {
  const violated = limits.find((limit) => limit.violated)
  if (violated) return { kind: 'violated', limit: violated }
  const binding = nearest(limits.filter((limit) => limit.binding))
  if (binding) return { kind: 'binds', limit: binding }
  const next = nearest(limits)
  return next ? { kind: 'nearest', limit: next } : { kind: 'none' }
}

function nearest(limits: readonly LimitState[]): LimitState | undefined {
  const distance = (limit: LimitState): number => {
    const share = usedShare(limit)
    if (share === undefined) return Infinity
    return limit.kind === 'ceiling' ? 1 - share : share - 1
  }
  return limits.toSorted((a, b) => distance(a) - distance(b))[0]
}

/** What is left up to a limit, in its unit; never negative. */
export function headroom(limit: LimitState): number | undefined {
  if (limit.value === undefined) return undefined
  return Math.max(0, limit.kind === 'ceiling' ? limit.limit - limit.value : limit.value - limit.limit)
}

/** Charge, discharge and hold are said in words; other commands by their title. */
export function setpointVerb(setpoint: SetpointState): 'charge' | 'discharge' | 'hold' | 'other' {
  if (setpoint.command !== 'setPowerW') return 'other'
  if (setpoint.value === 0) return 'hold'
  return setpoint.value > 0 ? 'discharge' : 'charge'
}
