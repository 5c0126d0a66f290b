/** Time, injected so that tests and simulation decide what it is. */
export interface Clock {
  /** Wall clock, for timestamps people read. May jump. */
  nowMs(): number
  /** Monotonic, for deadlines and ages. Its zero is arbitrary. */
  monotonicMs(): number
  /** Resolves at or after the delay; rejects with the signal's reason when aborted. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
}
