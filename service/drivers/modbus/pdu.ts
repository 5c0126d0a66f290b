/** Requests (Modbus Application Protocol V1.1b3). Addresses are zero-based, as on the wire. */
export interface ReadRegisters {
  /** 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers. */
  readonly fn: 1 | 2 | 3 | 4
  readonly address: number
  /** Bits (1..2000) for FC 1 and 2, registers (1..125) for FC 3 and 4. */
  readonly count: number
}

/** Counters of the serial line: 0B messages, 0C CRC errors, 0D exceptions, 0E served, 0F unanswered, 12 overruns. */
export type CounterCode = 0x0b | 0x0c | 0x0d | 0x0e | 0x0f | 0x12

export type ReadRequest =
  | ReadRegisters
  | { readonly fn: 8; readonly counter: CounterCode }
  | { readonly fn: 17 }
  /** MEI 14: 1 basic, 2 regular, 3 extended stream from objectId on; 4 that one object. */
  | { readonly fn: 43; readonly access: 1 | 2 | 3 | 4; readonly objectId: number }

export type WriteRequest =
  | { readonly fn: 5; readonly address: number; readonly on: boolean }
  | { readonly fn: 6; readonly address: number; readonly value: number }
  | { readonly fn: 15; readonly address: number; readonly bits: readonly boolean[] }
  | { readonly fn: 16; readonly address: number; readonly words: readonly number[] }

export type ModbusRequest = ReadRequest | WriteRequest

export interface Identification {
  /** Conformity level as the device states it; +0x80 when objects can be asked one by one. */
  readonly conformity: number
  readonly moreFollows: boolean
  readonly nextObjectId: number
  readonly objects: ReadonlyMap<number, Buffer>
}

/** Why there is no valid answer. */
export type Failure =
  /** No first byte in time. */
  | 'timeout'
  /** Bytes came, but no valid answer to this request. */
  | 'garbled'
  /** What came has the form of the answer, but not its checksum. */
  | 'crc'
  /** The connection or port is, or was, closed. */
  | 'closed'
  /** Not asked: the unit is silent and its next attempt is not due. */
  | 'silent'
  /** Not asked, or no longer waited for: cancelled by the caller, or the bus is being disposed. */
  | 'aborted'
  /** Not asked: this bus does not carry such a request, or its queue is full. */
  | 'refused'

export interface Failed {
  readonly kind: 'failed'
  readonly failure: Failure
  readonly reason: string
  /** True when the request may have reached the device. */
  readonly sent: boolean
}

export type Answer =
  | { readonly kind: 'words'; readonly words: Uint16Array }
  /** One element (0 or 1) per bit. */
  | { readonly kind: 'bits'; readonly bits: Uint8Array }
  | { readonly kind: 'written' }
  | { readonly kind: 'counter'; readonly value: number }
  | { readonly kind: 'server-id'; readonly data: Buffer }
  | { readonly kind: 'identification'; readonly identification: Identification }
  | { readonly kind: 'exception'; readonly code: number }
  | Failed

const exceptions: Readonly<Record<number, string>> = {
  1: 'illegal function',
  2: 'illegal data address',
  3: 'illegal data value',
  4: 'device failure',
  5: 'acknowledged, still busy',
  6: 'device busy',
  8: 'memory parity error',
  10: 'gateway has no path to the unit',
  11: 'gateway got no answer from the unit',
}

/** The exception in words. */
export function exceptionText(code: number): string {
  return exceptions[code] ?? `exception ${code}`
}

export function failed(failure: Failure, reason: string, sent: boolean): Failed {
  return { kind: 'failed', failure, reason, sent }
}

/** Length of the request's PDU in bytes. */
export function requestLength(request: ModbusRequest): number {
  if (request.fn === 17) return 1
  if (request.fn === 43) return 4
  if (request.fn === 15) return 6 + Math.ceil(request.bits.length / 8)
  if (request.fn === 16) return 6 + 2 * request.words.length
  return 5
}

/** Writes the request's PDU at out[at]. Throws a RangeError for a request that the protocol cannot carry. */
export function writeRequest(request: ModbusRequest, out: Buffer, at: number): void {
  out[at] = request.fn
  switch (request.fn) {
    case 1:
    case 2:
    case 3:
    case 4:
      checkSpan(request.address, request.count, request.fn <= 2 ? 2000 : 125)
      putWord(out, at + 1, request.address)
      putWord(out, at + 3, request.count)
      return
    case 5:
      checkSpan(request.address, 1, 1)
      putWord(out, at + 1, request.address)
      putWord(out, at + 3, request.on ? 0xff00 : 0)
      return
    case 6:
      checkSpan(request.address, 1, 1)
      putWord(out, at + 1, request.address)
      putWord(out, at + 3, request.value)
      return
    case 8:
      putWord(out, at + 1, request.counter)
      putWord(out, at + 3, 0)
      return
    case 15:
    case 16:
      writeMany(request, out, at)
      return
    case 43:
      out[at + 1] = 14
      out[at + 2] = request.access
      out[at + 3] = request.objectId
      return
    case 17:
  }
}

function writeMany(request: Extract<WriteRequest, { fn: 15 | 16 }>, out: Buffer, at: number): void {
  const count = request.fn === 15 ? request.bits.length : request.words.length
  const bytes = request.fn === 15 ? Math.ceil(count / 8) : 2 * count
  checkSpan(request.address, count, request.fn === 15 ? 1968 : 123)
  putWord(out, at + 1, request.address)
  putWord(out, at + 3, count)
  out[at + 5] = bytes
  if (request.fn === 16) {
    for (let i = 0; i < count; i++) putWord(out, at + 6 + 2 * i, request.words[i]!)
    return
  }
  out.fill(0, at + 6, at + 6 + bytes)
  for (let i = 0; i < count; i++) if (request.bits[i]) out[at + 6 + (i >> 3)]! |= 1 << (i & 7)
}

function checkSpan(address: number, count: number, most: number): void {
  if (!Number.isInteger(count) || count < 1 || count > most) throw new RangeError(`count ${count} is not 1..${most}`)
  if (!Number.isInteger(address) || address < 0 || address + count > 65_536)
    throw new RangeError(`address ${address} with count ${count} is not in 0..65535`)
}

function putWord(out: Buffer, at: number, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw new RangeError(`${value} is not a 16-bit word`)
  out[at] = value >>> 8
  out[at + 1] = value & 0xff
}
