import { EdgeError } from '#contract/errors.ts'
import type { Clock } from '../domain/clock.ts'
import type { Calls, Ready } from './calls.ts'
import { type ChainPoint, chainEntry, type JournalEntry, type JournalInput, type JournalRow } from './journal-chain.ts'
import type { Journal } from './types.ts'

/** Most rows in one transaction. */
const batchRows = 500
/** Pause after a failure, and the longest wait for a durable entry. */
const retryMs = 1_000
const durableMs = 5_000
const self = 'storage'

export interface ChainedJournal extends Journal {
  /** The worker has opened the journal, for the first time or again. */
  attach(ready: Ready): void
  /** To be called about once a second: sends what was left and gives up on what waits too long. */
  tick(): void
  /** Resolves when everything pending is on the disk, rejects when it cannot be. */
  drain(): Promise<void>
  pending(): number
  /** Since start. */
  dropped(): number
}

interface Waiter {
  readonly seq: number
  readonly sinceMs: number
  resolve(): void
  reject(error: EdgeError): void
}

type Send = <K extends 'append' | 'entries' | 'verify'>(
  name: K,
  params: Calls[K]['params'],
) => Promise<Calls[K]['result']>

/** The chain lives here, in memory; the worker only stores its rows. */
export function createJournal(options: {
  clock: Clock
  maxPending: number
  call: Send
  onStored(): void
  onFailure(error: EdgeError): void
}): ChainedJournal {
  const { clock, maxPending, call, onStored, onFailure } = options
  let head: ChainPoint | undefined
  let pending: JournalRow[] = []
  let waiters: Waiter[] = []
  let sending = false
  let retryAtMs = -Infinity
  let prunedSeq = 0
  let dropped = 0
  let gap: { count: number; readonly fromMs: number; toMs: number } | undefined

  function chain(input: JournalInput): JournalEntry | undefined {
    if (!head) return undefined
    const { entry, row } = chainEntry(input, head, clock.nowMs())
    head = { seq: entry.seq, hash: entry.hash }
    pending.push(row)
    return entry
  }

  /** Says in the chain what could not be kept, as soon as there is room again. */
  function closeGap(): void {
    if (!gap || !head || pending.length >= maxPending) return
    const { count, fromMs, toMs } = gap
    gap = undefined
    const between = `between ${new Date(fromMs).toISOString()} and ${new Date(toMs).toISOString()}`
    const detail = `${count} entries ${between} could not be stored`
    chain({ kind: 'gap', principal: self, detail, data: { count, fromMs, toMs } })
  }

  function append(input: JournalInput): JournalEntry | undefined {
    closeGap()
    if (head && pending.length < maxPending) return chain(input)
    const atMs = clock.nowMs()
    dropped += 1
    gap ??= { count: 0, fromMs: atMs, toMs: atMs }
    gap.count += 1
    gap.toMs = atMs
    return undefined
  }

  function settle(storedSeq: number): void {
    const stored = waiters.filter(({ seq }) => seq <= storedSeq)
    waiters = waiters.filter(({ seq }) => seq > storedSeq)
    for (const waiter of stored) waiter.resolve()
  }

  function giveUp(error: EdgeError, sinceMs = Infinity): void {
    const lost = waiters.filter((waiter) => waiter.sinceMs <= sinceMs)
    waiters = waiters.filter((waiter) => waiter.sinceMs > sinceMs)
    for (const waiter of lost) waiter.reject(error)
  }

  async function send(): Promise<void> {
    sending = true
    try {
      const batch = pending.slice(0, batchRows)
      const { prune } = await call('append', batch)
      const lastSeq = batch.at(-1)?.seq ?? 0
      pending = pending.filter(({ seq }) => seq > lastSeq)
      closeGap()
      if (prune && prune.seq > prunedSeq) {
        prunedSeq = prune.seq
        checkpoint('pruned', `entries up to ${prune.seq} are deleted to keep the journal below its size`, prune)
      }
      settle(lastSeq)
      onStored()
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error
      retryAtMs = clock.monotonicMs() + retryMs
      giveUp(error)
      onFailure(error)
    } finally {
      sending = false
    }
    if (waiters.length > 0 || pending.length >= batchRows) flush()
  }

  function checkpoint(kind: 'pruned' | 'set-aside', detail: string, upTo: ChainPoint): void {
    chain({ kind, principal: self, detail, data: { upToSeq: upTo.seq, upToHash: upTo.hash } })
  }

  function flush(): void {
    if (sending || pending.length === 0 || clock.monotonicMs() < retryAtMs) return
    void send()
  }

  const stored = (seq: number): Promise<void> =>
    new Promise((resolve, reject) => waiters.push({ seq, sinceMs: clock.monotonicMs(), resolve, reject }))

  return {
    append,
    flush,
    async appendDurable(input) {
      const entry = append(input)
      if (!entry) throw new EdgeError('storage.full', 'the journal cannot take more entries at the moment')
      const done = stored(entry.seq)
      flush()
      await done
      return entry
    },
    entries: (query) => call('entries', query),
    verify: () => call('verify', undefined),
    attach(ready) {
      retryAtMs = -Infinity
      if (head) pending = pending.filter(({ seq }) => seq > ready.head.seq)
      else head = ready.head
      if (ready.journalSetAside !== undefined) {
        const detail = `the damaged journal is kept as ${ready.journalSetAside}`
        checkpoint('set-aside', detail, beforePending(pending[0], head))
      }
      closeGap()
      flush()
    },
    tick() {
      flush()
      giveUp(
        new EdgeError('storage.down', 'the disk did not store a journal entry in time'),
        clock.monotonicMs() - durableMs,
      )
    },
    async drain() {
      const last = pending.at(-1)
      if (!last) return
      const done = stored(last.seq)
      flush()
      await done
    },
    pending: () => pending.length,
    dropped: () => dropped,
  }
}

/** The place before the first row that a new journal file will hold. */
function beforePending(first: JournalRow | undefined, head: ChainPoint): ChainPoint {
  if (!first) return head
  const { prevHash } = JSON.parse(first.body) as { prevHash: string }
  return { seq: first.seq - 1, hash: prevHash }
}
