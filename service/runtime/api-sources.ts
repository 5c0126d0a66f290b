import type { CycleStats, Mode, PowerFlow, Status } from '#contract/api.ts'
import type { GridCycle } from '#contract/control.ts'
import { EdgeError } from '#contract/errors.ts'
import type { LiveMessage } from '#contract/live.ts'
import type { MeasurementRange, Sources } from '../api/sources.ts'
import type { DeploymentSources } from '../api/deployment-sources.ts'
import type { EdgeSources } from '../api/edge-sources.ts'
import type { SetupSources } from '../api/setup-sources.ts'
import type { BackupSources } from '../api/backup-sources.ts'
import type { CheckSources } from '../api/check-sources.ts'
import type { HandoverSources } from '../api/handover-sources.ts'
import type { WorkbenchSources } from '../api/workbench-sources.ts'
import type { Clock } from '../domain/clock.ts'
import type { Storage } from '../storage/types.ts'
import type { BusAccess } from './bus-access.ts'
import { toMessage } from './bus-messages.ts'
import type { ControlSources } from './control-sources.ts'
import type { Armed } from './armed.ts'
import type { ControlProperty } from './control-property.ts'
import type { Faults } from './faults.ts'
import { readLedger } from './ledger.ts'
import type { Licensing } from './licensing.ts'
import type { SiteRuntime } from './site-runtime.ts'
import type { GridSnapshot } from './snapshot.ts'

/** What the API publishes to, once it runs. */
interface LiveSink {
  publish(message: LiveMessage): void
  observeCycle(timing: { gridId: string; durationMs: number; latenessMs: number; jitterMs: number }): void
}

export interface ApiSources {
  readonly forApi: Sources
  /** Until the API is connected, cycles are not published. */
  connect(api: LiveSink): void
  publishCycle(snapshot: GridSnapshot): void
  publishWishes(): void
}

/** Answers every question of the API from the running parts. */
export function createApiSources(parts: {
  site: { name: string; demo: boolean; mode: Mode }
  version: string
  clock: Clock
  runtime: SiteRuntime
  storage: Storage
  faults: Faults
  control: ControlProperty
  /** Takes staged maps into use and confirms all of them for automatic control. */
  confirmMaps(): Promise<void>
  bus: BusAccess
  armed: Armed
  forControl: ControlSources
  backup: BackupSources
  licensing: Pick<Licensing, 'state' | 'load' | 'unload'>
  workbench: WorkbenchSources
  setup: SetupSources
  deployment: DeploymentSources
  edges: EdgeSources
  checks: CheckSources
  handover: HandoverSources
  /** Nothing is lent while control acts. */
  endLeases(why: string): Promise<void>
}): ApiSources {
  const {
    site,
    version,
    clock,
    runtime,
    storage,
    faults,
    control,
    confirmMaps,
    bus,
    armed,
    forControl,
    workbench,
    setup,
  } = parts
  const startedAtMs = clock.nowMs()
  const startedMonotonicMs = clock.monotonicMs()
  const requestRate = createRate(clock)
  let live: LiveSink | undefined

  function status(): Status {
    const devices = runtime.devices()
    return {
      site: site.name,
      version,
      mode: site.mode,
      demo: site.demo,
      startedAtMs,
      nowMs: clock.nowMs(),
      control: control.get(),
      cycle: statsOf(runtime.cycles()),
      devices: { total: devices.length, online: devices.filter(({ link }) => link.state === 'online').length },
      requestsPerS: requestRate(runtime.requests()),
      faults: faults.list(),
    }
  }

  async function measurements({ device, metric, fromMs, toMs, points }: MeasurementRange) {
    const view = runtime.device(device)
    if (!view) throw new EdgeError('device.unknown', `there is no device "${device}"`)
    const point = view.points.find(({ name }) => name === metric)
    if (!point) throw new EdgeError('metric.unknown', `device "${device}" has no metric "${metric}"`)
    const series = await storage.measurements({ deviceId: device, metric, fromMs, toMs, points })
    return { device, metric, unit: point.unit, fromMs, toMs, ...series, series: [...series.series] }
  }

  const forApi: Sources = {
    ...forControl,
    nowMs: () => clock.nowMs(),
    health() {
      const current = faults.list()
      return {
        status: current.length > 0 ? 'degraded' : 'ok',
        version,
        uptimeS: Math.round((clock.monotonicMs() - startedMonotonicMs) / 1000),
        faults: current,
      }
    },
    status,
    devices: () => runtime.devices(),
    device: (id) => runtime.device(id),
    powerFlow: () => runtime.powerFlow(),
    measurements,
    async events(query) {
      const { device, ...rest } = query
      return { events: await storage.events({ ...rest, ...(device && { deviceId: device }) }) }
    },
    async setControl(request, principal) {
      control.check(request)
      await storage.journal.appendDurable({
        kind: 'control',
        principal: `${principal.name} (${principal.address})`,
        detail: `${request.enabled ? 'enable' : 'disable'} control${request.dryRun ? ' in dry run' : ''}: ${request.reason}`,
      })
      // Release goes out while writing is still allowed.
      if (!request.enabled || request.dryRun) await runtime.release(`control is switched off: ${request.reason}`)
      try {
        if (request.enabled) await parts.endLeases('control is switched on')
        // Enabling control is the confirmation that the maps as they are now may act.
        if (request.enabled && !request.dryRun) await confirmMaps()
        await control.set(request)
      } finally {
        runtime.resume()
      }
      const state = control.get()
      storage.addEvent({ atMs: clock.nowMs(), severity: 'info', code: 'control.changed', message: state.reason })
      return state
    },
    async auditEntries(query) {
      const entries = await storage.journal.entries(query)
      return { entries: entries.map(({ frames, ...entry }) => ({ ...entry, ...(frames && { frames: [...frames] }) })) }
    },
    async verifyAudit() {
      const result = await storage.journal.verify()
      if (!result.ok) return { ...result }
      return { ok: true, entries: result.entries, headSeq: result.head.seq, headHash: result.head.hash }
    },
    backup: parts.backup,
    license: parts.licensing.state,
    loadLicense: parts.licensing.load,
    unloadLicense: parts.licensing.unload,
    workbench,
    setup,
    deployment: parts.deployment,
    edges: parts.edges,
    checks: parts.checks,
    handover: parts.handover,
    readBus: async (request) => toMessage(await bus.read(request)),
    async writeBus(request, principal) {
      const who = `${request.principal} by ${principal.name} (${principal.address})`
      const { outcome, ...rest } = await bus.write({ ...request, principal: who }, armed.holds(principal))
      if (outcome === 'refused') throw new EdgeError('write.refused', rest.reason ?? 'the guard refused it')
      return { ...rest, outcome, frames: [...rest.frames] }
    },
    previewWrite: (request, principal) => bus.preview(request, armed.holds(principal)),
    ledger: (query) => readLedger(storage.journal, query),
    metrics() {
      const flow = runtime.powerFlow()
      const { enabled, dryRun } = control.get()
      const stats = storage.stats()
      return {
        grids: runtime.cycles().map(({ gridId, count, overruns, failures }) => ({
          id: gridId,
          cycles: count,
          overruns,
          failures,
        })),
        devices: runtime.devices().map(({ id, role, link }) => ({
          id,
          role,
          up: link.state === 'online' || link.state === 'degraded',
          requests: link.requests,
          failures: link.failures,
        })),
        ...powers(flow),
        setpoints: flow?.setpoints ?? [],
        controlEnabled: enabled,
        dryRun,
        storageQueue: stats.queuedSamples + stats.pendingEntries,
      }
    },
  }

  return {
    forApi,
    connect(api) {
      live = api
    },
    publishCycle({ state, durationMs, latenessMs, jitterMs }) {
      if (!live) return
      live.observeCycle({ gridId: state.gridId, durationMs, latenessMs, jitterMs })
      // The API draws everything else from the sources by itself, where a client asked for it.
      const flow = runtime.powerFlow()
      if (flow) live.publish({ type: 'power-flow', data: flow })
      requestRate(runtime.requests())
    },
    publishWishes: () => live?.publish({ type: 'controls', data: [...forApi.wishes()] }),
  }
}

/** Of the first grid: with several, /api/v1/cycles tells them apart. */
function statsOf([first]: readonly GridCycle[]): CycleStats {
  const none = { p50: 0, p99: 0, max: 0 }
  if (!first) return { periodMs: 0, count: 0, overruns: 0, latenessMs: none, durationMs: none }
  const { periodMs, count, overruns, latenessMs, durationMs } = first
  return { periodMs, count, overruns, latenessMs, durationMs }
}

function powers(flow: PowerFlow | undefined) {
  const { grid, pv, battery, load } = flow ?? {}
  return {
    ...(grid?.powerW !== undefined && { gridW: grid.powerW }),
    ...(pv?.powerW !== undefined && { pvW: pv.powerW }),
    ...(battery?.powerW !== undefined && { batteryW: battery.powerW }),
    ...(load?.powerW !== undefined && { loadW: load.powerW }),
    ...(battery?.socPercent !== undefined && { batterySocPercent: battery.socPercent }),
  }
}

/** Requests per second over the last ten seconds or so, from a growing total. */
function createRate(clock: Clock): (total: number) => number {
  const windowMs = 10_000
  const samples: { atMs: number; total: number }[] = []
  return (total) => {
    const atMs = clock.monotonicMs()
    if (atMs - (samples.at(-1)?.atMs ?? -Infinity) >= 500) samples.push({ atMs, total })
    while (samples.length > 2 && atMs - (samples[1]?.atMs ?? atMs) > windowMs) samples.shift()
    const first = samples[0]
    if (!first || atMs <= first.atMs) return 0
    return Math.round(((total - first.total) / (atMs - first.atMs)) * 10_000) / 10
  }
}
