import { failed, type Answer, type Failed, type ModbusRequest } from './pdu.ts'

/**
 * Reads the PDU bytes[at, end) as the answer to a request. Never throws: whatever is not exactly an answer to this
 * very request (function, length, byte count, echoed address) is garbled.
 */
export function parseAnswer(request: ModbusRequest, bytes: Buffer, at: number, end: number): Answer {
  const length = end - at
  if (length < 2) return garbled(`an answer of ${length} bytes`)
  const fn = bytes[at]!
  if (fn === (request.fn | 0x80)) {
    if (length !== 2 || bytes[at + 1] === 0) return garbled('a malformed exception')
    return { kind: 'exception', code: bytes[at + 1]! }
  }
  if (fn !== request.fn) return garbled(`an answer to function ${fn}`)
  switch (request.fn) {
    case 3:
    case 4:
      return parseWords(request.count, bytes, at, length)
    case 1:
    case 2:
      return parseBits(request.count, bytes, at, length)
    case 5:
      return parseEcho(request.address, request.on ? 0xff00 : 0, bytes, at, length)
    case 6:
      return parseEcho(request.address, request.value, bytes, at, length)
    case 15:
      return parseEcho(request.address, request.bits.length, bytes, at, length)
    case 16:
      return parseEcho(request.address, request.words.length, bytes, at, length)
    case 17:
      if (length !== 2 + bytes[at + 1]!) return garbled('a server ID of another length than it states')
      return { kind: 'server-id', data: Buffer.from(bytes.subarray(at + 2, end)) }
    case 43:
      return parseIdentification(request.access, bytes, at, end)
    default:
      if (length !== 5 || word(bytes, at + 1) !== request.counter) return garbled('another diagnostic counter')
      return { kind: 'counter', value: word(bytes, at + 3) }
  }
}

/**
 * Length of the answer's PDU as its own first bytes state it: 0 when more bytes are needed to know,
 * -1 when bytes[at, end) cannot begin an answer to this request.
 */
export function answerLength(request: ModbusRequest, bytes: Buffer, at: number, end: number): number {
  if (at >= end) return 0
  const fn = bytes[at]!
  if (fn === (request.fn | 0x80)) return 2
  if (fn !== request.fn) return -1
  switch (request.fn) {
    case 1:
    case 2:
    case 3:
    case 4: {
      const expected = request.fn <= 2 ? (request.count + 7) >> 3 : 2 * request.count
      return at + 1 < end && bytes[at + 1] !== expected ? -1 : 2 + expected
    }
    case 17:
      return at + 1 < end ? 2 + bytes[at + 1]! : 0
    case 43:
      return identificationLength(request.access, bytes, at, end)
    default:
      return 5
  }
}

function parseWords(count: number, bytes: Buffer, at: number, length: number): Answer {
  if (length !== 2 + 2 * count || bytes[at + 1] !== 2 * count)
    return garbled(`${length - 2} data bytes instead of ${2 * count}`)
  const words = new Uint16Array(count)
  for (let i = 0, from = at + 2; i < count; i++, from += 2) words[i] = (bytes[from]! << 8) | bytes[from + 1]!
  return { kind: 'words', words }
}

function parseBits(count: number, bytes: Buffer, at: number, length: number): Answer {
  const size = (count + 7) >> 3
  if (length !== 2 + size || bytes[at + 1] !== size) return garbled(`${length - 2} data bytes instead of ${size}`)
  const bits = new Uint8Array(count)
  for (let i = 0; i < count; i++) bits[i] = (bytes[at + 2 + (i >> 3)]! >> (i & 7)) & 1
  return { kind: 'bits', bits }
}

function parseEcho(first: number, second: number, bytes: Buffer, at: number, length: number): Answer {
  if (length !== 5 || word(bytes, at + 1) !== first || word(bytes, at + 3) !== second)
    return garbled('an acknowledgement of another write')
  return { kind: 'written' }
}

function identificationLength(access: number, bytes: Buffer, at: number, end: number): number {
  if (at + 1 < end && bytes[at + 1] !== 14) return -1
  if (at + 2 < end && bytes[at + 2] !== access) return -1
  if (at + 6 >= end) return 0
  let next = at + 7
  for (let left = bytes[at + 6]!; left > 0; left--) {
    if (next + 1 >= end) return next + 2 - at > 253 ? -1 : 0
    next += 2 + bytes[next + 1]!
  }
  return next - at > 253 ? -1 : next - at
}

function parseIdentification(access: number, bytes: Buffer, at: number, end: number): Answer {
  if (identificationLength(access, bytes, at, end) !== end - at) return garbled('a malformed device identification')
  const objects = new Map<number, Buffer>()
  for (let next = at + 7; next < end; next += 2 + bytes[next + 1]!)
    objects.set(bytes[next]!, Buffer.from(bytes.subarray(next + 2, next + 2 + bytes[next + 1]!)))
  const moreFollows = bytes[at + 4] === 0xff
  const identification = { conformity: bytes[at + 3]!, moreFollows, nextObjectId: bytes[at + 5]!, objects }
  return { kind: 'identification', identification }
}

function garbled(what: string): Failed {
  return failed('garbled', `the device sent ${what}`, true)
}

function word(bytes: Buffer, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
