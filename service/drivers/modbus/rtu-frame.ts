import { answerLength } from './answer.ts'
import { crc16 } from './crc.ts'
import { requestLength, writeRequest, type ModbusRequest } from './pdu.ts'

export function encodeRtu(unitId: number, request: ModbusRequest): Buffer {
  const size = requestLength(request)
  const frame = Buffer.allocUnsafe(size + 3)
  frame[0] = unitId
  writeRequest(request, frame, 1)
  const crc = crc16(frame, 0, size + 1)
  frame[size + 1] = crc & 0xff
  frame[size + 2] = crc >>> 8
  return frame
}

export type RtuSearch =
  /** bytes[at, end) is a whole answer with a right CRC. */
  | { readonly found: 'frame'; readonly at: number; readonly end: number }
  /** What begins at `at` may become one; `length` is 0 while it is not known. */
  | { readonly found: 'partial'; readonly at: number; readonly length: number }
  /** `crcError`: something had the form of an answer, but not its CRC. */
  | { readonly found: 'nothing'; readonly crcError: boolean }

/**
 * Looks for the answer to a request in bytes[from, end), past whatever noise, echo or foreign frame stands before it.
 * An unfinished candidate is waited for, because a whole one further on could be part of its data;
 * `final` gives it up.
 */
export function findRtuAnswer(
  unitId: number,
  request: ModbusRequest,
  bytes: Buffer,
  from: number,
  end: number,
  final: boolean,
): RtuSearch {
  let crcError = false
  for (let at = from; at < end; at++) {
    if (bytes[at] !== unitId) continue
    const pdu = answerLength(request, bytes, at + 1, end)
    if (pdu < 0) continue
    const whole = pdu === 0 ? 0 : pdu + 3
    if (whole === 0 || at + whole > end) {
      if (final) continue
      return { found: 'partial', at, length: whole }
    }
    const crc = crc16(bytes, at, at + whole - 2)
    if (bytes[at + whole - 2] === (crc & 0xff) && bytes[at + whole - 1] === crc >>> 8)
      return { found: 'frame', at, end: at + whole }
    crcError = true
  }
  return { found: 'nothing', crcError }
}
