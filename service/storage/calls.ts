import type { SiteEvent } from '#contract/api.ts'
import type { ErrorCode } from '#contract/errors.ts'
import type { ChainPoint, JournalEntry, JournalRow, VerifyResult } from './journal-chain.ts'
import type { StorageLimits } from './limits.ts'
import type { EntryQuery, EventQuery, ExplainRow, MeasurementQuery, MeasurementSeries, StorageNote } from './types.ts'

/** Samples as columns: far cheaper to hand to the worker than objects. */
export interface SampleColumns {
  readonly devices: readonly string[]
  readonly metrics: readonly string[]
  readonly atMs: Float64Array
  readonly values: Float64Array
}

/** What the main thread asks of the worker. */
export interface Calls {
  write: {
    params: { readonly samples: SampleColumns; readonly events: readonly SiteEvent[]; readonly nowMs: number }
    result: { readonly historyBytes: number }
  }
  /** `prune`: entries up to here exceed the bound and may go once an entry in the chain says so. */
  append: { params: readonly JournalRow[]; result: { readonly prune?: ChainPoint } }
  measurements: { params: MeasurementQuery; result: MeasurementSeries }
  events: { params: EventQuery; result: SiteEvent[] }
  explain: { params: readonly ExplainRow[]; result: undefined }
  explanations: { params: { readonly deviceId: string; readonly atMs: number }; result: ExplainRow[] }
  metrics: { params: { readonly deviceId: string }; result: string[] }
  entries: { params: EntryQuery; result: JournalEntry[] }
  verify: { params: undefined; result: VerifyResult }
  close: { params: undefined; result: undefined }
}
export type CallName = keyof Calls

export type DatabaseName = 'history' | 'journal'

export interface WorkerStart {
  readonly folder: string
  readonly limits: StorageLimits
  readonly nowMs: number
  /** Databases that turned out damaged while running. */
  readonly damaged: readonly DatabaseName[]
}

export interface Ready {
  /** The place the chain goes on from. */
  readonly head: ChainPoint
  /** The file the damaged journal was renamed to. */
  readonly journalSetAside?: string
  readonly notes: readonly StorageNote[]
}

export type Request = {
  [K in CallName]: { readonly id: number; readonly name: K; readonly params: Calls[K]['params'] }
}[CallName]

export type Reply =
  | { readonly id: number; readonly ok: true; readonly result: Calls[CallName]['result'] }
  | {
      readonly id: number
      readonly ok: false
      readonly code: ErrorCode
      readonly message: string
      /** The worker must be started anew, with these databases set aside. */
      readonly restart?: readonly DatabaseName[]
    }

export type FromWorker =
  | { readonly kind: 'ready'; readonly ready: Ready }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'note'; readonly note: StorageNote }
  | { readonly kind: 'reply'; readonly reply: Reply }
