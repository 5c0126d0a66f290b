import type { ControlState, PowerFlow, SetpointState } from '#contract/api.ts'
import type { GridState } from '#contract/control.ts'
import type { Site } from '#contract/site.ts'
import type { StepInput, StepResult } from '../control/types.ts'
import { type CycleTiming } from './cycle.ts'
import { type GridFlows, siteFlows } from './grid-flows.ts'
import { jitterMs } from './grid-runtime.ts'
import { weatherOf } from './site-weather.ts'

/** One completed cycle of a grid, as it is shown. */
export interface GridSnapshot {
  readonly state: GridState
  readonly flows: GridFlows
  readonly durationMs: number
  readonly latenessMs: number
  readonly jitterMs: number
}

export interface Snapshots {
  take(cycle: {
    grid: { gridId: string; name: string; periodMs: number; controlledBy: string }
    input: StepInput
    result: StepResult<unknown>
    timing: CycleTiming
    failure: string | undefined
    setpoints: SetpointState[]
    flows: GridFlows
    durationMs: number
  }): GridSnapshot
  grids(): readonly GridState[]
  /** The newest cycles of all grids as one site; undefined until each has completed one. */
  powerFlow(): PowerFlow | undefined
  setpoints(): readonly SetpointState[]
}

/** Keeps the newest cycle of each grid. */
export function createSnapshots(site: Site, control: () => ControlState): Snapshots {
  const newest = new Map<string, GridSnapshot>()
  let flow: PowerFlow | undefined
  let weather: PowerFlow['weather']
  const inOrder = (): GridSnapshot[] => site.grids.flatMap(({ id }) => newest.get(id) ?? [])

  function flowOf(): PowerFlow | undefined {
    const all = inOrder()
    const [first] = all
    if (!first || all.length < site.grids.length) return undefined
    const { grid, pv, battery, load, chargers } = siteFlows(all.map(({ flows }) => flows))
    return {
      atMs: Math.max(...all.map(({ state }) => state.atMs)),
      cycle: first.state.cycle,
      durationMs: first.durationMs,
      latenessMs: first.latenessMs,
      grid,
      pv,
      battery,
      load,
      ...(chargers.deviceIds.length > 0 && { chargers }),
      ...(weather && { weather }),
      limits: all.flatMap(({ state }) => state.limits),
      setpoints: all.flatMap(({ state }) => state.setpoints),
      control: control(),
    }
  }

  return {
    take({
      grid: { gridId, name, periodMs, controlledBy },
      input,
      result,
      timing,
      failure,
      setpoints,
      flows,
      durationMs,
    }) {
      const { grid, pv, battery, load, chargers } = flows
      const state: GridState = {
        gridId,
        name,
        atMs: input.atMs,
        cycle: timing.number,
        state: failure === undefined ? 'running' : 'failing',
        ...(failure !== undefined && { reason: failure }),
        controlledBy,
        grid: { ...grid },
        pv,
        battery,
        load,
        chargers,
        limits: [...result.limits],
        violations: result.violations.map((violation) => ({ ...violation })),
        setpoints,
        leftAlone: result.leftAlone.map((device) => ({ ...device })),
      }
      const snapshot = { state, flows, durationMs, latenessMs: timing.latenessMs, jitterMs: jitterMs(timing, periodMs) }
      newest.set(gridId, snapshot)
      weather = weatherOf(site.devices, input.readings, periodMs)
      flow = flowOf()
      return snapshot
    },
    grids: () => inOrder().map(({ state }) => state),
    powerFlow: () => flow,
    setpoints: () => inOrder().flatMap(({ state }) => state.setpoints),
  }
}
