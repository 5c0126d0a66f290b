import type { Clock } from '../../domain/clock.ts'
import { parseAnswer } from './answer.ts'
import { failed, type Answer, type ModbusRequest } from './pdu.ts'
import { encodeRtu, findRtuAnswer } from './rtu-frame.ts'
import { createTimer } from './timer.ts'
import type { Exchange, Transport, TransportEvents } from './transport.ts'
import type { Wire } from './wire.ts'

export interface RtuTransportOptions {
  readonly wire: Wire
  readonly clock: Clock
  readonly events: TransportEvents
  /** Duration of one character on the line, in ms; 0 when the line is behind a socket. */
  readonly characterMs: number
}

interface Late {
  readonly request: ModbusRequest
  readonly sentAtMs: number
  untilMs: number
  lastCall: boolean
}

/** An answer under way may pause this long: USB adapters and gateways hand over in chunks. */
const chunkGapMs = 100
/** Whole answer after its first byte, at least. */
const frameMs = 1000
/** Quiet after a damaged answer before it is given up: more of it may come. */
const quietMs = 20
/** What came while this process was busy is read in this time, before a late answer is no longer expected. */
const lastCallMs = 5
/** A wait shorter than `steppedMs` is cut into steps: where one ends late, this process did not run, and that is no silence. */
const steppedMs = 250
const stepMs = 10
const lateStepMs = 5
const bufferSize = 1024

/**
 * Modbus RTU over any byte stream: one request at a time, the answer found by its length rule and CRC wherever it
 * stands between noise, echoes and foreign frames.
 */
export function createRtuTransport({ wire, clock, events, characterMs }: RtuTransportOptions): Transport {
  const bytes = Buffer.alloc(bufferSize)
  let held = 0
  let current: Exchange | undefined
  let dueMs = 0
  let wakeMs = 0
  let firstByteMs: number | undefined
  let lastActiveMs = Number.NEGATIVE_INFINITY
  let closed = false
  /** The adapter hears itself: known from a request that no answer can look like. */
  let echoes = false
  const late = new Map<number, Late>()
  const silenceMs = interFrameMs(characterMs)

  const timer = createTimer(clock, () => setImmediate(onDue))

  function append(chunk: Buffer): void {
    const take = Math.min(chunk.length, bufferSize)
    if (held + take > bufferSize) {
      const keep = bufferSize - take
      bytes.copyWithin(0, held - keep, held)
      held = keep
    }
    chunk.copy(bytes, held, chunk.length - take)
    held += take
  }

  /** Where the answer can begin: behind the echo of the request, when there is one. */
  function afterEcho(exchange: Exchange, frame: Buffer): number {
    if (held < frame.length || frame.compare(bytes, 0, frame.length) !== 0) return 0
    if (!sameAsAnswer(exchange.request.fn)) echoes = true
    if (echoes) exchange.echoed = true
    return echoes ? frame.length : 0
  }

  function search(final: boolean): void {
    const exchange = current!
    const from = afterEcho(exchange, exchange.frame!)
    const nowMs = clock.monotonicMs()
    const result = findRtuAnswer(exchange.unitId, exchange.request, bytes, from, held, final)
    if (result.found === 'frame') {
      if (from === 0 && !sameAsAnswer(exchange.request.fn)) echoes = false
      // Without a known echo, a whole frame that equals the request is the answer; with one, it is only the echo.
      const answer = parseAnswer(exchange.request, bytes, result.at + 1, result.end - 2)
      return finish(answer, result.at, result.end)
    }
    if (final) {
      const waitedMs = Math.round(nowMs - exchange.sentAtMs)
      if (result.found === 'nothing' && result.crcError) return finish(failed('crc', 'CRC error', true))
      if (held > from) return finish(failed('garbled', `only noise in ${waitedMs} ms`, true))
      late.set(exchange.unitId, {
        request: exchange.request,
        sentAtMs: exchange.sentAtMs,
        untilMs: nowMs + exchange.longestMs,
        lastCall: false,
      })
      return finish(failed('timeout', `no answer in ${waitedMs} ms`, true))
    }
    if (result.found === 'partial') {
      firstByteMs ??= nowMs
      const left = result.length === 0 ? 0 : result.length - (held - result.at)
      const limitMs = firstByteMs + Math.max(frameMs, 3 * 256 * characterMs)
      dueMs = Math.min(nowMs + left * characterMs + chunkGapMs, limitMs)
    } else if (result.crcError) {
      dueMs = Math.min(dueMs, nowMs + Math.max(quietMs, silenceMs))
    }
    wait(exchange, nowMs)
  }

  function wait({ timeoutMs }: Exchange, nowMs: number): void {
    wakeMs = timeoutMs < steppedMs ? Math.min(dueMs, nowMs + stepMs) : dueMs
    timer.at(wakeMs)
  }

  function onDue(): void {
    if (!current || closed) return
    const nowMs = clock.monotonicMs()
    const lostMs = nowMs - wakeMs
    if (current.timeoutMs < steppedMs && lostMs > lateStepMs) {
      const latestMs = Math.max(dueMs, current.sentAtMs + current.longestMs)
      dueMs = Math.min(dueMs + lostMs, latestMs)
    }
    if (nowMs < dueMs - 0.5) wait(current, nowMs)
    else search(true)
  }

  function finish(answer: Answer, at = 0, end = 0): void {
    const exchange = current!
    current = undefined
    timer.clear()
    if (end > 0) {
      events.tap?.({ direction: 'received', bytes: Buffer.from(bytes.subarray(at, end)) })
      if (at > 0 && !echoes) dropped(0, at)
    }
    if (held > end) dropped(end, held)
    held = 0
    events.settled(exchange, answer, clock.monotonicMs())
  }

  function dropped(from: number, to: number): void {
    events.discarded()
    events.tap?.({ direction: 'discarded', bytes: Buffer.from(bytes.subarray(from, to)) })
  }

  /** Bytes while nothing is under way: perhaps an answer that was given up. */
  function stray(): void {
    for (const [unitId, entry] of late) {
      if (findRtuAnswer(unitId, entry.request, bytes, 0, held, true).found !== 'frame') continue
      late.delete(unitId)
      dropped(0, held)
      held = 0
      events.late(unitId, clock.monotonicMs() - entry.sentAtMs)
      return
    }
  }

  /** How long the answer to an earlier request could still pass for the answer to this one. */
  function lateWaitMs({ unitId, request }: Exchange, nowMs: number): number {
    const entry = late.get(unitId)
    if (!entry) return 0
    if (entry.untilMs <= nowMs) {
      if (entry.lastCall) {
        late.delete(unitId)
        return 0
      }
      entry.lastCall = true
      entry.untilMs = nowMs + lastCallMs
    }
    return mistakable(entry.request, request) ? entry.untilMs - nowMs : 0
  }

  function end(reason: string): void {
    closed = true
    timer.stop()
    wire.close()
    if (current) finish(failed('closed', reason, true))
  }

  return {
    send(exchange, nowMs) {
      const frame = encodeRtu(exchange.unitId, exchange.request)
      wire.send(frame)
      if (held > 0) dropped(0, held)
      held = 0
      current = exchange
      firstByteMs = undefined
      exchange.frame = frame
      exchange.sentAtMs = nowMs
      lastActiveMs = exchange.sentAtMs + frame.length * characterMs
      dueMs = lastActiveMs + exchange.timeoutMs
      wait(exchange, nowMs)
      events.tap?.({ direction: 'sent', bytes: frame })
    },
    flush() {
      if (!closed) wire.flush()
    },
    waitMs(exchange, nowMs) {
      return Math.max(0, lastActiveMs + silenceMs - nowMs, lateWaitMs(exchange, nowMs))
    },
    receive(chunk) {
      if (closed) return
      lastActiveMs = clock.monotonicMs()
      append(chunk)
      if (current) search(false)
      else stray()
    },
    close(reason) {
      if (!closed) end(reason)
    },
    preview: (unitId, requests) => requests.map((request) => encodeRtu(unitId, request)),
  }
}

/** Silence between frames: 3.5 characters, fixed 1.75 ms above 19200 baud (Modbus over Serial Line V1.02, 2.5.1.1). */
function interFrameMs(characterMs: number): number {
  const charactersPerS = characterMs === 0 ? 0 : 1000 / characterMs
  return charactersPerS > 2000 ? 1.75 : 3.5 * characterMs
}

/** Functions whose answer repeats the request. */
function sameAsAnswer(fn: number): boolean {
  return fn === 5 || fn === 6 || fn === 8
}

/** RTU answers carry no address: one that comes late would pass for the answer to another read of equal size. */
function mistakable(before: ModbusRequest, next: ModbusRequest): boolean {
  if (before.fn > 4 || before.fn !== next.fn || !('count' in before) || !('count' in next)) return false
  const size = (count: number): number => (before.fn <= 2 ? (count + 7) >> 3 : count)
  return size(before.count) === size(next.count) && before.address !== next.address
}
