import { createByteTimes } from './byte-times.ts'

export interface HeaderFrame {
  /** Header included; belongs to the receiver. */
  readonly bytes: Uint8Array
  readonly atMs: number
  readonly endMs: number
}

export interface HeaderEvents {
  /** Returns why it is none after all, in words. */
  frame(frame: HeaderFrame): string | undefined
  /** `why` is absent for bytes between frames. */
  rejected(rejected: HeaderFrame, why?: string): void
}

/** A header that says how long its frame is. */
export interface HeaderForm {
  /** Bytes of the header that are needed to know. */
  readonly size: number
  /** Length of the frame at bytes[at], its header included; -1 when this is no header. Called with `have` bytes, 1 or more. */
  lengthAt(bytes: Uint8Array, at: number, have: number): number
  /** Whether the header can be told from data, and may be searched for anywhere. */
  readonly distinct: boolean
}

const word = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!

/** Header of Modbus TCP (Messaging on TCP/IP V1.0b, 3.1.3). */
export const mbapForm: HeaderForm = {
  size: 6,
  distinct: false,
  lengthAt(bytes, at, have) {
    if (have > 2 && bytes[at + 2] !== 0) return -1
    if (have > 3 && bytes[at + 3] !== 0) return -1
    if (have < 6) return 0
    const length = word(bytes, at + 4)
    return length >= 2 && length <= 254 ? 6 + length : -1
  },
}

/** Header of the data adapters of GivEnergy: 59 59 00 01, length. */
export const givenergyForm: HeaderForm = {
  size: 6,
  distinct: true,
  lengthAt(bytes, at, have) {
    const mark = [0x59, 0x59, 0, 1]
    for (let index = 0; index < Math.min(4, have); index++) if (bytes[at + index] !== mark[index]) return -1
    if (have < 6) return 0
    const length = word(bytes, at + 4)
    return length >= 2 && length <= 700 ? 6 + length : -1
  },
}

export interface HeaderSplitter {
  push(bytes: Uint8Array, atMs: number): void
  /** Gives up what is unfinished. */
  end(): void
  readonly held: number
}

const capacity = 4096
const slice = 1024

/** Splits one side of a connection. What is no frame is skipped up to the next packet, or the next distinct header. */
export function createHeaderSplitter(form: HeaderForm, events: HeaderEvents): HeaderSplitter {
  const buffer = new Uint8Array(capacity)
  const times = createByteTimes()
  let base = 0
  let end = 0
  let at = 0

  function look(length: number): HeaderFrame {
    const bytes = buffer.slice(at, at + length)
    return { bytes, atMs: times.at(base + at).atMs, endMs: times.at(base + at + length - 1).atMs }
  }

  function reject(to: number, why?: string): void {
    const rejected = look(to - at)
    at = to
    events.rejected(rejected, why)
  }

  /** Where the next frame may begin, `limit` at the latest. */
  function nextBegin(limit: number): number {
    let next = at + 1
    const mayBegin = (): boolean =>
      (form.distinct || times.startsFresh(base + next)) && form.lengthAt(buffer, next, end - next) >= 0
    while (next < limit && !mayBegin()) next++
    return next
  }

  function settle(): void {
    while (at < end) {
      const length = form.lengthAt(buffer, at, end - at)
      if (length < 0) reject(nextBegin(end))
      else if (length === 0 || at + length > end) return
      else {
        const why = events.frame(look(length))
        if (why === undefined) at += length
        // One that was cut has taken its end from the next one.
        else reject(nextBegin(at + length), why)
      }
    }
  }

  function makeRoom(): void {
    buffer.copyWithin(0, at, end)
    base += at
    end -= at
    at = 0
    times.forget(base)
  }

  return {
    push(bytes, atMs) {
      for (let taken = 0; taken < bytes.length; taken += slice) {
        const part = bytes.subarray(taken, taken + slice)
        if (end + part.length > capacity) makeRoom()
        times.add(base + end, { atMs, fresh: taken === 0, from: undefined })
        buffer.set(part, end)
        end += part.length
        settle()
      }
    },
    end() {
      if (at < end) reject(end)
    },
    get held() {
      return end - at
    },
  }
}
