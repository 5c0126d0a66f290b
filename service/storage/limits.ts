const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** Bounds of everything the storage keeps, in memory and on disk. */
export interface StorageLimits {
  /** Age at which single samples are deleted. */
  readonly sampleAgeMs: number
  /** Age at which one-minute means are deleted. */
  readonly meanAgeMs: number
  readonly events: number
  readonly journalEntries: number
  /** Age at which the reasons of setpoints are deleted, and how many of them are kept at most. */
  readonly explainAgeMs: number
  readonly explainRows: number
  readonly queuedExplanations: number
  /** Size of the history database; above it the oldest samples go first, then means, then events. */
  readonly historyBytes: number
  /** Most samples waiting in memory, oldest dropped first. */
  readonly queuedSamples: number
  readonly queuedEvents: number
  /** Most journal entries waiting in memory; later ones are counted in a gap entry. */
  readonly queuedEntries: number
  /** Rows in arrival order after which they are sorted into their series. */
  readonly recentRows: number
  /** The same, by age. */
  readonly recentAgeMs: number
  /** Databases up to this size are checked as a whole at start. */
  readonly checkedBytes: number
}

export const defaultLimits: StorageLimits = {
  sampleAgeMs: 8 * dayMs,
  meanAgeMs: 400 * dayMs,
  events: 100_000,
  journalEntries: 500_000,
  explainAgeMs: 8 * dayMs,
  explainRows: 4_000_000,
  queuedExplanations: 20_000,
  historyBytes: 2 * 1024 ** 3,
  queuedSamples: 50_000,
  queuedEvents: 1_000,
  queuedEntries: 10_000,
  recentRows: 30_000,
  recentAgeMs: 300_000,
  checkedBytes: 64 * 1024 ** 2,
}
