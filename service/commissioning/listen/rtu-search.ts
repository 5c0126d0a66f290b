import { crc16 } from '../../drivers/modbus/crc.ts'
import { answerForm, impossible, isDescribed, longestFrame, requestForm, undetermined } from './forms.ts'

/** What the traffic so far tells about the bytes to come. */
export interface SearchHints {
  /** Whether the unit, or the unit with this function, has been heard in a valid frame. */
  heard(unitId: number, fc?: number): boolean
  /** Whether these bytes, from the unit ID to before the CRC, would answer the request that was heard last. */
  expected(frame: Uint8Array): boolean
}

export interface Place {
  readonly bytes: Uint8Array
  readonly at: number
  readonly end: number
  /** A frame may well begin here: one ended here, or the line was quiet before. */
  readonly synced: boolean
  /** No more bytes are waited for. */
  readonly final: boolean
  /** Whether the line was quiet before this position. */
  fresh(at: number): boolean
}

export type Look =
  /** `request` and `answer`: what its form allows. */
  | {
      readonly found: 'frame'
      readonly length: number
      readonly request: boolean
      readonly answer: boolean
      readonly exception: boolean
    }
  | { readonly found: 'wait' }
  /** `ends`: where a frame would have ended whose checksum is wrong. */
  | { readonly found: 'nothing'; readonly ends: readonly number[] }

const wait: Look = { found: 'wait' }
const nothing: Look = { found: 'nothing', ends: [] }
/** An undescribed frame is believed once what follows it is known. */
const confirmation = 2 * longestFrame
/** Exception codes that the protocol knows. */
const highestException = 11

/** Decides whether a frame begins at a position: by the lengths that its fields allow, and its checksum. */
export function lookAt(place: Place, hints: SearchHints): Look {
  const { bytes, at, end, final } = place
  if (end - at < 4) return final ? nothing : wait
  const fc = bytes[at + 1]!
  const isException = fc >= 0x80
  if (fc === 0) return nothing
  if (isDescribed(fc & 0x7f)) {
    const look = isException ? lookAtException(place, hints) : lookAtDescribed(place, hints)
    // Both have variants that do not say how long they are.
    return look.found === 'nothing' && place.synced && (fc === 8 || fc === 0x2b) ? searchEnd(place, hints, look) : look
  }
  if (!place.synced && !hints.heard(bytes[at]!, fc & 0x7f)) return nothing
  const look = isException ? lookAtException(place, hints) : nothing
  return look.found === 'nothing' ? searchEnd(place, hints, look) : look
}

function lookAtException({ bytes, at, end, final, synced }: Place, hints: SearchHints): Look {
  if (end - at < 5) return final ? nothing : wait
  if (crc16(bytes, at, at + 5) !== 0) return nothing
  const code = bytes[at + 2]!
  const known = code >= 1 && code <= highestException && (synced || hints.heard(bytes[at]!))
  const believed = known || hints.expected(bytes.subarray(at, at + 3))
  return believed ? { found: 'frame', length: 5, request: false, answer: false, exception: true } : nothing
}

function lookAtDescribed(place: Place, hints: SearchHints): Look {
  const { bytes, at, end, final, synced } = place
  const asRequest = requestForm(bytes, at, end)
  const asAnswer = answerForm(bytes, at, end)
  const request = check(place, asRequest)
  const answer = check(place, asAnswer)
  if (request === 'valid' || answer === 'valid') {
    const open = request === 'open' || answer === 'open'
    const length = choose(request === 'valid' ? asRequest : 0, answer === 'valid' ? asAnswer : 0, place, hints)
    // Four bytes, or five of which none is restricted, are right by chance too often to be searched for in noise.
    const weak = length < 6 && !synced && !hints.heard(bytes[at]!)
    if (weak) return open && !final ? wait : nothing
    const certain = request === 'valid' && bytes[at + 1]! <= 4
    if (open && !final && !certain && !hints.expected(bytes.subarray(at, at + length - 2))) return wait
    return {
      found: 'frame',
      length,
      request: request === 'valid' && asRequest === length,
      answer: answer === 'valid' && asAnswer === length,
      exception: false,
    }
  }
  if (!final && (request === 'open' || answer === 'open')) return wait
  const ends: number[] = []
  if (request === 'damaged') ends.push(at + asRequest)
  if (answer === 'damaged' && asAnswer !== asRequest) ends.push(at + asAnswer)
  return ends.length === 0 ? nothing : { found: 'nothing', ends }
}

function check({ bytes, at, end }: Place, length: number): 'valid' | 'damaged' | 'open' | 'impossible' {
  if (length === impossible || length > longestFrame) return 'impossible'
  if (length === undetermined || at + length > end) return 'open'
  return crc16(bytes, at, at + length) === 0 ? 'valid' : 'damaged'
}

/** Of two lengths that both have a right checksum: the expected answer, else the longer, in which more had to be right. */
function choose(request: number, answer: number, { bytes, at }: Place, hints: SearchHints): number {
  if (request === 0 || answer === 0) return request || answer
  return hints.expected(bytes.subarray(at, at + answer - 2)) ? answer : Math.max(request, answer)
}

/**
 * The end of a frame whose length nobody knows: where the checksum is right, and what follows confirms it, because a
 * frame seems to begin there, or the line was quiet.
 */
function searchEnd(place: Place, hints: SearchHints, otherwise: Look): Look {
  const { bytes, at, end, final, fresh } = place
  const frame = (length: number): Look => ({ found: 'frame', length, request: true, answer: true, exception: false })
  let answer: number | undefined
  for (const length of rightChecksums(bytes, at, end)) {
    const next = at + length
    if (next === end ? final : fresh(next) || seemsToBegin(place, next, hints)) return frame(length)
    if (hints.expected(bytes.subarray(at, next - 2))) answer ??= length
  }
  if (!final && end - at < confirmation) return wait
  // What follows the answer to a question of this kind may be damaged.
  return answer === undefined ? otherwise : frame(answer)
}

function* rightChecksums(bytes: Uint8Array, at: number, end: number): Generator<number> {
  const last = Math.min(end, at + longestFrame)
  let crc = crc16(bytes, at, at + 3)
  for (let next = at + 3; next < last; next++) {
    crc = crc16(bytes, next, next + 1, crc)
    if (crc === 0) yield next + 1 - at
  }
}

/** One more of the same unit and function, one of a known unit, or one with a right checksum of its own. */
function seemsToBegin({ bytes, at: before, end }: Place, at: number, hints: SearchHints): boolean {
  if (end - at < 4) return false
  const unitId = bytes[at]!
  const fc = bytes[at + 1]!
  if (unitId === bytes[before] && (fc & 0x7f) === (bytes[before + 1]! & 0x7f)) return true
  if (hints.heard(unitId, fc) || (hints.heard(unitId) && isDescribed(fc))) return true
  if (!isDescribed(fc & 0x7f)) return !rightChecksums(bytes, at, end).next().done
  const place: Place = { bytes, at, end, synced: true, final: true, fresh: () => false }
  return lookAt(place, { heard: () => true, expected: () => false }).found === 'frame'
}
