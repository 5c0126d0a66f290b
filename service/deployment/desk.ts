import { randomUUID } from 'node:crypto'
import type { Principal } from '#contract/access.ts'
import type { Candidate, Consent, Holder } from '#contract/deployment.ts'
import { EdgeError } from '#contract/errors.ts'
import type { CheckedSite } from '../configuration/check-site.ts'
import type { Clock } from '../domain/clock.ts'
import type { VerifiedBundle } from './bundle.ts'
import type { Checks } from './checks.ts'

/** A candidate that nobody asks about is let go after this time, so that nobody waits for a laptop that was closed. */
export const heldForMs = 30 * 60_000

/** What is on the desk of an edge: the one candidate that is being looked at. */
export interface OnDesk {
  readonly id: string
  readonly bundle: VerifiedBundle
  readonly site: CheckedSite
  readonly changes: Candidate['changes']
  readonly consents: readonly Consent[]
  checks?: Checks
}

/** Two engineers at once are served one after the other: who comes second is told who is first. */
export interface Desk {
  /** What lies there, if it is not too old. */
  now(): OnDesk | undefined
  holder(): Holder | undefined
  untilMs(): number
  /** Throws deployment.busy when somebody else holds it. */
  assertFree(by: Principal): void
  put(by: Principal, content: Omit<OnDesk, 'id'>): OnDesk
  /** Of whoever asks, for whom it stays held. Throws deployment.none or deployment.busy. */
  of(by: Principal): OnDesk
  clear(): void
}

const keyOf = ({ kind, id }: Principal): string => `${kind} ${id}`
const timeOf = (atMs: number): string => `${new Date(atMs).toISOString().slice(11, 16)} UTC`

export function createDesk(clock: Clock): Desk {
  let held: { content: OnDesk; by: Principal; sinceMs: number; sinceAtMs: number; usedMs: number } | undefined

  function clear(): void {
    held?.content.checks?.stop()
    held = undefined
  }

  function current(): typeof held {
    if (held && clock.monotonicMs() - held.usedMs > heldForMs) clear()
    return held
  }

  function assertFree(by: Principal): void {
    const found = current()
    if (!found || keyOf(found.by) === keyOf(by)) return
    const minutes = Math.floor((clock.monotonicMs() - found.sinceMs) / 60_000)
    throw new EdgeError(
      'deployment.busy',
      `${found.by.name} (${found.by.address}) has been deploying to this edge since ${timeOf(found.sinceAtMs)}, for ${minutes} min`,
    )
  }

  return {
    now: () => current()?.content,
    holder() {
      const found = current()
      return found && { name: found.by.name, sinceMs: found.sinceAtMs }
    },
    untilMs() {
      const found = current()
      return found ? clock.nowMs() + heldForMs - (clock.monotonicMs() - found.usedMs) : 0
    },
    assertFree,
    put(by, content) {
      assertFree(by)
      const before = current()
      const since = before
        ? { sinceMs: before.sinceMs, sinceAtMs: before.sinceAtMs }
        : { sinceMs: clock.monotonicMs(), sinceAtMs: clock.nowMs() }
      clear()
      held = { content: { id: randomUUID(), ...content }, by, ...since, usedMs: clock.monotonicMs() }
      return held.content
    },
    of(by) {
      const found = current()
      if (!found) throw new EdgeError('deployment.none', 'there is no candidate on this edge')
      // Who may manage everybody may let go what somebody else has left.
      if (by.role !== 'admin') assertFree(by)
      if (keyOf(found.by) === keyOf(by)) found.usedMs = clock.monotonicMs()
      return found.content
    },
    clear,
  }
}
