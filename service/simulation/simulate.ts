import type { Site } from '#contract/site.ts'
import type { StepInput, StepResult } from '../control/types.ts'
import type { SiteCommands } from '../domain/site-model.ts'
import { type Controller, createController } from './controller.ts'
import { createDecisionLog, createRunDigest } from '../capture/digest.ts'
import { createLedger, type Costs, type EnergyWh, type Switching } from './ledger.ts'
import { watchLimits } from './limits-watch.ts'
import type { LoadSteps } from './house.ts'
import { type Inputs, noInputs } from './series.ts'
import type { LimitRecord } from './watch.ts'
import { createWorld } from './world.ts'

export interface SimulationOptions {
  readonly site: Site
  readonly fromMs: number
  readonly toMs: number
  readonly inputs?: Inputs
  /** Of everything that is not given. Default 1. */
  readonly seed?: number
  readonly steps?: LoadSteps
  /** Instead of the cycles the site has. */
  readonly cycleMs?: number
  /** Age of measurements when they are used; a whole number of physical steps below the cycle. Default one. */
  readonly measureDelayMs?: number
  /** Energy of each battery as hours at its larger power. Default 2. */
  readonly batteryHours?: number
  /** At the start. Default 50. */
  readonly socPercent?: number
  /** What the maps of the devices declare; without it every device has what its settings need. */
  readonly commands?: SiteCommands
  /** Default: the control of this package. */
  readonly controller?: (site: Site, commands?: SiteCommands) => Controller
  /** Sees every step; the readings are overwritten afterwards. */
  readonly onStep?: (gridId: string, input: StepInput, result: StepResult<unknown>) => void
}

/** A violation as control itself has reported it. */
export interface ReportedViolation {
  readonly limitId: string
  readonly tier: string
  readonly cycles: number
  readonly worst: number
}

export interface LeftAlone {
  readonly deviceId: string
  readonly text: string
  readonly cycles: number
}

export interface SimulationReport {
  readonly site: string
  readonly fromMs: number
  readonly toMs: number
  readonly cycles: number
  readonly energyWh: Readonly<EnergyWh>
  readonly cost: Costs
  readonly peaks: readonly { readonly gridId: string; readonly peakW: number }[]
  /** Share of what was used that did not come from outside, 0 to 1; absent when nothing was used. */
  readonly selfSufficiency?: number
  /** Share of the PV that was used here, 0 to 1; absent without PV. */
  readonly selfConsumption?: number
  readonly limits: readonly LimitRecord[]
  readonly violations: Readonly<Record<LimitRecord['tier'], number>>
  readonly reported: readonly ReportedViolation[]
  /** Devices that were not controlled, why at first, and in how many cycles. */
  readonly leftAlone: readonly LeftAlone[]
  readonly switching: Readonly<Switching>
  readonly charging: {
    readonly sessions: number
    readonly turnedAway: number
    readonly wantedWh: number
    readonly missingWh: number
  }
  /** SHA-256 over every decision of every cycle, sentences included. */
  readonly digest: string
}

/** Physics is calculated at least this often, and twice in a short cycle. */
const longestStepMs = 2000

/** Runs a site from `fromMs` to `toMs` as fast as it can through the step that also runs at the edge. Deterministic. */
export function simulate(options: SimulationOptions): SimulationReport {
  const { seed = 1, fromMs, toMs, inputs = noInputs } = options
  const site = options.cycleMs === undefined ? options.site : withCycle(options.site, options.cycleMs)
  const controller = (options.controller ?? createController)(site, options.commands)
  const cycles = site.grids.map((grid) => grid.cycleMs ?? site.cycleMs)
  const common = cycles.reduce(greatestCommonDivisor)
  const stepMs = common / Math.max(2, Math.ceil(common / longestStepMs))
  const delaySteps = Math.round((options.measureDelayMs ?? stepMs) / stepMs)
  const grids = site.grids.map((grid, index) => ({
    id: grid.id,
    every: (cycles[index] ?? site.cycleMs) / stepMs,
    elapsedS: (cycles[index] ?? site.cycleMs) / 1000,
    state: controller.initialState(grid.id),
    log: createDecisionLog(),
    count: 0,
  }))
  if (grids.some(({ every }) => delaySteps >= every))
    throw new RangeError('measureDelayMs must be shorter than a cycle')
  const world = createWorld(site, {
    inputs,
    seed,
    fromMs,
    toMs,
    batteryHours: options.batteryHours ?? 2,
    socPercent: options.socPercent ?? 50,
    ...(options.steps && { steps: options.steps }),
  })
  const ledger = createLedger(site, world)
  const limits = watchLimits(site, world, (delaySteps * stepMs) / 1000)
  const digest = createRunDigest()
  const reported = new Map<string, { limitId: string; tier: string; cycles: number; worst: number }>()
  const leftAlone = new Map<string, { deviceId: string; text: string; cycles: number }>()
  const setpoints = new Map<string, number>()

  function control(grid: (typeof grids)[number], atMs: number): void {
    const { id, elapsedS } = grid
    const input: StepInput = { atMs, elapsedS, readings: world.readings, wishes: [], plan: [] }
    const result = controller.step(id, grid.state, input)
    grid.state = result.state
    grid.count += 1
    options.onStep?.(id, input, result)
    digest.add(id, grid.count, grid.log(result.decisions).hash)
    for (const { setpoint } of result.decisions) {
      const key = `${setpoint.deviceId} ${setpoint.command}`
      if (setpoints.get(key) === setpoint.value) continue
      setpoints.set(key, setpoint.value)
      ledger.switching.setpointChanges += 1
      world.command(setpoint.deviceId, setpoint.command, setpoint.value)
    }
    for (const { deviceId, text } of result.leftAlone) {
      const entry = leftAlone.get(deviceId)
      if (entry) entry.cycles += 1
      else leftAlone.set(deviceId, { deviceId, text, cycles: 1 })
    }
    for (const { limitId, tier, excess } of result.violations) {
      const entry = reported.get(limitId)
      if (entry) {
        entry.cycles += 1
        entry.worst = Math.max(entry.worst, excess)
      } else reported.set(limitId, { limitId, tier, cycles: 1, worst: excess })
    }
  }

  const dtS = stepMs / 1000
  const steps = Math.floor((toMs - fromMs) / stepMs)
  world.advance(fromMs, dtS)
  world.measure(fromMs)
  for (let step = 1; step <= steps; step++) {
    const atMs = fromMs + step * stepMs
    world.advance(atMs, dtS)
    limits.see(atMs, dtS)
    ledger.add(atMs, dtS)
    if (grids.some(({ every }) => (step + delaySteps) % every === 0)) world.measure(atMs)
    for (const grid of grids) {
      if (step % grid.every !== 0) continue
      world.age(atMs)
      control(grid, atMs)
    }
  }

  const { energy } = ledger
  const usedWh = energy.import - energy.export + energy.pv + energy.batteryDischarge - energy.batteryCharge
  const records = limits.records()
  const count = (tier: LimitRecord['tier']): number =>
    records.reduce((sum, record) => sum + (record.tier === tier ? record.violations : 0), 0)
  const stays = world.chargers.map((charger) => charger.finished())
  return {
    site: site.name,
    fromMs,
    toMs: fromMs + steps * stepMs,
    cycles: grids.reduce((sum, grid) => sum + grid.count, 0),
    energyWh: energy,
    cost: ledger.costs(),
    peaks: ledger.peaks(),
    ...(usedWh > 0 && { selfSufficiency: Math.min(1, Math.max(0, 1 - energy.import / usedWh)) }),
    ...(energy.pv > 0 && { selfConsumption: Math.min(1, Math.max(0, 1 - energy.export / energy.pv)) }),
    limits: records,
    violations: { physical: count('physical'), safety: count('safety'), economic: count('economic') },
    reported: [...reported.values()],
    leftAlone: [...leftAlone.values()],
    switching: ledger.switching,
    charging: {
      sessions: stays.reduce((sum, stay) => sum + stay.sessions, 0),
      turnedAway: world.turnedAway,
      wantedWh: stays.reduce((sum, stay) => sum + stay.wantedWh, 0),
      missingWh: stays.reduce((sum, stay) => sum + stay.missingWh, 0),
    },
    digest: digest.finish(),
  }
}

function withCycle(site: Site, cycleMs: number): Site {
  return { ...site, cycleMs, grids: site.grids.map((grid) => ({ ...grid, cycleMs })) }
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b))
