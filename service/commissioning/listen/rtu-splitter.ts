import { createByteTimes } from './byte-times.ts'
import { longestFrame } from './forms.ts'
import { type Look, lookAt, type SearchHints } from './rtu-search.ts'

/** A frame with a right checksum. */
export interface SplitFrame {
  /** From the unit ID to the CRC; belongs to the receiver. */
  readonly bytes: Uint8Array
  readonly request: boolean
  readonly answer: boolean
  readonly exception: boolean
  readonly atMs: number
  readonly endMs: number
  readonly from: 'client' | 'server' | undefined
}

export interface SplitRejection {
  readonly bytes: Uint8Array
  readonly atMs: number
  readonly endMs: number
  /** It began like a frame of this unit and function, but its checksum was wrong. */
  readonly damaged?: { readonly unitId: number; readonly fc: number }
}

export interface SplitterEvents {
  frame(frame: SplitFrame): void
  rejected(rejection: SplitRejection): void
}

export interface Splitter {
  push(bytes: Uint8Array, atMs: number, from?: 'client' | 'server'): void
  /** The line is quiet: frames behind an unfinished one are not held up by it any longer. */
  quiet(): void
  /** Nothing comes any more. */
  end(): void
  /** Bytes that are held because they may become a frame. */
  readonly held: number
}

/** From here on a pause counts as one. Chunks of one frame are at most 16 ms apart, as USB adapters deliver them. */
export const quietAfterMs = 50
const capacity = 4096
const slice = 1024
const mostSoftStarts = 8

/**
 * Splits what is heard on an RS-485 line into frames: by length and checksum, moving on byte by byte where there is none.
 * Pauses only decide what length and checksum leave open, because adapters and systems join and cut what they deliver.
 */
export function createRtuSplitter(events: SplitterEvents, hints: SearchHints): Splitter {
  const buffer = new Uint8Array(capacity)
  const times = createByteTimes()
  /** Offset of buffer[0] in the stream. */
  let base = 0
  let end = 0
  /** Where rejected bytes begin, and where the search goes on. */
  let start = 0
  let at = 0
  let hardStart = 0
  let softStarts: number[] = []
  let damaged: SplitRejection['damaged']
  let lastMs = Number.NEGATIVE_INFINITY
  let lastFrom: 'client' | 'server' | undefined

  const isFresh = (position: number): boolean => times.startsFresh(base + position)
  const isSynced = (position: number): boolean =>
    position === hardStart || softStarts.includes(base + position) || isFresh(position)

  const look = (position: number, final: boolean): Look =>
    lookAt({ bytes: buffer, at: position, end, synced: isSynced(position), final, fresh: isFresh }, hints)

  function reject(to: number): void {
    while (start < to) {
      const stop = Math.min(to, start + longestFrame)
      events.rejected({
        bytes: buffer.slice(start, stop),
        atMs: times.at(base + start).atMs,
        endMs: times.at(base + stop - 1).atMs,
        ...(damaged && { damaged }),
      })
      damaged = undefined
      start = stop
    }
  }

  function accept(position: number, found: Extract<Look, { found: 'frame' }>): void {
    reject(position)
    const stop = position + found.length
    const first = times.at(base + position)
    at = stop
    start = stop
    hardStart = stop
    softStarts = []
    damaged = undefined
    const { request, answer, exception } = found
    events.frame({
      bytes: buffer.slice(position, stop),
      request,
      answer,
      exception,
      atMs: first.atMs,
      endMs: times.at(base + stop - 1).atMs,
      from: first.from,
    })
  }

  /** Goes on past a position where no frame begins. */
  function pass(ends: readonly number[]): void {
    if (ends.length > 0 && isSynced(at)) {
      damaged ??= { unitId: buffer[at]!, fc: buffer[at + 1]! }
      softStarts = [...softStarts, ...ends.map((stop) => base + stop)].slice(-mostSoftStarts)
    }
    at++
    if (at - start >= longestFrame) reject(at)
  }

  function settle(): void {
    while (at < end) {
      const found = look(at, false)
      if (found.found === 'wait') return
      if (found.found === 'frame') accept(at, found)
      else pass(found.ends)
    }
  }

  /** Takes whole frames that stand behind an unfinished one. What may still be finished stays, unless nothing comes. */
  function giveUpWaiting(ended: boolean): void {
    settle()
    for (let position = at; position < end; position++) {
      const found = look(position, true)
      if (found.found !== 'frame') continue
      accept(position, found)
      settle()
      position = at - 1
    }
    if (ended) at = end
    if (at === end) reject(end)
  }

  function makeRoom(): void {
    buffer.copyWithin(0, start, end)
    base += start
    end -= start
    at -= start
    hardStart -= start
    start = 0
    times.forget(base)
  }

  return {
    push(bytes, atMs, from) {
      const turned = from !== lastFrom && end > at
      if (turned || atMs - lastMs >= quietAfterMs) giveUpWaiting(turned)
      const fresh = turned || !(atMs - lastMs < quietAfterMs)
      lastMs = atMs
      lastFrom = from
      for (let taken = 0; taken < bytes.length; taken += slice) {
        const part = bytes.subarray(taken, taken + slice)
        if (end + part.length > capacity) makeRoom()
        times.add(base + end, { atMs, fresh: fresh && taken === 0, from })
        buffer.set(part, end)
        end += part.length
        settle()
      }
    },
    quiet: () => giveUpWaiting(false),
    end: () => giveUpWaiting(true),
    get held() {
      return end - at
    },
  }
}
