import type { Quirks } from '#contract/point-map.ts'
import type { Access } from './access.ts'
import { combineQuirks } from './bus-quirks.ts'
import type { BusOptions, BusStats, SettledExchange } from './bus.ts'
import { createConnection } from './connection.ts'
import { failed, type Answer, type ModbusRequest } from './pdu.ts'
import { createQueue, type Priority, type Queued } from './queue.ts'
import { createTimer } from './timer.ts'
import type { Exchange, TransportEvents } from './transport.ts'
import { createUnit, type UnitState, type UnitStats } from './unit.ts'
import type { FrameEvent } from './wire.ts'

/** One request from its submission to its answer. */
export interface Entry extends Exchange, Queued {
  readonly unit: UnitState
  /** May be lost without a word, as the first request of a connection. */
  expendable: boolean
  /** Time to the first byte of a look whether anybody is there, in ms; silence is no failure then. */
  readonly probeMs: number | undefined
  resolve(answer: Answer): void
  reject(error: unknown): void
}

const queueLimit = 2048
/** Unanswered requests in a row after which a connection counts as half-open, and an adapter as stuck. */
const timeoutsUntilHalfOpen = 3
/** Most time allowed to a request that is expected to be lost. */
const expendableMs = 500

export type BusCore = ReturnType<typeof createBusCore>

/** The queue of one bus: who is asked when, over a connection that comes and goes. */
export function createBusCore({ address, clock, openSerial, connectTimeoutMs }: BusOptions, access: Access) {
  const queue = createQueue<Entry>()
  const units = new Map<number, UnitState>()
  const taps = new Set<(event: FrameEvent) => void>()
  const watchers = new Set<(exchange: SettledExchange) => void>()
  let rules = combineQuirks([])
  let inFlight = 0
  let readyAtMs = Number.NEGATIVE_INFINITY
  let wakeMs = Number.POSITIVE_INFINITY
  let idleSinceMs = 0
  let timeoutsInARow = 0
  /** A dead unit among living ones is no reason to doubt the connection; one that fell silent, or silence from the start, is. */
  let doubtful = true
  let firstPending = false
  let flushing = false
  let disposed = false
  /** Why nobody may use the bus now, with what waits for the last answer under way. */
  let lent: { readonly reason: string; idle(): void } | undefined
  let discarded = 0
  let pumpedAtMs = 0
  let pumping = false
  let lostReason: string | undefined

  // One turn of the event loop later, so that what waits to be received is received first.
  const timer = createTimer(clock, () => setImmediate(() => releaseIfIdle() || pump()))

  const transportEvents: TransportEvents = {
    settled: (exchange, answer, nowMs) => settled(exchange as Entry, answer, nowMs),
    late: (unitId, latencyMs) => units.get(unitId)?.answeredLate(latencyMs),
    discarded: () => void discarded++,
    tap: undefined,
  }

  const connection = createConnection({
    address,
    access,
    clock,
    openSerial,
    connectTimeoutMs,
    transportEvents,
    opened() {
      lostReason = undefined
      timeoutsInARow = 0
      doubtful = true
      firstPending = rules.firstAnswerLost
      readyAtMs = clock.monotonicMs() + rules.connectDelayMs
      for (const unit of units.values()) unit.reconnected()
      pump()
    },
    lost(reason) {
      lostReason = reason
      // What was not sent yet is not lost with a connection that may be opened again at once.
      if (connection.refusal(clock.monotonicMs()) === undefined && queue.size > 0)
        return connection.open(rules.rtuFrames)
      for (const entry of queue.drain()) entry.resolve(failed('closed', reason, false))
    },
  })

  function attach(unitId: number, quirks: Quirks = {}): UnitState {
    let unit = units.get(unitId)
    if (unit) unit.quirks = { ...unit.quirks, ...quirks }
    else units.set(unitId, (unit = createUnit(unitId, quirks, clock)))
    rules = combineQuirks([...units.values()].map((entry) => entry.quirks))
    return unit
  }

  function entry(unit: UnitState, request: ModbusRequest, priority: Priority, probeMs?: number): Entry {
    return {
      unit,
      unitId: unit.unitId,
      anyUnit: unit.quirks.ignoresUnitId === true,
      request,
      priority,
      queuedAtMs: 0,
      timeoutMs: 0,
      longestMs: unit.longestMs(),
      sentAtMs: 0,
      frame: undefined,
      echoed: false,
      expendable: false,
      probeMs,
      resolve: ignore,
      reject: ignore,
    }
  }

  function submit(entry: Entry, signal: AbortSignal | undefined): Promise<Answer> {
    const nowMs = clock.monotonicMs()
    const refusal = refuse(entry, nowMs, signal)
    if (refusal) return Promise.resolve(refusal)
    return new Promise((resolve, reject) => {
      entry.queuedAtMs = nowMs
      entry.resolve = resolve
      entry.reject = reject
      if (signal) cancelWith(entry, signal)
      // The usual case of an idle bus goes straight to the wire.
      if (queue.size === 0 && mayGoAtOnce(entry, nowMs)) return dispatch(entry, nowMs)
      queue.push(entry)
      if (connection.state === 'closed') connection.open(rules.rtuFrames)
      else pump()
    })
  }

  function refuse(entry: Entry, nowMs: number, signal: AbortSignal | undefined): Answer | undefined {
    if (disposed) return failed('aborted', 'the bus was closed', false)
    if (lent) return failed('refused', lent.reason, false)
    if (signal?.aborted) return failed('aborted', 'cancelled', false)
    if (address.kind !== 'tcp' && entry.unitId === 0)
      return failed('refused', 'unit 0 is the broadcast address of a serial line: nobody answers', false)
    if (queue.size >= queueLimit) return failed('refused', `${queueLimit} requests wait for this bus already`, false)
    const closed = connection.refusal(nowMs)
    if (closed !== undefined) return failed('closed', closed, false)
    const silent = silentReason(entry, nowMs)
    return silent === undefined ? undefined : failed('silent', silent, false)
  }

  const silentReason = ({ unit, probeMs }: Entry, nowMs: number): string | undefined =>
    probeMs === undefined ? unit.silentReason(nowMs) : undefined

  function cancelWith(entry: Entry, signal: AbortSignal): void {
    const cancel = (): void => {
      queue.remove(entry)
      entry.resolve(failed('aborted', 'cancelled', entry.frame !== undefined))
    }
    signal.addEventListener('abort', cancel, { once: true })
    const { resolve } = entry
    entry.resolve = (answer) => {
      signal.removeEventListener('abort', cancel)
      resolve(answer)
    }
  }

  function mayGoAtOnce(entry: Entry, nowMs: number): boolean {
    if (!connection.transport || pumping || inFlight >= width() || nowMs < readyAtMs) return false
    pumpedAtMs = nowMs
    return mayGo(entry)
  }

  function mayGo(entry: Entry): boolean {
    const { unit } = entry
    const nowMs = pumpedAtMs
    if (unit.inFlight > 0 && unit.probing()) return silentReason(entry, nowMs) !== undefined
    let waitMs = unit.readyAtMs - nowMs
    if (waitMs <= 0) waitMs = connection.transport!.waitMs(entry, nowMs)
    if (waitMs <= 0) return true
    wakeMs = Math.min(wakeMs, nowMs + waitMs)
    return false
  }

  function width(): number {
    return firstPending || rules.rtuFrames || address.kind !== 'tcp' ? 1 : rules.pipeline
  }

  /** Sends what may be sent now, and sets the timer for what must wait. */
  function pump(): void {
    const transport = connection.transport
    if (pumping || !transport) return
    pumping = true
    wakeMs = Number.POSITIVE_INFINITY
    while (queue.size > 0 && inFlight < width() && connection.transport === transport) {
      pumpedAtMs = clock.monotonicMs()
      if (pumpedAtMs < readyAtMs) {
        wakeMs = readyAtMs
        break
      }
      const entry = queue.take(pumpedAtMs, mayGo)
      if (!entry) break
      dispatch(entry, pumpedAtMs)
    }
    pumping = false
    if (inFlight === 0 && queue.size === 0 && rules.releaseMs !== undefined) {
      idleSinceMs = clock.monotonicMs()
      timer.at(idleSinceMs + rules.releaseMs)
    } else if (wakeMs < Number.POSITIVE_INFINITY) timer.at(wakeMs)
  }

  function dispatch(entry: Entry, nowMs: number): void {
    const silent = silentReason(entry, nowMs)
    if (silent !== undefined) return entry.resolve(failed('silent', silent, false))
    entry.expendable = firstPending
    const usualMs = entry.probeMs ?? entry.unit.timeoutMs()
    entry.timeoutMs = entry.expendable ? Math.min(expendableMs, usualMs) : usualMs
    try {
      connection.transport!.send(entry, nowMs)
    } catch (error) {
      // The protocol has no such request. That this bus must not carry it is a bug of the caller, and rejects.
      if (error instanceof RangeError) return entry.resolve(failed('refused', error.message, false))
      return entry.reject(error)
    }
    inFlight++
    entry.unit.sent()
    if (flushing) return
    flushing = true
    // What is asked in this turn of the event loop goes out in one piece.
    queueMicrotask(flush)
  }

  function flush(): void {
    flushing = false
    connection.transport?.flush()
  }

  function settled(entry: Entry, answer: Answer, nowMs: number): void {
    inFlight--
    for (const watcher of watchers) watcher({ exchange: entry, answer, nowMs })
    if (inFlight === 0) lent?.idle()
    const lost = answer.kind === 'failed' && answer.failure === 'timeout'
    if (entry.expendable) {
      firstPending = false
      if (lost) {
        entry.unit.inFlight--
        if (lent) return entry.resolve(failed('refused', lent.reason, true))
        queue.putBack(entry)
        return pump()
      }
    }
    const unanswered = lost && entry.probeMs !== undefined
    if (unanswered) entry.unit.inFlight--
    else {
      if (lost && !entry.unit.probing()) doubtful = true
      entry.unit.settled(answer, nowMs - entry.sentAtMs, nowMs)
    }
    entry.resolve(answer)
    if (unanswered) return pump()
    if (answer.kind !== 'failed') {
      timeoutsInARow = 0
      doubtful = false
      connection.answered()
    } else if (lost && ++timeoutsInARow >= timeoutsUntilHalfOpen && doubtful) {
      connection.abandon('nothing was answered any more, so that it is opened anew')
    }
    pump()
  }

  function releaseIfIdle(): boolean {
    if (rules.releaseMs === undefined || inFlight > 0 || queue.size > 0) return false
    if (clock.monotonicMs() < idleSinceMs + rules.releaseMs - 1) return false
    connection.release()
    return true
  }

  async function lend(reason: string): Promise<() => void> {
    if (lent) throw new Error('the bus is lent already')
    const { promise, resolve } = Promise.withResolvers<void>()
    lent = { reason, idle: resolve }
    for (const entry of queue.drain()) entry.resolve(failed('refused', reason, false))
    if (inFlight > 0) await promise
    connection.release()
    return () => void (lent = undefined)
  }

  function setTap(): void {
    transportEvents.tap = taps.size === 0 ? undefined : (event) => taps.forEach((listener) => listener(event))
  }

  function total(of: (stats: UnitStats) => number): number {
    const nowMs = clock.monotonicMs()
    return [...units.values()].reduce((sum, unit) => sum + of(unit.stats(nowMs)), 0)
  }

  return {
    attach,
    entry,
    submit,
    unitStats: (unit: UnitState): UnitStats => unit.stats(clock.monotonicMs()),
    preview: (unitId: number, requests: readonly ModbusRequest[]): Buffer[] =>
      connection.preview(unitId, requests, rules.rtuFrames),
    stats: (): BusStats => ({
      state: connection.state,
      ...(lostReason === undefined ? {} : { reason: lostReason }),
      opens: connection.opens,
      queued: queue.size,
      requests: total((unit) => unit.requests),
      failures: total((unit) => unit.failures),
      discarded,
    }),
    tap(listener: (event: FrameEvent) => void): () => void {
      taps.add(listener)
      setTap()
      return () => {
        taps.delete(listener)
        setTap()
      }
    },
    watch(listener: (exchange: SettledExchange) => void): () => void {
      watchers.add(listener)
      return () => void watchers.delete(listener)
    },
    lend,
    async dispose(): Promise<void> {
      disposed = true
      timer.stop()
      for (const entry of queue.drain()) entry.resolve(failed('aborted', 'the bus was closed', false))
      await connection[Symbol.asyncDispose]()
    },
  }
}

function ignore(): void {
  // replaced on submission
}
