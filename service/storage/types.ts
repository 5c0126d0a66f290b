import type { Fault, SiteEvent } from '#contract/api.ts'
import type { ErrorCode } from '#contract/errors.ts'
import type { JournalEntry, JournalInput, VerifyResult } from './journal-chain.ts'

export interface Sample {
  readonly deviceId: string
  readonly metric: string
  readonly atMs: number
  readonly value: number
}

export interface MeasurementQuery {
  readonly deviceId: string
  readonly metric: string
  /** Included. */
  readonly fromMs: number
  /** Excluded. */
  readonly toMs: number
  /** Most points to return, at least 2. */
  readonly points: number
}

export interface MeasurementSeries {
  /** Width of one step; absent when every stored sample is returned. */
  readonly stepMs?: number
  /**
   * In order of time. With `stepMs`, `atMs` is the start of a step, steps without samples are left out, and steps of a
   * minute or more start on a whole minute (the first one at or before `fromMs`).
   */
  readonly series: readonly { readonly atMs: number; readonly value: number }[]
}

export interface EventQuery {
  /** Only events with a smaller ID. */
  readonly before?: number | undefined
  readonly limit: number
  readonly deviceId?: string | undefined
  readonly severity?: SiteEvent['severity'] | undefined
}

export interface EntryQuery {
  /** Only entries with a smaller sequence number. */
  readonly before?: number | undefined
  readonly limit: number
  readonly kind?: string | undefined
  readonly deviceId?: string | undefined
}

/** Why a setpoint was what it was, from `atMs` on. */
export interface ExplainRow {
  readonly deviceId: string
  /** Empty for a device that was left alone. */
  readonly command: string
  readonly atMs: number
  /** Since when the same rules have decided. */
  readonly sinceMs: number
  readonly value?: number
  /** Sentences without their numbers: stored once, however often they are used. */
  readonly text: string
  /** What was taken out of them. */
  readonly numbers: string
}

/** Something that happened to the storage and that a person should read once. */
export interface StorageNote {
  readonly severity: SiteEvent['severity']
  readonly code: ErrorCode
  readonly message: string
}

/** Where the storage reports to. It keeps nothing itself, so that its faults live and end like all others. */
export interface StorageReport {
  raise(key: string, fault: Omit<Fault, 'sinceMs'>): void
  clear(key: string, message: string): void
  note(note: StorageNote): void
}

export interface Journal {
  /**
   * Chains an entry in memory; it goes to the disk with the next `flush`. Never blocks and never throws. Undefined when the
   * entry could not be kept because the disk has been full or slow for long: a gap entry then says how many were lost.
   */
  append(input: JournalInput): JournalEntry | undefined
  /** Sends what is pending to the disk without waiting. Call it at most once per cycle. */
  flush(): void
  /**
   * Chains an entry and resolves once it is on the disk for good. Rejects with `storage.full` or `storage.down` when that
   * is not so within 5 s; what the entry announces must then not be done.
   */
  appendDurable(input: JournalInput): Promise<JournalEntry>
  /** Newest first. */
  entries(query: EntryQuery): Promise<JournalEntry[]>
  /** Reads the whole journal, in slices, and names the first entry that was changed, removed or moved. */
  verify(): Promise<VerifyResult>
}

export interface StorageStats {
  readonly state: 'ok' | 'full' | 'down'
  readonly queuedSamples: number
  /** Since start. */
  readonly droppedSamples: number
  readonly pendingEntries: number
  /** Since start. */
  readonly droppedEntries: number
  readonly historyBytes: number
}

export interface Storage extends AsyncDisposable {
  /** What opening found: a database set aside, a broken journal. A full disk is a fault, see `subscribe`. */
  readonly warnings: readonly StorageNote[]
  readonly journal: Journal
  /** Who is told from now on; a fault that is there already is raised at once. */
  subscribe(report: StorageReport): void
  /** Queues samples. Values that are not finite are left out. */
  addSamples(batch: readonly Sample[]): void
  /** Gives the event its ID and queues it. IDs grow, and none is used twice even after a crash. */
  addEvent(event: Omit<SiteEvent, 'id'>): SiteEvent
  /** Resolves when everything queued so far is stored; rejects when it cannot be. */
  flush(): Promise<void>
  measurements(query: MeasurementQuery): Promise<MeasurementSeries>
  /** Queues reasons of setpoints; without room the oldest are dropped. */
  addExplanations(rows: readonly ExplainRow[]): void
  /** The reasons in force at a time, one row for each command of the device. What was queued lately may be missing. */
  explanations(deviceId: string, atMs: number): Promise<ExplainRow[]>
  /** Newest first, those not yet on the disk included. */
  events(query: EventQuery): Promise<SiteEvent[]>
  /** Names of the metrics stored for a device. */
  metricsOf(deviceId: string): Promise<string[]>
  stats(): StorageStats
}
