import type { SiteEvent } from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Clock } from '../domain/clock.ts'
import type { Calls, SampleColumns } from './calls.ts'
import type { StorageLimits } from './limits.ts'
import type { EventQuery, Sample, StorageNote } from './types.ts'

/** Most samples in one transaction. */
const batchSamples = 20_000
/** Pause after a failure. */
const retryMs = 5_000
/** Longest time without a write, which is also what housekeeping runs after. */
const idleMs = 30_000

/** Samples and events on their way to the worker: bounded, one write under way at a time. */
export interface HistoryQueue {
  addSamples(batch: readonly Sample[]): void
  addEvent(event: SiteEvent): void
  /** Sends what is queued unless a write is under way or has just failed. */
  tick(): void
  /** The worker has been opened again: no need to wait any longer. */
  retry(): void
  /** Resolves when everything queued so far is stored, rejects when it cannot be. */
  drain(): Promise<void>
  /** Events not known to be on the disk, in order. */
  unstored(query: EventQuery): SiteEvent[]
  queued(): number
  /** Samples, since start. */
  dropped(): number
  historyBytes(): number
}

export function createHistoryQueue(options: {
  clock: Clock
  limits: StorageLimits
  write(params: Calls['write']['params']): Promise<Calls['write']['result']>
  onStored(): void
  onFailure(error: EdgeError): void
  note(note: StorageNote): void
}): HistoryQueue {
  const { clock, limits, write, onStored, onFailure, note } = options
  let samples: Sample[] = []
  let events: SiteEvent[] = []
  let underWay: Promise<void> | undefined
  let retryAtMs = -Infinity
  let sentAtMs = -Infinity
  let dropped = 0
  let historyBytes = 0
  let gap: { count: number; fromMs: number; toMs: number } | undefined

  function bound(): void {
    const excess = samples.length - limits.queuedSamples
    if (excess > 0) {
      const lost = samples.splice(0, excess)
      dropped += lost.length
      const times = lost.map(({ atMs }) => atMs)
      gap ??= { count: 0, fromMs: Infinity, toMs: -Infinity }
      gap.count += lost.length
      gap.fromMs = times.reduce((a, b) => Math.min(a, b), gap.fromMs)
      gap.toMs = times.reduce((a, b) => Math.max(a, b), gap.toMs)
    }
    if (events.length > limits.queuedEvents) events.splice(0, events.length - limits.queuedEvents)
  }

  function tellGap(): void {
    if (!gap || samples.length > limits.queuedSamples / 2) return
    const { count, fromMs, toMs } = gap
    gap = undefined
    note({
      severity: 'warning',
      code: 'storage.gap',
      message: `${count} samples between ${new Date(fromMs).toISOString()} and ${new Date(toMs).toISOString()} were not stored`,
    })
  }

  async function send(): Promise<void> {
    sentAtMs = clock.monotonicMs()
    const batch = samples.splice(0, batchSamples)
    const told = events.slice()
    try {
      historyBytes = (await write({ samples: columns(batch), events: told, nowMs: clock.nowMs() })).historyBytes
      events = events.filter((event) => !told.includes(event))
      onStored()
      tellGap()
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error
      samples = batch.concat(samples)
      bound()
      retryAtMs = clock.monotonicMs() + retryMs
      onFailure(error)
      throw error
    }
  }

  function start(): Promise<void> {
    underWay ??= send().finally(() => {
      underWay = undefined
    })
    return underWay
  }

  return {
    addSamples(batch) {
      for (const sample of batch)
        if (Number.isFinite(sample.value) && Number.isFinite(sample.atMs)) samples.push(sample)
      bound()
    },
    addEvent(event) {
      events.push(event)
      bound()
    },
    tick() {
      const nowMs = clock.monotonicMs()
      if (underWay || nowMs < retryAtMs) return
      if (samples.length + events.length === 0 && nowMs - sentAtMs < idleMs) return
      // What went wrong has been reported.
      start().catch(() => undefined)
    },
    retry() {
      retryAtMs = -Infinity
    },
    async drain() {
      await underWay?.catch(() => undefined)
      while (samples.length + events.length > 0) await start()
    },
    unstored: ({ before = Infinity, deviceId, severity }) =>
      events.filter(
        (event) =>
          event.id < before &&
          (deviceId === undefined || event.deviceId === deviceId) &&
          (severity === undefined || event.severity === severity),
      ),
    queued: () => samples.length,
    dropped: () => dropped,
    historyBytes: () => historyBytes,
  }
}

function columns(samples: readonly Sample[]): SampleColumns {
  return {
    devices: samples.map(({ deviceId }) => deviceId),
    metrics: samples.map(({ metric }) => metric),
    atMs: Float64Array.from(samples, ({ atMs }) => atMs),
    values: Float64Array.from(samples, ({ value }) => value),
  }
}
