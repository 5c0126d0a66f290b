import type { ControlState, CycleStats, Device as DeviceView, PowerFlow } from '#contract/api.ts'
import type { Site, SiteDevice } from '#contract/site.ts'
import { initialState, step } from '../control/step.ts'
import type { Clock } from '../domain/clock.ts'
import type { AgedReading } from '../domain/measured.ts'
import { type ProcessImage, siteImage } from '../domain/site-image.ts'
import type { Device } from '../drivers/driver.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import { type CycleTiming, startCycle } from './cycle.ts'
import { commandsOf, deviceView } from './device-view.ts'
import { createGuard, type Guard, type Mode, type WriteRecord, type WriteTarget } from './guard.ts'
import { unverified } from './verified.ts'
import { createOutputs, type Outputs } from './outputs.ts'
import { createPoller } from './poller.ts'
import { powerFlowOf } from './snapshot.ts'

/** A device of the site with everything the runtime knows about it. */
export interface SiteDeviceEntry {
  readonly config: SiteDevice
  readonly device: Device
  /** May be replaced while the service runs. */
  readonly map: LoadedMap
  replaceMap(map: LoadedMap): Promise<void>
  /** Bus it shares with other devices, as an address. */
  readonly bus: string
  readonly simulated: boolean
}

export interface SiteRuntime extends AsyncDisposable {
  powerFlow(): PowerFlow | undefined
  cycleStats(): CycleStats
  device(id: string): DeviceView | undefined
  devices(): DeviceView[]
  /** Requests sent to all devices since start. */
  requests(): number
  /** Gives control back to every device written to. */
  release(reason: string): Promise<void>
  /** What every write goes through. */
  readonly guard: Guard
  /** Leaves devices alone while they are somebody else's. */
  readonly outputs: Pick<Outputs, 'pause' | 'resume'>
  /** Rejects when the control step has failed for good. */
  readonly done: Promise<void>
}

/** The input-process-output cycle of one site. Nothing in it waits for a device, a disk or a client. */
export function startSiteRuntime(options: {
  site: Site
  mode: Mode
  desktop: boolean
  entries: readonly SiteDeviceEntry[]
  clock: Clock
  control(): ControlState
  journal(record: WriteRecord): void
  journalDurable(record: WriteRecord): Promise<unknown>
  /** Why the maps in use are not those that control was enabled with, or undefined. */
  mapsConfirmed(): string | undefined
  /** Called at the end of each cycle, after the outputs were handed over. */
  onCycle(flow: PowerFlow): void
}): SiteRuntime {
  const { site, mode, desktop, entries, clock, control, journal, journalDurable, mapsConfirmed, onCycle } = options
  const byId = new Map(entries.map((entry) => [entry.config.id, entry]))
  const devices = entries.map(({ device }) => device)
  let latest: PowerFlow | undefined
  const guard = createGuard({
    mode,
    desktop,
    control,
    journal,
    journalDurable,
    controlled: (deviceId) => latest?.setpoints.some((setpoint) => setpoint.deviceId === deviceId) ?? false,
    targets: new Map(entries.map((entry) => [entry.config.id, targetOf(entry, site, mapsConfirmed)])),
  })
  const outputs = createOutputs({
    guard,
    command: (deviceId, name) => {
      const entry = byId.get(deviceId)
      return entry && commandsOf(entry.map).get(name)
    },
  })
  const poller = createPoller(devices, site.cycleMs, clock)
  let state = initialState

  function freeze(monotonicMs: number): ProcessImage {
    return {
      atMs: clock.nowMs(),
      devices: new Map(devices.map((device) => [device.id, aged(device, monotonicMs)])),
    }
  }

  function run(timing: CycleTiming): void {
    const startMs = clock.monotonicMs()
    // 1. Input
    const processImage = freeze(startMs)
    const image = siteImage(site, processImage)
    // 2. Process
    const result = step(site, state, image, timing.elapsedS)
    state = result.state
    // 3. Output
    const setpoints = outputs.apply(result.decisions, startMs)
    poller.schedule(timing.deadlineMs + site.cycleMs)
    const durationMs = clock.monotonicMs() - startMs
    latest = powerFlowOf({ site, processImage, image, result, setpoints, control: control(), timing, durationMs })
    onCycle(latest)
  }

  // Ask everybody at once, so that the first cycle has something to see.
  poller.schedule(clock.monotonicMs())
  const cycle = startCycle({ periodMs: site.cycleMs, clock, run })

  const view = (entry: SiteDeviceEntry): DeviceView => deviceView(entry, clock.monotonicMs(), site.cycleMs)
  return {
    done: cycle.done,
    powerFlow: () => latest,
    cycleStats: () => cycle.stats(),
    devices: () => entries.map(view),
    device(id) {
      const entry = byId.get(id)
      return entry && view(entry)
    },
    requests: () => devices.reduce((sum, device) => sum + device.link().requests, 0),
    release: (reason) => outputs.releaseAll(reason),
    guard,
    outputs,
    async [Symbol.asyncDispose]() {
      await cycle[Symbol.asyncDispose]()
      await poller[Symbol.asyncDispose]()
    },
  }
}

/** The device as the guard sees it; its map may be replaced while the service runs. */
function targetOf(entry: SiteDeviceEntry, site: Site, mapsConfirmed: () => string | undefined): WriteTarget {
  return {
    device: entry.device,
    simulated: entry.simulated,
    get commands() {
      return commandsOf(entry.map)
    },
    unverified: (command) => unverified(site, entry.config, command) ?? mapsConfirmed(),
  }
}

function aged(device: Device, monotonicMs: number): ReadonlyMap<string, AgedReading> {
  const readings = new Map<string, AgedReading>()
  for (const [name, reading] of device.readings())
    readings.set(name, { ...reading, ageMs: Math.max(0, monotonicMs - reading.monotonicMs) })
  return readings
}
