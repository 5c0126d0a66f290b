import { type BlockPlace, type BlockTally, createBlockTally, placeOfFrame } from './block-tally.ts'
import type { FrameSink } from './frame-sink.ts'
import { createRing, quantile, type Ring } from './ring.ts'
import type { Endpoint, FrameCounts, ListenFrame, ListenPair, UnitStatistics } from './types.ts'

/** Counts what the decoders find, and draws the map from it. Bounded, however long it runs. */
export interface Tally extends FrameSink {
  readonly counts: FrameCounts
  readonly pairs: number
  readonly units: readonly UnitTally[]
  readonly blocks: readonly BlockTally[]
  /** Blocks that were left out. */
  readonly leftOut: number
  frames(): ListenFrame[]
  recentPairs(): ListenPair[]
}

export interface UnitTally {
  readonly key: string
  readonly server: Endpoint | undefined
  readonly unitId: number
  snapshot(): Omit<UnitStatistics, 'candidates'>
}

export interface TallyListeners {
  frame(frame: ListenFrame): void
  pair(pair: ListenPair): void
}

const mostBlocks = 5000
const keptPairs = 200
const keptTurnarounds = 512

export const unitKey = (server: Endpoint | undefined, unitId: number): string =>
  `${server ? `${server.host} ${server.port}` : ''} ${unitId}`

export function createTally(listeners: TallyListeners, keptFrames: number): Tally {
  const counts = {
    requests: 0,
    answers: 0,
    exceptions: 0,
    unknown: 0,
    rejected: 0,
    rejectedBytes: 0,
    crcErrors: 0,
  } satisfies FrameCounts
  const frames = createRing<ListenFrame>(keptFrames)
  const recentPairs = createRing<ListenPair>(keptPairs)
  const units = new Map<string, ReturnType<typeof createUnit>>()
  const blocks = new Map<string, BlockTally>()
  let next = 0
  let pairs = 0
  let leftOut = 0

  function unitOf({ conversation, unitId }: ListenFrame): ReturnType<typeof createUnit> | undefined {
    if (unitId === undefined) return undefined
    const key = unitKey(conversation?.server, unitId)
    const unit = units.get(key) ?? createUnit(key, conversation?.server, unitId)
    // One that is not kept is only counted.
    if (units.size < mostBlocks) units.set(key, unit)
    return unit
  }

  function blocksOf(frame: ListenFrame): BlockTally[] {
    return (['read', 'write'] as const).flatMap((access) => {
      const place = placeOfFrame(frame, access)
      return (place && blockAt(place)) ?? []
    })
  }

  function blockAt(place: BlockPlace): BlockTally | undefined {
    const key = `${unitKey(place.server, place.unitId)} ${place.fc} ${place.access} ${place.address} ${place.count}`
    const known = blocks.get(key)
    if (known) return known
    if (blocks.size >= mostBlocks) {
      leftOut++
      return undefined
    }
    const block = createBlockTally(place)
    blocks.set(key, block)
    return block
  }

  function count(frame: ListenFrame): void {
    switch (frame.role) {
      case 'request':
        counts.requests++
        break
      case 'answer':
        counts.answers++
        break
      case 'exception':
        counts.exceptions++
        break
      case 'unknown':
        counts.unknown++
        break
      case 'rejected':
        counts.rejected++
        counts.rejectedBytes += frame.hex.length / 2
        if (frame.fc !== undefined) counts.crcErrors++
    }
  }

  return {
    get next() {
      return next
    },
    frame(frame) {
      next++
      count(frame)
      const unit = unitOf(frame)
      if (frame.role === 'rejected') unit?.damaged()
      else unit?.heard(frame)
      if (frame.role === 'request') for (const block of blocksOf(frame)) block.requested(frame)
      // What names its registers itself needs no question.
      if (frame.framing === 'givenergy' && frame.role === 'answer' && frame.answers === undefined)
        for (const block of blocksOf(frame)) block.answered(frame, undefined)
      frames.push(frame)
      listeners.frame(frame)
    },
    pair(request, answer) {
      pairs++
      const turnaroundMs = Math.max(0, answer.atMs - request.endMs)
      unitOf(request)?.answered(answer, turnaroundMs)
      // An unknown frame that turns out to be a request was not counted as one.
      for (const block of blocksOf(request)) {
        if (request.role !== 'request') block.requested(request)
        block.answered(answer, request)
      }
      const pair: ListenPair = {
        request: request.number,
        answer: answer.number,
        unitId: request.unitId!,
        fc: request.fc!,
        turnaroundMs,
        ...(answer.exception !== undefined && { exception: answer.exception }),
      }
      recentPairs.push(pair)
      listeners.pair(pair)
    },
    unanswered(request) {
      unitOf(request)?.unanswered()
      for (const block of blocksOf(request)) block.unanswered()
    },
    get counts() {
      return { ...counts }
    },
    get pairs() {
      return pairs
    },
    get units() {
      return [...units.values()]
    },
    get blocks() {
      return [...blocks.values()]
    },
    get leftOut() {
      return leftOut
    },
    frames: () => frames.items(),
    recentPairs: () => recentPairs.items(),
  }
}

function createUnit(key: string, server: Endpoint | undefined, unitId: number) {
  const turnarounds: Ring<number> = createRing(keptTurnarounds)
  const exceptions: Record<number, number> = {}
  let asked = 0
  let answered = 0
  let unanswered = 0
  let crcErrors = 0
  let lastHeardMs = Number.NaN

  return {
    key,
    server,
    unitId,
    heard(frame: ListenFrame): void {
      lastHeardMs = frame.endMs
      if (frame.role === 'request') asked++
    },
    answered(answer: ListenFrame, turnaroundMs: number): void {
      answered++
      turnarounds.push(turnaroundMs)
      if (answer.exception !== undefined) exceptions[answer.exception] = (exceptions[answer.exception] ?? 0) + 1
    },
    unanswered: () => void unanswered++,
    damaged: () => void crcErrors++,
    snapshot(): Omit<UnitStatistics, 'candidates'> {
      const times = turnarounds.items()
      const median = quantile(times, 0.5)
      return {
        ...(server && { server }),
        unitId,
        asked,
        answered,
        exceptions: { ...exceptions },
        unanswered,
        crcErrors,
        ...(median !== undefined && { turnaroundMs: { median, p95: quantile(times, 0.95)! } }),
        lastHeardMs,
      }
    },
  }
}
