import type { HealthMinute } from '#contract/health.ts'
import { minutesKept } from '#contract/health-limits.ts'

const minuteMs = 60_000

/** What happened in each of the last minutes. Its memory does not grow. */
export interface Minutes {
  /** At this monotonic time. */
  add(atMs: number, what: keyof HealthMinute): void
  /** The minutes from `first` to `last`, both whole numbers of minutes. */
  read(first: number, last: number): HealthMinute[]
}

/** Number of the minute of a monotonic time. */
export const minuteAt = (atMs: number): number => Math.floor(atMs / minuteMs)

export function createMinutes(): Minutes {
  const stamps = new Float64Array(minutesKept).fill(-1)
  const requests = new Uint32Array(minutesKept)
  const damaged = new Uint32Array(minutesKept)
  const timeouts = new Uint32Array(minutesKept)
  const columns = { requests, damaged, timeouts }
  return {
    add(atMs, what) {
      const minute = minuteAt(atMs)
      const slot = minute % minutesKept
      if (stamps[slot] !== minute) {
        stamps[slot] = minute
        for (const column of Object.values(columns)) column[slot] = 0
      }
      columns[what][slot]! += 1
    },
    read: (first, last) =>
      spanOf(first, last).map((minute) => {
        const slot = minute % minutesKept
        const known = stamps[slot] === minute
        return {
          requests: known ? requests[slot]! : 0,
          damaged: known ? damaged[slot]! : 0,
          timeouts: known ? timeouts[slot]! : 0,
        }
      }),
  }
}

/** How long a line was busy in each of the last minutes. */
export interface BusyTime {
  /** From a monotonic time to another. Spans that overlap count once; those that come late count from the end of the last. */
  add(fromMs: number, toMs: number): void
  /** Milliseconds in each minute. */
  read(first: number, last: number): number[]
}

export function createBusyTime(): BusyTime {
  const stamps = new Float64Array(minutesKept).fill(-1)
  const busyMs = new Float64Array(minutesKept)
  let endMs = Number.NEGATIVE_INFINITY
  return {
    add(from, toMs) {
      // No request is under way for longer than what is kept.
      let fromMs = Math.max(from, endMs, toMs - minutesKept * minuteMs)
      endMs = Math.max(endMs, toMs)
      while (fromMs < toMs) {
        const minute = minuteAt(fromMs)
        const slot = minute % minutesKept
        if (stamps[slot] !== minute) {
          stamps[slot] = minute
          busyMs[slot] = 0
        }
        const untilMs = Math.min(toMs, (minute + 1) * minuteMs)
        busyMs[slot]! += untilMs - fromMs
        fromMs = untilMs
      }
    },
    read: (first, last) =>
      spanOf(first, last).map((minute) =>
        stamps[minute % minutesKept] === minute ? busyMs[minute % minutesKept]! : 0,
      ),
  }
}

const spanOf = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
