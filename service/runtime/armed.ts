import type { Principal } from '#contract/access.ts'
import type { ArmedRequest, ArmedState } from '#contract/control.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Clock } from '../domain/clock.ts'

type Permission = Omit<ArmedState['permissions'][number], 'own'>

/**
 * Who may write by hand, and for how long (S1). In memory only: nobody is armed after a start. It has nothing to do with automatic
 * control, which neither needs it nor ends with it.
 */
export interface Armed {
  /** Arms whoever asks, or lets it begin anew. Throws armed.full. */
  arm(request: ArmedRequest, principal: Principal): void
  /** Gives it back. False when there was nothing to give back. */
  release(principal: Principal): boolean
  holds(principal: Principal): boolean
  list(): readonly { readonly key: string; readonly permission: Permission }[]
}

/** More people than ever stand before one edge. */
const mostPermissions = 50

export const keyOf = ({ kind, id }: Pick<Principal, 'kind' | 'id'>): string => `${kind} ${id}`

export function createArmed(clock: Clock): Armed {
  const held = new Map<string, { name: string; reason: string; sinceMs: number; endMonotonicMs: number }>()

  function forgetEnded(): void {
    for (const [key, { endMonotonicMs }] of held) if (clock.monotonicMs() >= endMonotonicMs) held.delete(key)
  }

  return {
    arm({ minutes, reason }, principal) {
      forgetEnded()
      const key = keyOf(principal)
      if (!held.has(key) && held.size >= mostPermissions)
        throw new EdgeError('armed.full', `${held.size} people are armed already`)
      held.set(key, {
        name: principal.name,
        reason,
        sinceMs: held.get(key)?.sinceMs ?? clock.nowMs(),
        endMonotonicMs: clock.monotonicMs() + minutes * 60_000,
      })
    },
    release(principal) {
      forgetEnded()
      return held.delete(keyOf(principal))
    },
    holds(principal) {
      forgetEnded()
      return held.has(keyOf(principal))
    },
    list() {
      forgetEnded()
      return [...held].map(([key, { name, reason, sinceMs, endMonotonicMs }]) => {
        const leftMs = endMonotonicMs - clock.monotonicMs()
        return {
          key,
          permission: { principal: name, reason, sinceMs, untilMs: clock.nowMs() + leftMs, leftS: leftMs / 1000 },
        }
      })
    },
  }
}
