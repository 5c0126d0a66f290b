import type { ControlState, Device as DeviceView, Mode, PowerFlow, SetpointState } from '#contract/api.ts'
import type { ArmedState, GridCycle, GridState } from '#contract/control.ts'
import type { Site } from '#contract/site.ts'
import type { DeviceRole, SiteDevice } from '#contract/site-device.ts'
import type { GridState as GridStepState } from '../control/state.ts'
import { controllerOf } from '../domain/island.ts'
import { initialState, step } from '../control/step.ts'
import type { StepInput, StepResult, Wish } from '../control/types.ts'
import type { Clock } from '../domain/clock.ts'
import type { AgedReading } from '../domain/measured.ts'
import type { SiteModel } from '../domain/site-model.ts'
import type { Device } from '../drivers/driver.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import { commandsOf, deviceView } from './device-view.ts'
import type { Faults } from './faults.ts'
import { createFrozenMeters } from './frozen-meters.ts'
import { flowsOf } from './grid-flows.ts'
import { type CompletedCycle, type GridRuntime, startGridRuntime } from './grid-runtime.ts'
import { tellFailing, tellNotShown } from './grid-watch.ts'
import { createGuard, type Guard, outsideLimits, type WriteRecord } from './guard.ts'
import { createOutputs, type Outputs } from './outputs.ts'
import { manualTargetsOf, outputTargetOf, targetOf } from './site-targets.ts'
import { cycleMsOf, gridOfDevices } from './site-topology.ts'
import { createSnapshots, type GridSnapshot } from './snapshot.ts'
import type { WriteBudget } from './write-budget.ts'

/** A device of the site with everything the runtime knows about it. */
export interface SiteDeviceEntry {
  readonly config: SiteDevice
  readonly device: Device
  /** May be replaced while the service runs. */
  readonly map: LoadedMap
  replaceMap(map: LoadedMap): Promise<void>
  /** Asks it nothing until the returned function is called, as if the cable were out. */
  leaveAlone(): () => void
  /** Bus it shares with other devices, as an address. */
  readonly bus: string
  readonly simulated: boolean
}

export interface SiteRuntime extends AsyncDisposable {
  /** The site as a whole; undefined until every grid has completed a cycle. */
  powerFlow(): PowerFlow | undefined
  grids(): readonly GridState[]
  cycles(): readonly GridCycle[]
  device(id: string): DeviceView | undefined
  devices(): DeviceView[]
  /** Requests sent to all devices since start. */
  requests(): number
  /** Gives control back to every device written to, in order; nothing is written until `resume`. */
  readonly release: Outputs['releaseAll']
  resume(): void
  /** Decides with other limits from the next cycle on; grids, circuits and devices are the same. */
  useModel(model: SiteModel): void
  /** Takes into account from now on what is verified in this version of the site. */
  useProofs(site: Site): void
  /** What control decides by, without what a check adds for its time. */
  model(): SiteModel
  /** Decides by what this makes of the model until it is undefined, whatever limits are used meanwhile. */
  overlayModel(overlay: ((model: SiteModel) => SiteModel) | undefined): void
  readonly valueNow: Outputs['valueNow']
  readonly writeAnew: Outputs['writeAnew']
  /** Why a value of a command must not be asked for, by its map, or undefined. */
  outsideLimits(deviceId: string, command: string, value: number): string | undefined
  /** What every write goes through. */
  readonly guard: Guard
  /** Leaves devices alone while they are somebody else's. */
  readonly outputs: Pick<Outputs, 'pause' | 'unpause'>
  /** What may be written by hand now by whoever is armed. */
  manualTargets(): ArmedState['targets']
}

const controlledRoles: ReadonlySet<DeviceRole> = new Set(['charger', 'load', 'battery', 'pv'])

/** The cycles of the grids of one site. Nothing in them waits for a device, a disk or a client. */
export function startSiteRuntime(options: {
  site: Site
  model: SiteModel
  mode: Mode
  desktop: boolean
  entries: readonly SiteDeviceEntry[]
  clock: Clock
  control(): ControlState
  wishes(): readonly Wish[]
  journal(record: WriteRecord): void
  journalDurable(record: WriteRecord): Promise<unknown>
  /** Why the maps in use are not those that control was enabled with, or undefined. */
  mapsConfirmed(): string | undefined
  budget: WriteBudget
  faults: Faults
  /** The check that has borrowed a device from automatic control. */
  lentTo?(deviceId: string): string | undefined
  /** The outputs of a cycle were handed over. */
  onOutputs(gridId: string): void
  /** What each step was given and what it made of it, for captures. */
  onStep?(gridId: string, input: StepInput, result: StepResult<GridStepState>): void
  /** Called at the end of each cycle, after the outputs were handed over. What it throws is told as a fault. */
  onCycle(snapshot: GridSnapshot): void
}): SiteRuntime {
  const {
    site,
    mode,
    desktop,
    entries,
    clock,
    control,
    wishes,
    mapsConfirmed,
    budget,
    faults,
    onOutputs,
    onStep,
    onCycle,
  } = options
  const byId = new Map(entries.map((entry) => [entry.config.id, entry]))
  let base = options.model
  let overlay: ((model: SiteModel) => SiteModel) | undefined
  let model = base
  let proven = site
  const gridOf = gridOfDevices(site)
  const snapshots = createSnapshots(site, control)
  // Looked at once per cycle: it is about all maps, and asked for every setpoint.
  let unconfirmed = mapsConfirmed()
  const guard = createGuard({
    mode,
    desktop,
    control,
    journal: options.journal,
    journalDurable: options.journalDurable,
    ...(options.lentTo && { lentTo: options.lentTo }),
    controlled: (deviceId) => snapshots.setpoints().some((setpoint) => setpoint.deviceId === deviceId),
    targets: new Map(
      entries.map((entry) => [
        entry.config.id,
        targetOf(
          entry,
          () => proven,
          () => unconfirmed,
        ),
      ]),
    ),
  })
  const outputTargets = new Map(entries.map((entry) => [entry.config.id, outputTargetOf(entry, clock)]))
  const simulated = new Set(entries.filter((entry) => entry.simulated).map(({ config }) => config.id))
  const outputs = createOutputs({ guard, target: (id) => outputTargets.get(id), simulated, budget, faults, clock })
  const frozenMeters = createFrozenMeters(model, (id) => byId.get(id)?.simulated ?? false, faults)

  function freeze(elapsedS: number): StepInput {
    unconfirmed = mapsConfirmed()
    const monotonicMs = clock.monotonicMs()
    const readings = new Map(entries.map(({ device }) => [device.id, aged(device, monotonicMs)]))
    return {
      atMs: clock.nowMs(),
      elapsedS,
      readings: frozenMeters.look(readings, monotonicMs),
      wishes: wishes(),
      plan: [],
    }
  }

  const controlled = new Set(
    entries.filter(({ config }) => controlledRoles.has(config.role)).map(({ config }) => config.id),
  )
  const blind = (input: StepInput): StepInput => ({
    ...input,
    readings: new Map([...input.readings].filter(([id]) => controlled.has(id))),
    wishes: [],
    plan: [],
  })

  function startGrid({ id: gridId, name, connection }: Site['grids'][number]): GridRuntime {
    const periodMs = cycleMsOf(site, gridId)
    const mine = entries.filter(({ config }) => gridOf.get(config.id) === gridId)
    const configs = mine.map(({ config }) => config)

    function complete(cycle: CompletedCycle<GridStepState>): void {
      const setpoints = outputs.apply(cycle.result.decisions, clock.monotonicMs())
      onOutputs(gridId)
      try {
        show(cycle, setpoints)
        faults.clear(`shown ${gridId}`, `${name} is shown and recorded again`)
      } catch (error) {
        tellNotShown(faults, gridId, name, error)
      }
    }

    /** Whoever looks on may fail without any harm to control. */
    function show(cycle: CompletedCycle<GridStepState>, setpoints: SetpointState[]): void {
      const { input, result, timing, startMs, failure } = cycle
      onStep?.(gridId, input, result)
      const controlledBy = controllerOf(model, gridId, input.readings)
      const flows = flowsOf(configs, connection.meter, input.readings, periodMs, input.atMs)
      const durationMs = clock.monotonicMs() - startMs
      const grid = { gridId, name, periodMs, controlledBy }
      onCycle(snapshots.take({ grid, input, result, timing, failure, setpoints, flows, durationMs }))
    }

    return startGridRuntime({
      gridId,
      name,
      periodMs,
      clock,
      devices: mine.map(({ device }) => device),
      step: {
        initial: () => initialState(model, gridId),
        step: (state, input) => step(model, gridId, state, input),
      },
      freeze,
      blind,
      complete,
      failing: (reason) => tellFailing(faults, gridId, name, reason),
    })
  }

  const grids = site.grids.map(startGrid)

  const view = (entry: SiteDeviceEntry): DeviceView =>
    deviceView(entry, clock.monotonicMs(), cycleMsOf(site, gridOf.get(entry.config.id)))
  return {
    powerFlow: snapshots.powerFlow,
    grids: snapshots.grids,
    cycles: () => grids.map((grid) => grid.cycle()),
    devices: () => entries.map(view),
    device(id) {
      const entry = byId.get(id)
      return entry && view(entry)
    },
    requests: () => entries.reduce((sum, { device }) => sum + device.link().requests, 0),
    release: (reason) => outputs.releaseAll(reason),
    resume: () => outputs.resume(),
    useProofs: (next) => void (proven = next),
    useModel(next) {
      base = next
      model = overlay ? overlay(base) : base
    },
    model: () => base,
    overlayModel(next) {
      overlay = next
      model = overlay ? overlay(base) : base
    },
    writeAnew: (deviceId) => outputs.writeAnew(deviceId),
    valueNow: (deviceId, command) => outputs.valueNow(deviceId, command),
    outsideLimits(deviceId, command, value) {
      const entry = byId.get(deviceId)
      const declared = entry && commandsOf(entry.map).get(command)
      return declared ? outsideLimits(declared, value, entry.device) : 'the device has no such command'
    },
    guard,
    outputs,
    manualTargets: () => entries.flatMap((entry) => manualTargetsOf(entry, view(entry), guard)),
    async [Symbol.asyncDispose]() {
      await Promise.all(grids.map((grid) => grid[Symbol.asyncDispose]()))
    },
  }
}

function aged(device: Device, monotonicMs: number): ReadonlyMap<string, AgedReading> {
  const readings = new Map<string, AgedReading>()
  for (const [name, reading] of device.readings())
    readings.set(name, { ...reading, ageMs: Math.max(0, monotonicMs - reading.monotonicMs) })
  return readings
}
