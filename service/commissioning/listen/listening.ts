import type { Clock } from '../../domain/clock.ts'
import { createPcapngWriter } from '../capture/pcapng-writer.ts'
import { createProposer, type UnitProposals } from './proposals.ts'
import { createRouter } from './router.ts'
import { quietAfterMs } from './rtu-splitter.ts'
import { createTally, unitKey } from './tally.ts'
import type {
  Chunk,
  ListenFrame,
  Listening,
  ListenLibrary,
  ListenPair,
  ListenSnapshot,
  ListenSource,
  SourceEnd,
} from './types.ts'
import { summaryOf } from './summary.ts'

export interface ListeningOptions {
  readonly source: ListenSource
  readonly clock: Clock
  /** Names are proposed from it. */
  readonly library?: ListenLibrary
  /** How many frames a snapshot and the pcapng have, default 1000. */
  readonly keptFrames?: number
}

/** Names are looked up again after this time at the earliest. */
const proposalsAgeMs = 2000

/** Listens to a source until it ends or is disposed, and draws the map of what it hears. Nothing is ever sent. */
export function createListening({ source, clock, library, keptFrames = 1000 }: ListeningOptions): Listening {
  const frameListeners = new Set<(frame: ListenFrame) => void>()
  const pairListeners = new Set<(pair: ListenPair) => void>()
  const tally = createTally(
    {
      frame: (frame) => frameListeners.forEach((listener) => listener(frame)),
      pair: (pair) => pairListeners.forEach((listener) => listener(pair)),
    },
    keptFrames,
  )
  const router = createRouter(tally)
  const proposer = library && createProposer(library)
  const stop = new AbortController()
  const opening = Promise.withResolvers<void>()
  // Whoever does not ask does not have to handle it.
  opening.promise.catch(() => undefined)

  let proposals = new Map<string, UnitProposals>()
  let proposing: Promise<void> | undefined
  let proposedAt = { pairs: 0, next: 0, monotonicMs: Number.NEGATIVE_INFINITY }
  let openedMs: number | undefined
  let firstMs: number | undefined
  let lastMs = 0
  let lastMonotonicMs = 0
  let bytes = 0
  let end: SourceEnd | undefined
  let endedMs: number | undefined
  let watchingQuiet = false

  function hear(chunk: Chunk): void {
    opened()
    firstMs ??= chunk.atMs
    lastMs = Math.max(lastMs, chunk.atMs)
    lastMonotonicMs = clock.monotonicMs()
    bytes += chunk.bytes.length
    router.push(chunk)
    if (source.live && router.held > 0) void watchQuiet()
  }

  function opened(): void {
    openedMs ??= clock.nowMs()
    opening.resolve()
  }

  /** Frames behind an unfinished one are seen when the line is quiet, not when the next ones come. */
  async function watchQuiet(): Promise<void> {
    if (watchingQuiet) return
    watchingQuiet = true
    let waitMs = quietAfterMs
    while (waitMs > 0 && !stop.signal.aborted) {
      await clock.sleep(waitMs, stop.signal).catch(() => undefined)
      waitMs = lastMonotonicMs + quietAfterMs - clock.monotonicMs()
    }
    watchingQuiet = false
    if (end === undefined) router.quiet()
  }

  async function propose(): Promise<void> {
    if (!proposer) return
    proposedAt = { pairs: tally.pairs, next: tally.next, monotonicMs: clock.monotonicMs() }
    const found = new Map<string, UnitProposals>()
    for (const { key, unitId } of tally.units) {
      const blocks = tally.blocks.filter(({ place }) => unitKey(place.server, place.unitId) === key)
      if (blocks.length > 0) found.set(key, await proposer.propose(unitId, blocks))
    }
    proposals = found
  }

  function refreshProposals(): void {
    const isDue = clock.monotonicMs() - proposedAt.monotonicMs >= proposalsAgeMs
    if (proposing || end || !isDue || tally.next === proposedAt.next) return
    proposing = propose().finally(() => (proposing = undefined))
  }

  async function run(): Promise<SourceEnd> {
    try {
      return await source.run({ chunk: hear, opened }, stop.signal)
    } catch (error) {
      opening.reject(error)
      return { complete: false, reason: error instanceof Error ? error.message : String(error) }
    }
  }

  const ended = run().then(async (how) => {
    endedMs = clock.nowMs()
    router.end()
    opened()
    await proposing
    await propose()
    end = how
    return how
  })

  function snapshot(): ListenSnapshot {
    refreshProposals()
    const nowMs = endedMs ?? clock.nowMs()
    const startedAtMs = (source.live ? openedMs : firstMs) ?? nowMs
    const durationMs = Math.max(0, (source.live ? nowMs : lastMs) - startedAtMs)
    const quietMs = source.live ? Math.max(0, nowMs - (firstMs === undefined ? startedAtMs : lastMs)) : 0
    const units = tally.units.map((unit) => ({
      ...unit.snapshot(),
      candidates: proposals.get(unit.key)?.candidates ?? [],
    }))
    return {
      source: source.name,
      live: source.live,
      startedAtMs,
      durationMs,
      bytes,
      sentBytes: 0,
      quietMs,
      foreignConnections: router.foreign,
      summary: summaryOf({
        frames: tally.counts,
        pairs: tally.pairs,
        units,
        bytes,
        durationMs,
        quietMs,
        foreignConnections: router.foreign,
      }),
      frames: tally.counts,
      pairs: tally.pairs,
      units: units.toSorted((a, b) => compareServers(a, b) || a.unitId - b.unitId),
      map: tally.blocks
        .map((block) => ({
          ...block.snapshot(),
          proposed: proposals.get(unitKey(block.place.server, block.place.unitId))?.names(block.place) ?? [],
        }))
        .toSorted((a, b) => compareServers(a, b) || a.unitId - b.unitId || a.fc - b.fc || a.address - b.address),
      mapLeftOut: tally.leftOut,
      recentFrames: tally.frames(),
      recentPairs: tally.recentPairs(),
      ...(end && { end }),
    }
  }

  return {
    opened: opening.promise,
    ended,
    snapshot,
    onFrame: (listener) => subscribe(frameListeners, listener),
    onPair: (listener) => subscribe(pairListeners, listener),
    pcapng() {
      const writer = createPcapngWriter('R-EMS')
      return Buffer.concat([writer.header(), ...tally.frames().map((frame) => writer.packet(frame))])
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await ended
    },
  }
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

function compareServers(a: Pick<ListenSnapshot['units'][number], 'server'>, b: typeof a): number {
  const text = ({ server }: typeof a): string => (server ? `${server.host} ${server.port}` : '')
  return text(a).localeCompare(text(b))
}
