import type { Clock } from '../../domain/clock.ts'
import type { Access } from './access.ts'
import type { BusAddress } from './address.ts'
import { encodeMbap, mbapLength } from './mbap.ts'
import type { ModbusRequest } from './pdu.ts'
import { encodeRtu } from './rtu-frame.ts'
import { characterMs, openSerialStream, type OpenSerial } from './serial-port.ts'
import { openTcpStream } from './stream-tcp.ts'
import { createRtuTransport } from './transport-rtu.ts'
import { createTcpTransport } from './transport-tcp.ts'
import type { Transport, TransportEvents } from './transport.ts'
import { createWire, type ByteStream, type StreamEvents } from './wire.ts'

export interface ConnectionOptions {
  readonly address: BusAddress
  readonly access: Access
  readonly clock: Clock
  /** Default: a real port. */
  readonly openSerial?: OpenSerial | undefined
  readonly connectTimeoutMs?: number | undefined
  readonly transportEvents: TransportEvents
  opened(): void
  /** It could not be opened, or is gone without our doing. */
  lost(reason: string): void
}

export type ConnectionState = 'closed' | 'opening' | 'open'

export interface Connection extends AsyncDisposable {
  readonly state: ConnectionState
  readonly transport: Transport | undefined
  /** Times it was opened. */
  readonly opens: number
  /** Why it must not be opened now, undefined when it may. */
  refusal(nowMs: number): string | undefined
  /** Opens it when it is closed. `rtuFrames`: RTU frames on a socket, whatever the address says. */
  open(rtuFrames: boolean): void
  /** The frames these requests would be sent as, one after the other, from now. */
  preview(unitId: number, requests: readonly ModbusRequest[], rtuFrames: boolean): Buffer[]
  /** A valid answer: the next failure starts with the shortest back-off. */
  answered(): void
  /** Closes it at will; the next `open` may follow at once. */
  release(): void
  /** Closes it because it does not work; the next `open` waits. */
  abandon(reason: string): void
}

const firstBackOffMs = 500
const longestBackOffMs = 30_000

/** Opens and reopens one connection or port, on demand, with back-off and jitter. */
export function createConnection(options: ConnectionOptions): Connection {
  const { address, access, clock, openSerial = openSerialStream, connectTimeoutMs, transportEvents: events } = options
  let state: ConnectionState = 'closed'
  let transport: Transport | undefined
  let opening: AbortController | undefined
  let settled: Promise<void> = Promise.resolve()
  let opens = 0
  let backOffMs = 0
  let retryAtMs = Number.NEGATIVE_INFINITY
  let why = ''
  let proven = false
  let disposed = false

  const isTcp = (rtuFrames: boolean): boolean => address.kind === 'tcp' && !rtuFrames
  const firstTransactionId = (): number => (opens * 4096) & 0xffff

  function makeTransport(stream: ByteStream, rtuFrames: boolean): Transport {
    const wire = createWire({ stream, access, pduAt: isTcp(rtuFrames) ? mbapLength : 1 })
    if (isTcp(rtuFrames))
      return createTcpTransport({ wire, clock, events, firstTransactionId: firstTransactionId(), broken: drop })
    return createRtuTransport({ wire, clock, events, characterMs: address.kind === 'rtu' ? characterMs(address) : 0 })
  }

  function closed(reason: string): void {
    state = 'closed'
    transport = undefined
    why = reason
    // A connection that served before is reopened at once: many devices close an idle one.
    backOffMs = proven ? 0 : Math.min(longestBackOffMs, Math.max(firstBackOffMs, 2 * backOffMs))
    retryAtMs = clock.monotonicMs() + backOffMs * (0.75 + Math.random() / 2)
    proven = false
  }

  async function start(rtuFrames: boolean, signal: AbortSignal): Promise<void> {
    let own: Transport | undefined
    const streamEvents: StreamEvents = {
      data: (chunk) => own?.receive(chunk),
      closed: (reason) => {
        if (own !== undefined && own === transport) drop(reason)
      },
    }
    try {
      const stream =
        address.kind === 'rtu'
          ? await openSerial(address, streamEvents, signal)
          : await openTcpStream(address, streamEvents, clock, signal, connectTimeoutMs)
      own = makeTransport(stream, rtuFrames)
      transport = own
      opens++
      state = 'open'
    } catch (error) {
      if (disposed) return
      closed(error instanceof Error ? error.message : String(error))
      options.lost(why)
      return
    }
    if (disposed) own.close('the bus was closed')
    else options.opened()
  }

  function drop(reason: string): void {
    const old = transport
    closed(reason)
    old?.close(reason)
    options.lost(reason)
  }

  return {
    get state() {
      return state
    },
    get transport() {
      return transport
    },
    get opens() {
      return opens
    },
    refusal(nowMs) {
      if (state !== 'closed' || nowMs >= retryAtMs) return undefined
      return `${why}; next attempt in ${Math.ceil((retryAtMs - nowMs) / 1000)} s`
    },
    open(rtuFrames) {
      if (state !== 'closed' || disposed) return
      state = 'opening'
      opening = new AbortController()
      settled = start(rtuFrames, opening.signal)
    },
    preview(unitId, requests, rtuFrames) {
      if (transport) return transport.preview(unitId, requests)
      const id = firstTransactionId()
      return requests.map((request, i) =>
        isTcp(rtuFrames) ? encodeMbap(id + i, unitId, request) : encodeRtu(unitId, request),
      )
    },
    answered() {
      proven = true
      backOffMs = 0
    },
    release() {
      if (state !== 'open') return
      const old = transport
      state = 'closed'
      transport = undefined
      proven = false
      retryAtMs = Number.NEGATIVE_INFINITY
      old?.close('the connection was released')
    },
    abandon: drop,
    async [Symbol.asyncDispose]() {
      disposed = true
      opening?.abort()
      await settled
      state = 'closed'
      transport?.close('the bus was closed')
      transport = undefined
    },
  }
}
