import { requestLength, writeRequest, type ModbusRequest } from './pdu.ts'

/** Header of Modbus TCP: transaction, protocol, length (2 bytes each), unit ID (Messaging on TCP/IP V1.0b, 3.1.3). */
export const mbapLength = 7

export function encodeMbap(transactionId: number, unitId: number, request: ModbusRequest): Buffer {
  const size = requestLength(request)
  const frame = Buffer.allocUnsafe(mbapLength + size)
  frame[0] = transactionId >>> 8
  frame[1] = transactionId & 0xff
  frame[2] = 0
  frame[3] = 0
  frame[4] = (size + 1) >>> 8
  frame[5] = (size + 1) & 0xff
  frame[6] = unitId
  writeRequest(request, frame, mbapLength)
  return frame
}

export interface MbapReader {
  /** Splits what has come into frames. Bytes handed out are valid only during the call. */
  push(chunk: Buffer): void
  /** True when the beginning of a frame waits for its end. */
  readonly partial: boolean
}

interface MbapEvents {
  /** One frame: bytes[at, end), its header included. */
  frame(bytes: Buffer, at: number, end: number): void
  /** The stream is not Modbus TCP (any more): there is no way to find the next frame. */
  lost(reason: string): void
}

export function createMbapReader(events: MbapEvents): MbapReader {
  const rest = Buffer.alloc(260)
  let held = 0
  let dead = false

  /** Length of the frame at bytes[at]; 0 when more is needed to know, -1 when it cannot be one. */
  const frameLength = (bytes: Buffer, at: number, end: number): number => {
    if (end - at < 4) return 0
    const protocol = (bytes[at + 2]! << 8) | bytes[at + 3]!
    if (protocol !== 0) return lost(`protocol ${protocol} instead of 0`)
    if (end - at < 6) return 0
    const length = (bytes[at + 4]! << 8) | bytes[at + 5]!
    return length >= 2 && length <= 254 ? 6 + length : lost(`a frame of length ${length}`)
  }

  const lost = (reason: string): -1 => {
    dead = true
    events.lost(reason)
    return -1
  }

  /** Completes the frame whose beginning is held. Returns how much of the chunk it took. */
  const complete = (chunk: Buffer): number => {
    let at = 0
    let size = frameLength(rest, 0, held)
    while (size >= 0) {
      const take = Math.min((size || 6) - held, chunk.length - at)
      chunk.copy(rest, held, at, at + take)
      held += take
      at += take
      if (size === 0) {
        size = frameLength(rest, 0, held)
        if (size !== 0) continue
      }
      if (held === size) {
        held = 0
        // A frame that was cut short has taken its end from the next one: what follows is no frame then.
        if (frameLength(chunk, at, chunk.length) < 0) return chunk.length
        events.frame(rest, 0, size)
      }
      return at
    }
    return chunk.length
  }

  const push = (chunk: Buffer): void => {
    if (dead) return
    let at = held > 0 ? complete(chunk) : 0
    let size = frameLength(chunk, at, chunk.length)
    while (size > 0 && at + size <= chunk.length) {
      const next = at + size
      size = frameLength(chunk, next, chunk.length)
      if (size >= 0) events.frame(chunk, at, next)
      at = next
    }
    if (dead || at >= chunk.length) return
    chunk.copy(rest, 0, at)
    held = chunk.length - at
  }

  return {
    push,
    get partial() {
      return held > 0
    },
  }
}
