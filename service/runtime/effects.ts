import type { MapCommand } from '#contract/point-map.ts'

/** What a device did with a value that it has accepted. */
export type Effect = 'unknown' | 'seen' | 'none'

export interface EffectWatch {
  /** A value was accepted by the device. */
  told(value: number, monotonicMs: number): void
  /** The device has been given back, or control is off: nothing is expected of it. */
  forget(): void
  /** The measured value of the point that must follow; undefined while it is not measured. */
  look(measured: number | undefined, monotonicMs: number): Effect
  /** Earliest time of the next attempt, on the monotonic clock; a value that relieves a limit waits for less. */
  mayTellAtMs(relieves: boolean): number
}

const firstPauseMs = 10_000
const longestPauseMs = 900_000
/** Relief is never given up, but tried at this slow rate. */
const reliefPauseMs = 30_000

/** Commands that set an upper bound: less than asked is what was asked. */
const bounding = /^(limit|setCurrentA$)/

/**
 * Whether a device does what it has acknowledged. A command that is accepted without effect is repeated after pauses that grow to
 * a quarter of an hour, and as often as before once it has shown an effect or is told the opposite.
 */
export function createEffectWatch(name: string, effect: NonNullable<MapCommand['effect']>): EffectWatch {
  const { tolerance, withinMs } = effect
  /** Values in force within the time that the device has to follow, oldest first. */
  let recent: { value: number; atMs: number }[] = []
  let seenMs = Infinity
  let lastToldMs = -Infinity
  let pauses = 0

  function follows(measured: number): boolean {
    const values = recent.map(({ value }) => value)
    const low = Math.min(...values)
    const high = Math.max(...values)
    if (measured > Math.max(0, high) + tolerance || (!bounding.test(name) && measured < Math.min(0, low) - tolerance))
      return false
    if (bounding.test(name)) return true
    // On the way, or held back by a limit of its own, is an effect; standing still is none.
    const asked = Math.abs(low) > tolerance && Math.abs(high) > tolerance && Math.sign(low) === Math.sign(high)
    return !asked || measured * Math.sign(low) > Math.min(tolerance, Math.abs(low) / 2)
  }

  return {
    told(value, monotonicMs) {
      const before = recent.at(-1)
      // Something else is asked: that is worth another try at once.
      if (before && Math.sign(before.value) !== Math.sign(value)) pauses = 0
      if (!before) seenMs = monotonicMs
      recent.push({ value, atMs: monotonicMs })
      lastToldMs = monotonicMs
      if (pauses > 0) pauses += 1
    },
    forget() {
      recent = []
      pauses = 0
      seenMs = Infinity
    },
    look(measured, monotonicMs) {
      // The newest value before that time was still in force in it.
      while (recent.length > 1 && (recent[1]?.atMs ?? Infinity) < monotonicMs - withinMs) recent.shift()
      if (recent.length === 0) return 'unknown'
      if (measured === undefined) {
        // The time to follow begins anew once it can be seen.
        seenMs = monotonicMs
        return pauses > 0 ? 'none' : 'unknown'
      }
      if (follows(measured)) {
        seenMs = monotonicMs
        pauses = 0
        return 'seen'
      }
      if (monotonicMs - seenMs <= withinMs) return pauses > 0 ? 'none' : 'unknown'
      pauses = Math.max(1, pauses)
      return 'none'
    },
    mayTellAtMs(relieves) {
      if (pauses === 0) return -Infinity
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (pauses - 1))
      return lastToldMs + (relieves ? Math.min(reliefPauseMs, pauseMs) : pauseMs)
    },
  }
}
