import type { Answer, ModbusRequest } from './pdu.ts'
import type { FrameEvent } from './wire.ts'

/** A request on its way, from the queue to its answer. */
export interface Exchange {
  readonly unitId: number
  /** True for devices that answer under another unit ID than they were asked under. */
  readonly anyUnit: boolean
  readonly request: ModbusRequest
  /** Time allowed to the first byte of the answer, in ms. */
  timeoutMs: number
  /** The longest the device may take, in ms: so long after a timeout its answer may still come. */
  readonly longestMs: number
  /** Monotonic time of sending. */
  sentAtMs: number
  /** The bytes as sent. */
  frame: Buffer | undefined
  /** The request was heard before the answer. */
  echoed?: boolean
}

export interface TransportEvents {
  /** The end of an exchange. Comes exactly once for each one sent. */
  settled(exchange: Exchange, answer: Answer, nowMs: number): void
  /** A valid answer to an exchange that was given up; it was discarded. */
  late(unitId: number, latencyMs: number): void
  /** Bytes that were no answer to anything. */
  discarded(): void
  /** For a frame log; absent when nobody listens. */
  tap?: ((event: FrameEvent) => void) | undefined
}

/** Frames on one open connection or port. */
export interface Transport {
  /** Queues the request for `flush`. Throws when the bus does not carry it or the protocol has no such request. */
  send(exchange: Exchange, nowMs: number): void
  flush(): void
  /** How long this exchange must not be sent yet, in ms. */
  waitMs(exchange: Exchange, nowMs: number): number
  /** Bytes from the stream. */
  receive(chunk: Buffer): void
  /** Ends it: exchanges under way are settled as closed. */
  close(reason: string): void
  /** The frames these requests would be sent as, one after the other, from now. */
  preview(unitId: number, requests: readonly ModbusRequest[]): Buffer[]
}
