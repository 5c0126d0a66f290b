import { answerLength } from '../../drivers/modbus/answer.ts'
import { crc16 } from '../../drivers/modbus/crc.ts'
import type { ReadRequest } from '../../drivers/modbus/pdu.ts'

/** A request of ours, as it went onto the line. */
export interface Sent {
  readonly unitId: number
  readonly request: ReadRequest
  readonly frame: Buffer
  /** Monotonic time of the end of its last character. */
  readonly endMs: number
  /** Answers to it so far; more than one shows two devices under one ID. */
  answers: number
}

export interface Taken {
  readonly answers: readonly Sent[]
  /** What is left, in order. */
  readonly rest: Buffer
}

/** Takes echoes of our own requests and answers to them out of what was heard, wherever they stand. */
export function takeOwn(heard: Buffer, sent: readonly Sent[]): Taken {
  const answers: Sent[] = []
  const rest: number[] = []
  for (let at = 0; at < heard.length;) {
    const echo = sent.find(({ frame }) => frame.equals(heard.subarray(at, at + frame.length)))
    const answer = echo ? undefined : answerAt(heard, at, sent)
    if (answer) answers.push(answer.sent)
    else if (!echo) rest.push(heard[at]!)
    at += echo?.frame.length ?? answer?.size ?? 1
  }
  return { answers, rest: Buffer.from(rest) }
}

function answerAt(heard: Buffer, at: number, sent: readonly Sent[]) {
  let best: { readonly sent: Sent; readonly size: number } | undefined
  for (const entry of sent) {
    if (entry.unitId !== heard[at] || (best && entry.answers >= best.sent.answers)) continue
    const size = answerLength(entry.request, heard, at + 1, heard.length) + 3
    if (size > 3 && at + size <= heard.length && hasCrc(heard, at, at + size)) best = { sent: entry, size }
  }
  return best
}

/** Whether these bytes can be the beginning of an answer to one of the requests that is still to come whole. */
export function mayGoOn(heard: Buffer, sent: readonly Sent[]): boolean {
  return sent.some(({ unitId, request }) => {
    if (unitId !== heard[0]) return false
    const length = answerLength(request, heard, 1, heard.length)
    return length === 0 || (length > 0 && heard.length < length + 3)
  })
}

/**
 * The request that a torn piece is the answer to: its beginning, or its end where the rest was lost while we were sending
 * ourselves. Undefined where the piece fits none.
 */
export function ownerOf(piece: Buffer, sent: readonly Sent[]): Sent | undefined {
  return sent.find((entry) => {
    if (entry.answers > 0) return false
    if (piece.length >= 2 && piece[0] === entry.unitId && (piece[1]! & 0x7f) === entry.request.fn) return true
    // Its first byte may have begun while we were still sending.
    return [piece, piece.subarray(1)].some((end) => end.length >= 2 && isEndOfAnswer(end, entry))
  })
}

const exceptionCodes = [1, 2, 3, 4, 5, 6, 8, 10, 11]

function isEndOfAnswer(piece: Buffer, { unitId, request }: Sent): boolean {
  const bodies = exceptionCodes.map((code) => Buffer.from([unitId, request.fn | 0x80, code]))
  if (request.fn === 3 || request.fn === 4) {
    const data = 2 * request.count
    // With all its data known, the checksum tells whose answer it was.
    if (piece.length >= data + 2)
      bodies.push(Buffer.concat([Buffer.from([unitId, request.fn, data]), piece.subarray(-data - 2, -2)]))
  }
  return bodies.some((body) => {
    const crc = crc16(body, 0, body.length)
    const whole = Buffer.concat([body, Buffer.from([crc & 0xff, crc >>> 8])])
    return piece.length <= whole.length && whole.subarray(-piece.length).equals(piece)
  })
}

/** What somebody else has said, in words; undefined for bytes without any right checksum. */
export function foreignFrame(heard: Buffer): string | undefined {
  for (let at = 0; at + 4 <= heard.length; at++) {
    for (let end = at + 4; end <= Math.min(heard.length, at + 256); end++) {
      if (!hasCrc(heard, at, end)) continue
      const fn = heard[at + 1]!
      const what = end - at === 8 && fn >= 1 && fn <= 6 ? 'a request to' : 'a frame of'
      return `${what} unit ${heard[at]} (function ${fn & 0x7f})`
    }
  }
  return undefined
}

/** One or two bytes that a line without bias gives when a transmitter lets go of it. */
export function isGlitch(heard: Buffer): boolean {
  return heard.length <= 2 && heard.every((byte) => byte === 0 || byte === 0xff)
}

function hasCrc(bytes: Buffer, at: number, end: number): boolean {
  const crc = crc16(bytes, at, end - 2)
  return bytes[end - 2] === (crc & 0xff) && bytes[end - 1] === crc >>> 8
}

/** The read request that a frame carries; undefined for anything else. */
export function requestOf(frame: Buffer): ReadRequest | undefined {
  const fn = frame[1]
  if (fn === 1 || fn === 2 || fn === 3 || fn === 4)
    return { fn, address: frame.readUInt16BE(2), count: frame.readUInt16BE(4) }
  if (fn === 17) return { fn }
  const access = frame[3]
  if (fn === 43 && (access === 1 || access === 2 || access === 3 || access === 4))
    return { fn, access, objectId: frame[4]! }
  return undefined
}
