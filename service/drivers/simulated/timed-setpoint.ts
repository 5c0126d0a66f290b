import type { Clock } from '../../domain/clock.ts'

/**
 * A setpoint that lives until its timer runs out, counted by the device itself. Real time, whatever the speed of the plant:
 * the partner on the wire that has to renew it lives in real time too.
 */
export interface TimedSetpoint {
  /** The setpoint in force, undefined when none was given or its time is over. */
  value(): number | undefined
  /** Puts a setpoint in force for `seconds`; 0 is for ever. */
  set(value: number, seconds: number): void
  clear(): void
  /** Seconds left, rounded up; 0 when none is in force or it has no timer. */
  remainingS(): number
}

/** `forgets` is false for a device whose timer does not work. */
export function createTimedSetpoint(
  clock: Pick<Clock, 'monotonicMs'>,
  forgets: () => boolean = () => true,
): TimedSetpoint {
  let current: { value: number; untilMs: number } | undefined
  const alive = () => {
    if (current && clock.monotonicMs() >= current.untilMs && forgets()) current = undefined
    return current
  }
  return {
    value: () => alive()?.value,
    set(value, seconds) {
      current = { value, untilMs: seconds === 0 ? Infinity : clock.monotonicMs() + seconds * 1000 }
    },
    clear() {
      current = undefined
    },
    remainingS() {
      const entry = alive()
      return entry && entry.untilMs !== Infinity
        ? Math.max(0, Math.ceil((entry.untilMs - clock.monotonicMs()) / 1000))
        : 0
    },
  }
}
