import type { Quirks } from '#contract/point-map.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Answer } from './pdu.ts'

/** How one unit has answered. Times in ms. */
export interface UnitStats {
  readonly requests: number
  /** Requests without a valid answer. */
  readonly failures: number
  readonly timeouts: number
  readonly crcErrors: number
  readonly exceptions: number
  /** Valid answers that came after they were given up. */
  readonly late: number
  readonly p50Ms?: number
  readonly p95Ms?: number
  /** Time allowed to the first byte at present. */
  readonly timeoutMs: number
  /** Wall-clock time of the last valid answer. */
  readonly lastAnswerAtMs?: number
  /** Why the unit is not being asked, while it is not. */
  readonly silent?: string
}

export interface UnitState {
  readonly unitId: number
  quirks: Quirks
  /** Requests under way. */
  inFlight: number
  timeoutMs(): number
  longestMs(): number
  /** True while only one request at a time may find out whether somebody answers. */
  probing(): boolean
  /** Why the unit must not be asked now, undefined when it may. */
  silentReason(nowMs: number): string | undefined
  /** Earliest time of the next request that the unit's gap allows. */
  readyAtMs: number
  sent(): void
  settled(answer: Answer, latencyMs: number, nowMs: number): void
  answeredLate(latencyMs: number): void
  /** A new connection: it may be asked again at once. */
  reconnected(): void
  stats(nowMs: number): UnitStats
}

const defaultTimeoutMs = 1000
const shortestTimeoutMs = 250
/** Adaptive timeouts begin after this many answers and are taken from the last `window`. */
const enoughSamples = 16
const window = 64
const firstBackOffMs = 500
const longestBackOffMs = 30_000
/** A unit that answered before is given one more try at once. */
const timeoutsUntilSilent = 2

export function createUnit(unitId: number, quirks: Quirks, clock: Clock): UnitState {
  const latencies = new Float64Array(window)
  let samples = 0
  let timeoutMs = Number.POSITIVE_INFINITY
  let timeoutsInARow = 0
  let alive = false
  let silentSinceMs: number | undefined
  let retryAtMs = 0
  let backOffMs = 0
  let requests = 0
  let failures = 0
  let timeouts = 0
  let crcErrors = 0
  let exceptions = 0
  let late = 0
  let lastAnswerMs: number | undefined

  const longestMs = (): number => unit.quirks.timeoutMs ?? defaultTimeoutMs

  const record = (latencyMs: number): void => {
    latencies[samples++ % window] = latencyMs
    if (samples < enoughSamples || samples % enoughSamples !== 0) return
    let worst = 0
    for (let i = 0; i < Math.min(samples, window); i++) worst = Math.max(worst, latencies[i]!)
    timeoutMs = Math.max(shortestTimeoutMs, 3 * worst + 20)
  }

  const noAnswer = (nowMs: number): void => {
    timeouts++
    timeoutsInARow++
    timeoutMs *= 2
    if (alive && timeoutsInARow < timeoutsUntilSilent) return
    alive = false
    silentSinceMs ??= nowMs
    backOffMs = Math.min(longestBackOffMs, Math.max(firstBackOffMs, 2 * backOffMs))
    retryAtMs = nowMs + backOffMs
  }

  const percentile = (sorted: Float64Array, share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!

  const unit: UnitState = {
    unitId,
    quirks,
    inFlight: 0,
    readyAtMs: Number.NEGATIVE_INFINITY,
    longestMs,
    timeoutMs: () => Math.min(timeoutMs, longestMs()),
    probing: () => !alive,
    silentReason(nowMs) {
      if (nowMs >= retryAtMs) return undefined
      const silentS = Math.round((nowMs - (silentSinceMs ?? nowMs)) / 1000)
      return `no answer for ${silentS} s, next attempt in ${Math.ceil((retryAtMs - nowMs) / 1000)} s`
    },
    sent() {
      requests++
      unit.inFlight++
    },
    settled(answer, latencyMs, nowMs) {
      unit.inFlight--
      const gapMs = unit.quirks.requestGapMs
      if (gapMs !== undefined) unit.readyAtMs = nowMs + gapMs
      if (answer.kind === 'failed') {
        failures++
        if (answer.failure === 'timeout') noAnswer(nowMs)
        else if (answer.failure === 'crc') crcErrors++
        return
      }
      if (answer.kind === 'exception') {
        exceptions++
        // The gateway speaks, the unit behind it does not.
        if (answer.code === 10 || answer.code === 11) {
          failures++
          return noAnswer(nowMs)
        }
      }
      record(latencyMs)
      alive = true
      timeoutsInARow = 0
      silentSinceMs = undefined
      retryAtMs = 0
      backOffMs = 0
      lastAnswerMs = nowMs
    },
    answeredLate(latencyMs) {
      late++
      timeoutMs = Math.max(timeoutMs, 1.5 * latencyMs)
    },
    reconnected() {
      retryAtMs = 0
    },
    stats(nowMs) {
      const sorted = latencies.slice(0, Math.min(samples, window)).toSorted()
      const silent = unit.silentReason(nowMs)
      return {
        requests,
        failures,
        timeouts,
        crcErrors,
        exceptions,
        late,
        timeoutMs: unit.timeoutMs(),
        ...(sorted.length > 0 ? { p50Ms: percentile(sorted, 0.5), p95Ms: percentile(sorted, 0.95) } : {}),
        ...(lastAnswerMs === undefined ? {} : { lastAnswerAtMs: clock.nowMs() - (nowMs - lastAnswerMs) }),
        ...(silent === undefined ? {} : { silent }),
      }
    },
  }
  return unit
}
