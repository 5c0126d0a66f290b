import type { BusHealth, Hint, UnitHealth } from '#contract/health.ts'
import { minutesKept } from '#contract/health-limits.ts'
import { crc16 } from '../../drivers/modbus/crc.ts'
import { type AnswerTimes, createAnswerTimes } from './answer-times.ts'
import { hintsOf, type LengthCounts, type LineEvidence } from './hints.ts'
import { createBusyTime, createMinutes, minuteAt, type Minutes } from './minutes.ts'

/** What became of one request. */
export type Ending = 'answered' | 'exception' | 'crc' | 'garbled' | 'timeout'

/** One request that went out, and what became of it. Times are monotonic. */
export interface Exchange {
  readonly unitId: number
  readonly ending: Ending
  readonly sentAtMs: number
  readonly endedAtMs: number
  readonly requestBytes: number
  /** That the answer has or would have had; undefined where nobody knows. */
  readonly answerBytes: number | undefined
  /** The request came back before the answer. */
  readonly echoed: boolean
}

/** The speed of a serial line. */
export interface LineSpeed {
  readonly characterMs: number
  /** Between frames. */
  readonly silenceMs: number
}

type Counts = Pick<UnitHealth, 'requests' | 'answered' | 'exceptions' | 'crcErrors' | 'garbled' | 'timeouts'>

interface Unit {
  readonly counts: Counts
  readonly times: AnswerTimes
  readonly minutes: Minutes
  readonly lengths: { readonly short: LengthCounts; readonly long: LengthCounts }
  /** Of answered requests, for the efficiency. */
  wireMs: number
  tookMs: number
  timed: number
  turnaroundMs: number
}

export interface LineHealth {
  exchanged(exchange: Exchange): void
  /** Bytes that were no answer, while a request was under way or not. */
  noise(bytes: Uint8Array, underWay: boolean): void
  read(nowMs: number): Omit<BusHealth, 'bus' | 'line' | 'sinceMs' | 'firstMinuteMs' | 'discarded' | 'units'> & {
    units: Omit<UnitHealth, 'devices'>[]
    firstMinute: number
    hints: Hint[]
  }
}

/** Answers up to so many bytes count as short, from `longBytes` on as long. */
const shortBytes = 16
const longBytes = 48
const minuteMs = 60_000
const mostUnits = 256

/** Counts how one line answers. Its memory has a bound: 256 units, an hour of minutes. `startMs` is monotonic. */
export function createLineHealth(startMs: number, speed: LineSpeed | undefined): LineHealth {
  const counts = noCounts()
  const units = new Map<number, Unit>()
  const minutes = createMinutes()
  const busy = createBusyTime()
  const noiseCounts = { bytes: 0, flat: 0, besideAnswers: 0, secondAnswers: new Map<number, number>() }
  let echoes = 0
  let noiseNow = { bytes: 0, flat: 0 }

  function unitOf(unitId: number): Unit | undefined {
    let unit = units.get(unitId)
    if (!unit && units.size < mostUnits) {
      unit = {
        counts: noCounts(),
        times: createAnswerTimes(),
        minutes: createMinutes(),
        lengths: { short: noLengths(), long: noLengths() },
        wireMs: 0,
        tookMs: 0,
        timed: 0,
        turnaroundMs: Number.POSITIVE_INFINITY,
      }
      units.set(unitId, unit)
    }
    return unit
  }

  function addTime(unit: Unit, { sentAtMs, endedAtMs, requestBytes, answerBytes }: Exchange): void {
    const tookMs = endedAtMs - sentAtMs
    unit.times.add(tookMs)
    if (!speed || answerBytes === undefined) return
    const wireMs = (requestBytes + answerBytes) * speed.characterMs
    unit.wireMs += wireMs
    unit.tookMs += tookMs
    unit.timed += 1
    unit.turnaroundMs = Math.min(unit.turnaroundMs, Math.max(0, tookMs - wireMs))
  }

  /** Least time against measured time, with the device as fast as it ever was. */
  function efficiency(): number | undefined {
    if (!speed) return undefined
    let leastMs = 0
    let tookMs = 0
    for (const unit of units.values()) {
      if (unit.timed === 0) continue
      leastMs += unit.wireMs + unit.timed * (unit.turnaroundMs + speed.silenceMs)
      tookMs += unit.tookMs + unit.timed * speed.silenceMs
    }
    return tookMs > 0 ? share(leastMs, tookMs) : undefined
  }

  function evidence(): LineEvidence {
    return {
      ...counts,
      echoes,
      noiseBytes: noiseCounts.bytes,
      flatBytes: noiseCounts.flat,
      besideAnswers: noiseCounts.besideAnswers,
      units: [...units].map(([unitId, unit]) => ({
        unitId,
        ...unit.counts,
        ...unit.lengths,
        secondAnswers: noiseCounts.secondAnswers.get(unitId) ?? 0,
      })),
    }
  }

  return {
    exchanged(exchange) {
      const { unitId, ending, sentAtMs, endedAtMs, answerBytes, echoed } = exchange
      const unit = unitOf(unitId)
      const { bytes, flat } = noiseNow
      noiseNow = { bytes: 0, flat: 0 }
      busy.add(sentAtMs, endedAtMs)
      count(counts, ending)
      tick(minutes, endedAtMs, ending)
      if (echoed) echoes += 1
      const right = ending === 'answered' || ending === 'exception'
      // One or two flat bytes beside a right answer are what a line does that nobody holds.
      if (right && bytes > 0 && bytes <= 3 && flat === bytes) noiseCounts.besideAnswers += 1
      if (!unit) return
      count(unit.counts, ending)
      tick(unit.minutes, endedAtMs, ending)
      if (right) addTime(unit, exchange)
      const length = answerBytes === undefined ? undefined : lengthOf(unit, answerBytes)
      if (!length || ending === 'exception') return
      length.requests += 1
      if (ending === 'timeout') length.timeouts += 1
      else if (ending !== 'answered') length.damaged += 1
    },
    noise(bytes, underWay) {
      const flat = bytes.reduce((sum, byte) => sum + (byte === 0 || byte === 0xff ? 1 : 0), 0)
      noiseCounts.bytes += bytes.length
      noiseCounts.flat += flat
      if (underWay) noiseNow = { bytes: noiseNow.bytes + bytes.length, flat: noiseNow.flat + flat }
      const unitId = wholeFrame(bytes)
      if (unitId !== undefined && units.has(unitId))
        noiseCounts.secondAnswers.set(unitId, (noiseCounts.secondAnswers.get(unitId) ?? 0) + 1)
    },
    read(nowMs) {
      const last = minuteAt(nowMs)
      const firstMinute = Math.max(minuteAt(startMs), last - minutesKept + 1)
      const busyMs = busy.read(firstMinute, last)
      const keptFromMs = Math.max(startMs, firstMinute * minuteMs)
      const lengthMs = (minute: number): number =>
        Math.min(nowMs, (minute + 1) * minuteMs) - Math.max(startMs, minute * minuteMs)
      const efficiencyPercent = efficiency()
      return {
        ...counts,
        echoes,
        loadPercent: share(
          busyMs.reduce((sum, one) => sum + one, 0),
          nowMs - keptFromMs,
        ),
        ...(efficiencyPercent === undefined ? {} : { efficiencyPercent }),
        firstMinute,
        minutes: minutes
          .read(firstMinute, last)
          .map((minute, index) => ({ ...minute, loadPercent: share(busyMs[index]!, lengthMs(firstMinute + index)) })),
        units: [...units]
          .toSorted(([a], [b]) => a - b)
          .map(([unitId, unit]) => ({
            unitId,
            ...unit.counts,
            ...unit.times.read(),
            minutes: unit.minutes.read(firstMinute, last),
          })),
        hints: hintsOf(evidence()),
      }
    },
  }
}

const noCounts = (): Counts => ({ requests: 0, answered: 0, exceptions: 0, crcErrors: 0, garbled: 0, timeouts: 0 })
const noLengths = (): LengthCounts => ({ requests: 0, damaged: 0, timeouts: 0 })

function count(counts: Counts, ending: Ending): void {
  counts.requests += 1
  if (ending === 'timeout') counts.timeouts += 1
  else if (ending === 'crc') counts.crcErrors += 1
  else if (ending === 'garbled') counts.garbled += 1
  else counts.answered += 1
  if (ending === 'exception') counts.exceptions += 1
}

function tick(minutes: Minutes, atMs: number, ending: Ending): void {
  minutes.add(atMs, 'requests')
  if (ending === 'timeout') minutes.add(atMs, 'timeouts')
  else if (ending === 'crc' || ending === 'garbled') minutes.add(atMs, 'damaged')
}

function lengthOf({ lengths }: Unit, answerBytes: number): LengthCounts | undefined {
  if (answerBytes <= shortBytes) return lengths.short
  return answerBytes >= longBytes ? lengths.long : undefined
}

/** The unit whose answer these bytes begin with. */
function wholeFrame(bytes: Uint8Array): number | undefined {
  const [unitId, fn, size] = bytes
  if (unitId === undefined || fn === undefined || size === undefined) return undefined
  const length = fn & 0x80 ? 5 : fn >= 1 && fn <= 4 ? 5 + size : 8
  // Over a frame with its checksum it is 0.
  return length <= bytes.length && crc16(bytes, 0, length) === 0 ? unitId : undefined
}

/** In percent, 0..100. */
const share = (part: number, whole: number): number =>
  whole > 0 ? Math.min(100, Math.max(0, (100 * part) / whole)) : 0
