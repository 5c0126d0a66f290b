import type { Quirks } from '#contract/point-map.ts'
import type { Clock } from '../../domain/clock.ts'
import { serialCosts, tcpCosts, type ReadCosts } from '../../pointmap/plan.ts'
import { formatBusAddress, type BusAddress } from './address.ts'
import { createBusCore, type BusCore } from './bus-core.ts'
import type { ConnectionState } from './connection.ts'
import type { Answer, ReadRequest, WriteRequest } from './pdu.ts'
import type { Priority } from './queue.ts'
import type { OpenSerial } from './serial-port.ts'
import type { Exchange } from './transport.ts'
import type { UnitState, UnitStats } from './unit.ts'
import type { FrameEvent } from './wire.ts'

export interface BusOptions {
  readonly address: BusAddress
  readonly clock: Clock
  /** Opens the serial port in place of the operating system, for an emulated line. */
  readonly openSerial?: OpenSerial
  /** Time allowed to a TCP connection to come about. Default: 3 s. */
  readonly connectTimeoutMs?: number
}

export interface AskOptions {
  /** Default: background. */
  readonly priority?: Priority
  /** Ends the waiting; a request that was sent is not recalled. */
  readonly signal?: AbortSignal
  /**
   * Only to see whether anybody answers within this time to the first byte, in ms: asked at once however silent the unit
   * was before, and silence says nothing about the unit or the connection.
   */
  readonly probeMs?: number
}

/** One unit on a bus, for reading. No method rejects for what happens in the field: that is an answer too. */
export interface BusUnit {
  readonly unitId: number
  ask(request: ReadRequest, options?: AskOptions): Promise<Answer>
  /** The frames these requests would be sent as now, one after the other. Nothing is sent. */
  preview(requests: readonly WriteRequest[]): Buffer[]
  stats(): UnitStats
}

export interface Written {
  readonly answer: Answer
  /** The bytes as sent; absent when nothing was. */
  readonly frame?: Buffer
}

/** One unit on a bus that may write. */
export interface ArmedBusUnit extends BusUnit {
  write(request: WriteRequest, options?: { readonly signal?: AbortSignal }): Promise<Written>
}

export interface BusStats {
  readonly state: ConnectionState
  /** Why it is closed, when that was not our doing. */
  readonly reason?: string
  readonly opens: number
  readonly queued: number
  readonly requests: number
  readonly failures: number
  /** Times bytes came that were no answer to anything. */
  readonly discarded: number
}

/** A request that went out, and what came of it. */
export interface SettledExchange {
  readonly exchange: Readonly<Pick<Exchange, 'unitId' | 'request' | 'sentAtMs' | 'frame' | 'echoed'>>
  readonly answer: Answer
  /** Monotonic. */
  readonly nowMs: number
}

interface AnyBus extends AsyncDisposable {
  /** Canonical address. */
  readonly name: string
  /** What a read costs on this line, for planning. */
  readonly costs: ReadCosts
  stats(): BusStats
  /** Calls the listener with every frame until the returned function is called. */
  tap(listener: (event: FrameEvent) => void): () => void
  /** Calls the listener with the end of every request that went out until the returned function is called. */
  watch(listener: (exchange: SettledExchange) => void): () => void
}

export interface ReadOnlyBus extends AnyBus {
  readonly access: 'read-only'
  /** The unit with what its map says must be respected. Connects on the first request only. */
  unit(unitId: number, quirks?: Quirks): BusUnit
}

export interface ArmedBus extends AnyBus {
  readonly access: 'armed'
  unit(unitId: number, quirks?: Quirks): ArmedBusUnit
  /**
   * Gives the port or connection free for somebody else: what waits and what comes is refused with the reason until the
   * returned function is called. Resolves once the last answer under way has come.
   */
  lend(reason: string): Promise<() => void>
}

/** A bus that carries reads only, whatever it is asked (see access.ts). */
export function createReadOnlyBus(options: BusOptions): ReadOnlyBus {
  const core = createBusCore(options, 'read-only')
  return {
    ...common(core, options.address),
    access: 'read-only',
    unit: (unitId, quirks) => reader(core, core.attach(unitId, quirks)),
  }
}

/** A bus that also writes. Whoever holds it answers for what is written. */
export function createArmedBus(options: BusOptions): ArmedBus {
  const core = createBusCore(options, 'armed')
  return {
    ...common(core, options.address),
    access: 'armed',
    lend: core.lend,
    unit(unitId, quirks) {
      const unit = core.attach(unitId, quirks)
      return {
        ...reader(core, unit),
        async write(request, { signal } = {}) {
          const entry = core.entry(unit, request, 'write')
          const answer = await core.submit(entry, signal)
          return entry.frame ? { answer, frame: entry.frame } : { answer }
        },
      }
    },
  }
}

function common(core: BusCore, address: BusAddress): AnyBus {
  return {
    name: formatBusAddress(address),
    costs: costsOf(address),
    stats: core.stats,
    tap: core.tap,
    watch: core.watch,
    [Symbol.asyncDispose]: core.dispose,
  }
}

function reader(core: BusCore, unit: UnitState): BusUnit {
  return {
    unitId: unit.unitId,
    ask: (request, { priority = 'background', signal, probeMs } = {}) =>
      core.submit(core.entry(unit, request, priority, probeMs), signal),
    preview: (requests) => core.preview(unit.unitId, requests),
    stats: () => core.unitStats(unit),
  }
}

/** What a read costs on a line to this address. */
export function costsOf(address: BusAddress): ReadCosts {
  if (address.kind !== 'rtu') return tcpCosts
  const parity = { none: 'N', even: 'E', odd: 'O' }[address.parity]
  return serialCosts({ baud: address.baud, format: `8${parity}${address.stopBits}` })
}
