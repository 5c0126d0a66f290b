import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { MetricNumbers } from './sources.ts'

/** Timing of one completed cycle. */
export interface CycleObservation {
  /** The grid whose cycle it was. */
  readonly gridId: string
  readonly durationMs: number
  readonly latenessMs: number
  /** How far the distance from the cycle before was from the period, either way. */
  readonly jitterMs: number
}

export interface Metrics {
  observeCycle(observation: CycleObservation): void
  /** The page in the Prometheus text format. */
  text(): Promise<string>
  readonly contentType: string
}

/** Of the process metrics, those that break the naming rules of Prometheus or say what this is built with. */
const unwanted = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  'nodejs_version_info',
]

const secondsBuckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]

const setpointUnits = {
  W: { name: 'r_ems_setpoint_watts', help: 'Setpoint in force', factor: 1 },
  A: { name: 'r_ems_setpoint_amperes', help: 'Setpoint in force', factor: 1 },
  '%': { name: 'r_ems_setpoint_ratio', help: 'Setpoint in force, 1 is the rated value', factor: 0.01 },
} as const

/** Numbers are read from `numbers` when the page is asked for; only the cycle's timing is pushed. */
export function createMetrics(options: {
  version: string
  numbers(): MetricNumbers
  liveSockets(): number
  framesSkipped(): number
}): Metrics {
  const register = new Registry()
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 100 })
  for (const name of unwanted) register.removeSingleMetric(name)

  const registers = [register]
  const histogram = (name: string, help: string): Histogram<'grid'> =>
    new Histogram({ name, help, labelNames: ['grid'], buckets: secondsBuckets, registers })
  const duration = histogram('r_ems_cycle_duration_seconds', 'Compute time of a cycle')
  const lateness = histogram('r_ems_cycle_lateness_seconds', 'Start of a cycle after its deadline')
  const jitter = histogram('r_ems_cycle_jitter_seconds', 'Distance of two cycles less the period, without its sign')
  const counter = <L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> =>
    new Counter({ name, help, labelNames, registers })
  const gauge = <L extends string = never>(name: string, help: string, labelNames: L[] = []): Gauge<L> =>
    new Gauge({ name, help, labelNames, registers })

  gauge('r_ems_build_info', 'Always 1; the version is in the label', ['version']).set({ version: options.version }, 1)
  const cycles = counter('r_ems_cycles_total', 'Cycles completed', ['grid'])
  const overruns = counter('r_ems_cycle_overruns_total', 'Deadlines skipped because a cycle ran too long', ['grid'])
  const stepFailures = counter('r_ems_step_failures_total', 'Control steps that failed', ['grid'])
  const up = gauge('r_ems_device_up', '1 when the device answers', ['device', 'role'])
  const requests = counter('r_ems_device_requests_total', 'Requests sent to the device', ['device'])
  const failures = counter('r_ems_device_request_failures_total', 'Requests without a valid answer', ['device'])
  const power = gauge('r_ems_power_watts', 'Grid > 0 import, battery > 0 discharge; grid + pv + battery = load', [
    'flow',
  ])
  const soc = gauge('r_ems_battery_soc_ratio', 'State of charge of the battery')
  const setpoints = Object.entries(setpointUnits).map(([unit, { name, help, factor }]) => ({
    unit,
    factor,
    gauge: gauge(name, help, ['device', 'command']),
  }))
  const enabled = gauge('r_ems_control_enabled', '1 when automatic control is enabled')
  const dryRun = gauge('r_ems_control_dry_run', '1 when setpoints are recorded instead of sent')
  const queue = gauge('r_ems_storage_queue_records', 'Records that wait to be stored')
  const sockets = gauge('r_ems_live_sockets', 'Clients of the live socket')
  const skipped = counter('r_ems_live_frames_skipped_total', 'Frames that slow live clients missed')

  function collect(): void {
    const now = options.numbers()
    setTotal(skipped, options.framesSkipped())
    for (const metric of [cycles, overruns, stepFailures, up, requests, failures, power]) metric.reset()
    for (const { id, ...grid } of now.grids) {
      cycles.inc({ grid: id }, grid.cycles)
      overruns.inc({ grid: id }, grid.overruns)
      stepFailures.inc({ grid: id }, grid.failures)
    }
    for (const { id, role, ...device } of now.devices) {
      up.set({ device: id, role }, device.up ? 1 : 0)
      requests.inc({ device: id }, device.requests)
      failures.inc({ device: id }, device.failures)
    }
    const flows = { grid: now.gridW, pv: now.pvW, battery: now.batteryW, load: now.loadW }
    for (const [flow, watts] of Object.entries(flows)) if (watts !== undefined) power.set({ flow }, watts)
    // A reset would leave 0, which would be a lie about an unknown battery.
    if (now.batterySocPercent === undefined) soc.remove()
    else soc.set(now.batterySocPercent / 100)
    for (const { unit, factor, gauge } of setpoints) {
      gauge.reset()
      for (const { deviceId, command, value } of now.setpoints.filter((setpoint) => setpoint.unit === unit))
        gauge.set({ device: deviceId, command }, value * factor)
    }
    enabled.set(now.controlEnabled ? 1 : 0)
    dryRun.set(now.dryRun ? 1 : 0)
    queue.set(now.storageQueue)
    sockets.set(options.liveSockets())
  }

  return {
    observeCycle({ gridId, durationMs, latenessMs, jitterMs }) {
      duration.observe({ grid: gridId }, durationMs / 1000)
      lateness.observe({ grid: gridId }, Math.max(0, latenessMs) / 1000)
      jitter.observe({ grid: gridId }, jitterMs / 1000)
    },
    text() {
      collect()
      return register.metrics()
    },
    contentType: register.contentType,
  }
}

/** A counter that is kept elsewhere. */
function setTotal(counter: Counter, value: number): void {
  counter.reset()
  counter.inc(value)
}
