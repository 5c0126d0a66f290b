import type { CheckRestored, CheckRun, TraceLane } from '#contract/checks.ts'
import type { CommandName } from '#contract/point-map.ts'
import { withMeasured } from '../../commissioning/checks/measure.ts'
import type { SiteModel } from '../../domain/site-model.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'
import { borrow, type Borrowed, type BorrowParts } from './borrow.ts'
import { createProbe, type Probe } from './probe.ts'
import { CheckEnd, type CheckTiming, type Lane, type Session, type WantedLane } from './session.ts'

/** Samples of one lane; a trace that would grow beyond is thinned. */
const mostSamples = 3_600
const mostWrites = 400
const mostCommandSteps = 400

export interface RunParts extends BorrowParts {
  readonly timing: CheckTiming
  overlayModel(overlay: ((model: SiteModel) => SiteModel) | undefined): void
}

/** One run under way: its record, and the session that fills it. */
export interface RunningCheck {
  readonly session: Session
  /** Aborts the session; the first reason holds. */
  end(reason: CheckEnd): void
  /** Why it was ended from outside, or undefined. */
  endedBy(): CheckEnd | undefined
  /** Puts everything back. */
  finish(withinMs: number): Promise<CheckRestored[]>
  /** Devices that are borrowed now. */
  borrowed(): readonly string[]
}

/** `record` is filled while it runs; `changed` is called after each change. */
export function startRun(
  parts: RunParts,
  options: {
    record: CheckRun
    principal: string
    durationS: number
    armed(): boolean
    changed(): void
    proven: Session['proven']
    lend(deviceId: string): void
    takeBack(deviceId: string): void
  },
): RunningCheck {
  const { clock, timing } = parts
  const { record, changed } = options
  const stop = new AbortController()
  const lanes: Promise<unknown>[] = []
  const hands: Borrowed[] = []
  const startMs = clock.monotonicMs()
  let overlaid = false

  const tMs = (monotonicMs = clock.monotonicMs()): number => Math.round(monotonicMs - startMs)
  const end = (reason: CheckEnd): void => stop.abort(reason)
  const endedBy = (): CheckEnd | undefined =>
    stop.signal.aborted && stop.signal.reason instanceof CheckEnd ? stop.signal.reason : undefined

  function addLane(about: Omit<TraceLane, 'samples'>): TraceLane {
    const lane: TraceLane = { ...about, samples: [] }
    if (record.trace.lanes.length < 6) record.trace.lanes.push(lane)
    return lane
  }

  function add(lane: TraceLane, value: number, atMs: number): void {
    // Every other one is enough of what is long ago.
    if (lane.samples.length >= mostSamples) lane.samples = lane.samples.filter((_sample, index) => index % 2 === 0)
    lane.samples.push({ tMs: atMs, value })
  }

  async function sample(probe: Probe, held: readonly TraceLane[], signal: AbortSignal): Promise<void> {
    const newest = new Map<TraceLane, { lastMs: number; heardMs: number }>(
      held.map((lane) => [lane, { lastMs: -Infinity, heardMs: clock.monotonicMs() }]),
    )
    for (;;) {
      const askedMs = clock.monotonicMs()
      const readings = await probe.read()
      signal.throwIfAborted()
      const nowMs = clock.monotonicMs()
      for (const [lane, seen] of newest) {
        const reading = readings.get(lane.point)
        if (reading?.quality === 'good' && typeof reading.value === 'number' && reading.monotonicMs > seen.lastMs) {
          newest.set(lane, { lastMs: reading.monotonicMs, heardMs: nowMs })
          add(lane, reading.value, tMs(reading.monotonicMs))
        } else if (nowMs - seen.heardMs > timing.silentMs) {
          const forS = Math.round((nowMs - seen.heardMs) / 1000)
          return end(new CheckEnd('no-answer', `${lane.deviceName} has not shown ${lane.point} for ${forS} s`))
        }
      }
      changed()
      // At most half of the time of a line.
      await clock.sleep(Math.max(timing.sampleMs - (nowMs - askedMs), nowMs - askedMs, 1), signal)
    }
  }

  async function watch(probe: Probe, held: readonly TraceLane[], signal: AbortSignal): Promise<void> {
    try {
      await sample(probe, held, signal)
    } catch (error) {
      if (!signal.aborted) end(new CheckEnd('internal', String(error), { cause: error }))
    } finally {
      await probe[Symbol.asyncDispose]()
    }
  }

  function startLanes(entry: SiteDeviceEntry, wanted: readonly WantedLane[]): readonly Lane[] {
    const points = entry.device.points()
    const held = wanted.map(({ key, point }) => {
      const { unit = '' } = points.find(({ name }) => name === point) ?? {}
      return addLane({ key, deviceId: entry.config.id, deviceName: entry.config.name, point, unit })
    })
    const probe = createProbe(
      parts,
      entry,
      wanted.map(({ point }) => point),
    )
    const over = new AbortController()
    const signal = AbortSignal.any([over.signal, stop.signal])
    const ended = probe ? watch(probe, held, signal) : Promise.resolve()
    lanes.push(ended)
    return held.map((lane) => ({
      get samples() {
        return lane.samples
      },
      stop: () => over.abort(),
    }))
  }

  const session: Session = {
    clock,
    timing,
    signal: stop.signal,
    durationS: options.durationS,
    tMs: () => tMs(),
    sleep: (ms) => clock.sleep(ms, stop.signal),
    lanes: startLanes,
    note(key, entry, point, unit) {
      const held = addLane({ key, deviceId: entry.config.id, deviceName: entry.config.name, point, unit })
      return (value) => {
        add(held, value, tMs())
        changed()
      }
    },
    async borrow(entry, command: CommandName) {
      stop.signal.throwIfAborted()
      options.lend(entry.config.id)
      try {
        const hand = await borrow(parts, entry, command, {
          runId: record.id,
          principal: options.principal,
          armed: options.armed,
          signal: stop.signal,
          tMs: () => tMs(),
          wrote: session.wrote,
          told: session.told,
          fail: end,
        })
        hands.push(hand)
        return hand
      } catch (error) {
        options.takeBack(entry.config.id)
        throw error
      }
    },
    overlayModel(overlay) {
      overlaid = true
      parts.overlayModel(overlay)
    },
    measured(key, value) {
      record.measures = withMeasured(record.measures, key, value)
      changed()
    },
    expects(measures) {
      record.measures = [...measures]
      changed()
    },
    band(low, high) {
      record.trace.band = { low, high }
    },
    marks(marks) {
      record.trace.marks = [...record.trace.marks, ...marks].slice(0, 40)
    },
    told(value, atMs = tMs()) {
      if (record.trace.command.length < mostCommandSteps) record.trace.command.push({ tMs: atMs, value })
      changed()
    },
    proven: options.proven,
    wrote(write) {
      if (record.writes.length < mostWrites) record.writes.push(write)
      changed()
    },
  }

  return {
    session,
    end,
    endedBy,
    borrowed: () => hands.map(({ entry }) => entry.config.id),
    async finish(withinMs) {
      if (overlaid) parts.overlayModel(undefined)
      const restored = await Promise.all(hands.map((hand) => hand.giveBack(withinMs)))
      for (const { entry } of hands) options.takeBack(entry.config.id)
      stop.abort(new CheckEnd('none', 'it is over'))
      await Promise.all(lanes)
      return restored
    },
  }
}
