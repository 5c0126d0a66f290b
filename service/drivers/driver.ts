import type { DevicePoint, Link, PollGroup } from '#contract/api.ts'
import type { Reading } from '#contract/reading.ts'
import type { SafeSetpoint } from '#contract/setpoint.ts'
import type { ResolvedMap } from '../pointmap/types.ts'

/** What became of one write on the wire. */
export interface WriteOutcome {
  /** confirmed: read back equal; written: acknowledged, the map names no read-back. */
  readonly result: 'confirmed' | 'written' | 'failed'
  readonly reason?: string
  /** Of a failure on the wire: silence, or a refusal by the device. Absent for what failed before or after. */
  readonly cause?: 'no-answer' | 'exception'
  /** The request bytes as sent, hex, for the journal. */
  readonly frames: readonly string[]
  /** Value found by read-back, in the unit of the command. */
  readonly readBack?: number
}

/** A value about to be written, encoded but not sent: what dry run records. */
export interface EncodedWrite {
  readonly frames: readonly string[]
}

/** A reading with its time on the monotonic clock, so that ages survive a step of the wall clock. */
export interface TimedReading extends Reading {
  readonly monotonicMs: number
}

/**
 * A device on a bus. No method rejects for what happens in the field (silence, exceptions, garbage);
 * that is a reading with quality bad, or an outcome.
 */
export interface Device extends AsyncDisposable {
  readonly id: string
  /** Reads what is due. Calls while a poll is under way return that poll. */
  poll(): Promise<void>
  /** Newest reading of every point that was ever asked for, keyed by point name. Ages are not applied here. */
  readings(): ReadonlyMap<string, TimedReading>
  link(): Link
  points(): readonly DevicePoint[]
  pollGroups(): readonly PollGroup[]
  /** The map as it was bound to this device; undefined before a SunSpec device was walked. */
  bound(): ResolvedMap | undefined
  /** Longest recent duration of a poll (p95 of the last 20), for phase-locking polls to the cycle. */
  pollDurationMs(): number
  /** Writes one setpoint with everything the map demands around it: reversion timer, enable, commit, read-back. */
  write(setpoint: SafeSetpoint): Promise<WriteOutcome>
  /** Like `write`, for a value that a person chose: the guard has held it against the limits of the map. */
  writeByHand(command: string, value: number): Promise<WriteOutcome>
  /** The frames `write` would send now. */
  encode(setpoint: Pick<SafeSetpoint, 'command' | 'value'>): EncodedWrite
  /** Hands control back to the device at once, where its map says how. */
  release(command: string): Promise<WriteOutcome>
}
