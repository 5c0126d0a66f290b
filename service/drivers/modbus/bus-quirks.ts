import type { Quirks } from '#contract/point-map.ts'

/** What all units of a bus together demand of the connection they share. */
export interface BusRules {
  readonly connectDelayMs: number
  readonly firstAnswerLost: boolean
  /** Most requests under way at once. */
  readonly pipeline: number
  /** RTU frames on a socket. */
  readonly rtuFrames: boolean
  /** Idle time after which the connection is closed by us. */
  readonly releaseMs?: number
}

/** A device for one client is let go after so long without a request. */
const singleClientHoldMs = 100

/** The strictest of each rule. */
export function combineQuirks(all: readonly Quirks[]): BusRules {
  const connectDelayMs = Math.max(0, ...all.map((quirks) => quirks.connectDelayMs ?? 0))
  const releases = all.flatMap((quirks) => [
    // Where connecting is slow, it is held longer: otherwise it would be connecting more than working.
    ...(quirks.singleClient ? [Math.max(singleClientHoldMs, 2 * connectDelayMs)] : []),
    ...(quirks.idleCloseMs === undefined ? [] : [0.8 * quirks.idleCloseMs]),
  ])
  return {
    connectDelayMs,
    firstAnswerLost: all.some((quirks) => quirks.firstAnswerLost),
    pipeline: Math.min(16, ...all.map((quirks) => quirks.pipeline ?? 1)),
    rtuFrames: all.some((quirks) => quirks.framing === 'rtu-over-tcp'),
    ...(releases.length > 0 ? { releaseMs: Math.min(...releases) } : {}),
  }
}
