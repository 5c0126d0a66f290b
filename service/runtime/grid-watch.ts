import type { GridState } from '#contract/control.ts'
import type { Clock } from '../domain/clock.ts'
import type { Faults } from './faults.ts'

/** Relief acts in the same cycle and devices take seconds to follow: only what lasts is told, and only once. */
const lastsMs = 5_000

interface Seen {
  readonly sinceMs: number
  lastMs: number
  told: boolean
}

/**
 * Turns what control could not do into faults: a limit that stays violated, and a device that answers but is left alone. Silent
 * devices have a fault of their own.
 */
export function createGridWatch(options: {
  faults: Pick<Faults, 'raise' | 'clear'>
  clock: Clock
  name(deviceId: string): string
  silent(deviceId: string): boolean
}): (state: GridState) => void {
  const { faults, clock, name, silent } = options
  const seen = new Map<string, Seen>()

  /** Whether it has lasted; a pause that is shorter than that does not end it. */
  function lasts(key: string, nowMs: number): boolean {
    const before = seen.get(key)
    if (!before) {
      seen.set(key, { sinceMs: nowMs, lastMs: nowMs, told: false })
      return false
    }
    before.lastMs = nowMs
    before.told ||= nowMs - before.sinceMs >= lastsMs
    return before.told
  }

  return ({ gridId, name: gridName, violations, leftAlone }) => {
    const nowMs = clock.monotonicMs()
    for (const { limitId, tier, text } of violations) {
      const key = `limit ${gridId} ${limitId}`
      if (tier === 'economic' || !lasts(key, nowMs)) continue
      faults.raise(key, {
        code: 'limit.violated',
        severity: tier === 'physical' ? 'error' : 'warning',
        message: `${gridName}: ${text}; control has done all it can`,
        action: 'Switch off what control has no hold of, or give it more to control.',
      })
    }
    for (const { deviceId, text } of leftAlone) {
      const key = `alone ${gridId} ${deviceId}`
      if (silent(deviceId) || !lasts(key, nowMs)) continue
      faults.raise(key, {
        code: 'control.left-alone',
        severity: 'warning',
        message: `${name(deviceId)} is left alone: ${text}`,
        action: 'Correct what is named; control takes it in again by itself.',
        deviceId,
      })
    }
    for (const [key, { lastMs }] of seen) {
      const [kind, ofGrid, what = ''] = key.split(' ')
      if (ofGrid !== gridId || nowMs - lastMs < lastsMs) continue
      seen.delete(key)
      faults.clear(key, kind === 'limit' ? `${gridName}: ${what} is kept again` : `${name(what)} is controlled again`)
    }
  }
}

/** The step of a grid has begun to fail, or works again. */
export function tellFailing(
  faults: Pick<Faults, 'raise' | 'clear'>,
  gridId: string,
  name: string,
  reason: string | undefined,
): void {
  const key = `grid ${gridId}`
  if (reason === undefined) return faults.clear(key, `control of ${name} works again`)
  faults.raise(key, {
    code: 'control.failing',
    severity: 'error',
    message: `control of ${name} has failed and holds its devices at their declared safe values: ${reason}`,
    action: 'This is a fault of R-EMS: keep a capture of it. The other grids are not affected.',
  })
}

/** Whoever looks on has failed; control goes on. */
export function tellNotShown(
  faults: Pick<Faults, 'raise' | 'clear'>,
  gridId: string,
  name: string,
  error: unknown,
): void {
  faults.raise(`shown ${gridId}`, {
    code: 'control.not-shown',
    severity: 'warning',
    message: `${name} is controlled, but what happens is not shown or recorded: ${error instanceof Error ? error.message : String(error)}`,
    action: 'This is a fault of R-EMS; see the service log.',
  })
}
