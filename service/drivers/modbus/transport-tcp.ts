import type { Clock } from '../../domain/clock.ts'
import { parseAnswer } from './answer.ts'
import { createMbapReader, encodeMbap, mbapLength } from './mbap.ts'
import { failed, type Answer } from './pdu.ts'
import { createTimer } from './timer.ts'
import type { Exchange, Transport, TransportEvents } from './transport.ts'
import type { Wire } from './wire.ts'

export interface TcpTransportOptions {
  readonly wire: Wire
  readonly clock: Clock
  readonly events: TransportEvents
  /** First transaction ID, so that a new connection does not repeat those of the one before. */
  readonly firstTransactionId: number
  /** The stream is not Modbus TCP (any more); it was closed and all exchanges under way are settled. */
  broken(reason: string): void
}

interface Pending {
  readonly exchange: Exchange
  dueMs: number
  remark: string
}

/** A frame whose beginning has come may take this long between two chunks, and this long in all after its deadline. */
const chunkGapMs = 100
const frameExtensionMs = 1000
/** Given up transactions remembered, to know their late answers from foreign ones. */
const rememberedLate = 64

/** Modbus TCP: answers are matched by transaction ID, so several requests may be under way at once. */
export function createTcpTransport(options: TcpTransportOptions): Transport {
  const { wire, clock, events, firstTransactionId } = options
  let nextId = firstTransactionId & 0xffff
  const pending = new Map<number, Pending>()
  const givenUp = new Map<number, Exchange>()
  let lastByteMs = 0
  let sweepMs = Number.POSITIVE_INFINITY
  let closed = false

  const reader = createMbapReader({ frame: accept, lost: (reason) => fail(`no Modbus TCP: ${reason}`) })
  // One turn of the event loop later, so that an answer that waits in the socket while this process was busy counts.
  const timer = createTimer(clock, () => setImmediate(sweep))

  function accept(bytes: Buffer, at: number, end: number): void {
    const id = (bytes[at]! << 8) | bytes[at + 1]!
    const unitId = bytes[at + 6]!
    const waiting = pending.get(id)
    const right = waiting !== undefined && (unitId === waiting.exchange.unitId || waiting.exchange.anyUnit)
    events.tap?.({
      direction: right ? 'received' : 'discarded',
      bytes: Buffer.from(bytes.subarray(at, end)),
    })
    if (right) {
      pending.delete(id)
      const answer =
        pending.size > 0 && holdsAnother(bytes, at + mbapLength, end)
          ? failed('garbled', 'the answer was cut short: the next one stands in it', true)
          : parseAnswer(waiting.exchange.request, bytes, at + mbapLength, end)
      events.settled(waiting.exchange, answer, lastByteMs)
      return
    }
    events.discarded()
    if (waiting) {
      waiting.remark = ` (an answer of unit ${unitId} was discarded)`
      return
    }
    const late = givenUp.get(id)
    if (!late || late.unitId !== unitId) return
    givenUp.delete(id)
    events.late(unitId, clock.monotonicMs() - late.sentAtMs)
  }

  /** Whether the header of another answer that is waited for stands among the data. */
  function holdsAnother(bytes: Buffer, from: number, end: number): boolean {
    for (let at = from; at + mbapLength <= end; at++) {
      if (bytes[at + 2] !== 0 || bytes[at + 3] !== 0 || bytes[at + 4] !== 0 || bytes[at + 5]! < 3) continue
      const other = pending.get((bytes[at]! << 8) | bytes[at + 1]!)
      if (other && bytes[at + 6] === other.exchange.unitId) return true
    }
    return false
  }

  function sweep(): void {
    if (closed) return
    const nowMs = clock.monotonicMs()
    const arriving = reader.partial && nowMs - lastByteMs < chunkGapMs
    sweepMs = Number.POSITIVE_INFINITY
    for (const [id, entry] of pending) {
      const dueMs = arriving ? Math.min(lastByteMs + chunkGapMs, entry.dueMs + frameExtensionMs) : entry.dueMs
      if (dueMs > nowMs) {
        sweepAt(Math.max(dueMs, entry.dueMs))
        continue
      }
      pending.delete(id)
      giveUp(id, entry.exchange)
      events.settled(
        entry.exchange,
        failed('timeout', `no answer in ${waitedMs(entry, nowMs)} ms${entry.remark}`, true),
        nowMs,
      )
    }
  }

  function sweepAt(dueMs: number): void {
    if (dueMs >= sweepMs) return
    sweepMs = dueMs
    timer.at(dueMs)
  }

  function waitedMs(entry: Pending, nowMs: number): number {
    return Math.round(nowMs - entry.exchange.sentAtMs)
  }

  function giveUp(id: number, exchange: Exchange): void {
    givenUp.set(id, exchange)
    if (givenUp.size <= rememberedLate) return
    for (const oldest of givenUp.keys()) {
      givenUp.delete(oldest)
      return
    }
  }

  function end(answer: Answer): void {
    closed = true
    timer.stop()
    const left = [...pending.values()]
    pending.clear()
    for (const { exchange } of left) events.settled(exchange, answer, clock.monotonicMs())
  }

  function fail(reason: string): void {
    if (closed) return
    wire.close()
    end(failed('closed', reason, true))
    options.broken(reason)
  }

  return {
    send(exchange, nowMs) {
      const id = nextId
      const frame = encodeMbap(id, exchange.unitId, exchange.request)
      wire.send(frame)
      nextId = (id + 1) & 0xffff
      exchange.frame = frame
      exchange.sentAtMs = nowMs
      const dueMs = exchange.sentAtMs + exchange.timeoutMs
      givenUp.delete(id)
      pending.set(id, { exchange, dueMs, remark: '' })
      sweepAt(dueMs)
      events.tap?.({ direction: 'sent', bytes: frame })
    },
    flush() {
      if (!closed) wire.flush()
    },
    waitMs: () => 0,
    receive(chunk) {
      if (closed) return
      if (pending.size > 0) lastByteMs = clock.monotonicMs()
      reader.push(chunk)
    },
    close(reason) {
      if (closed) return
      wire.close()
      end(failed('closed', reason, true))
    },
    preview: (unitId, requests) => requests.map((request, i) => encodeMbap((nextId + i) & 0xffff, unitId, request)),
  }
}
