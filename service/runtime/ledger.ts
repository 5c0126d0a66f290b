import {
  type Ledger,
  ledgerEntry,
  type LedgerEntry,
  type LedgerQuery,
  ledgerRecord,
  type LedgerRecord,
} from '#contract/manual-write.ts'
import type { Journal } from '../storage/types.ts'

type Entry = Awaited<ReturnType<Journal['entries']>>[number]

const pageSize = 500
/** Automatic control writes into the same journal: so many pages are looked through at once. */
const mostPages = 10

/** The writes of people in the journal, newest first: each once, with what it takes to put back what was there. */
export async function readLedger(journal: Pick<Journal, 'entries'>, { before, limit }: LedgerQuery): Promise<Ledger> {
  const entries: LedgerEntry[] = []
  /** Writes whose outcome was seen, and whose attempt is still to come. */
  const ended = new Set<string>()
  let next = before
  for (let page = 0; page < mostPages; page += 1) {
    const found = await journal.entries({ kind: 'write', limit: pageSize, ...(next !== undefined && { before: next }) })
    for (const entry of found) {
      const record = recordOf(entry)
      if (!record || entry.outcome === 'refused') {
        next = entry.seq
        continue
      }
      const key = `${entry.principal} ${entry.deviceId ?? ''} ${entry.command ?? ''} ${String(entry.data?.['ledger'])}`
      if (entry.outcome === 'attempt' && ended.delete(key)) {
        next = entry.seq
        continue
      }
      if (entries.length === limit) return { entries, ...(next !== undefined && { next }) }
      if (entry.outcome !== 'attempt') ended.add(key)
      entries.push(shown(entry, record))
      next = entry.seq
    }
    if (found.length < pageSize) return { entries }
  }
  return { entries, ...(next !== undefined && { next }) }
}

/** Undefined for what automatic control has written, and for what an earlier version wrote. */
function recordOf({ data }: Entry): LedgerRecord | undefined {
  const text = data?.['ledger']
  if (typeof text !== 'string') return undefined
  const parsed = ledgerRecord.safeParse(JSON.parse(text))
  return parsed.success ? parsed.data : undefined
}

function shown(entry: Entry, record: LedgerRecord): LedgerEntry {
  const { seq, atMs, principal, deviceId, command, outcome, detail, frames } = entry
  const { bus, unitId, unit, write, before } = record
  const known = ledgerEntry.shape.outcome.safeParse(outcome)
  return {
    seq,
    atMs,
    principal,
    deviceId: deviceId ?? `${bus} unit ${unitId}`,
    what: command ?? '',
    value: write.value,
    ...(before !== undefined && { before }),
    unit,
    outcome: known.success ? known.data : 'unknown',
    ...(detail !== undefined && { detail }),
    frames: [...(frames ?? [])],
    ...(before !== undefined && before !== write.value && { undo: { bus, unitId, write: backTo(write, before) } }),
  }
}

/** Limits that a person typed in for one value let the value through that was there before. */
function backTo(write: LedgerRecord['write'], value: number): NonNullable<LedgerEntry['undo']>['write'] {
  if (write.kind === 'register')
    return { ...write, value, min: Math.min(write.min, value), max: Math.max(write.max, value) }
  const { mapHash: _mapHash, ...rest } = write
  return { ...rest, value }
}
