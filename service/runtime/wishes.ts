import type { ControlTarget, ControlWish, ControlWishRequest } from '#contract/control.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Wish } from '../control/types.ts'
import type { Clock } from '../domain/clock.ts'

/** Values asked for by hand or by a program, each until it expires, is taken back, or replaced by the one who asked. */
export interface Wishes {
  /** Why it cannot be taken, as an error, or undefined. Throws nothing. */
  obstacle(target: ControlTarget, key: string): EdgeError | undefined
  /** Takes it, in the place of an earlier one of the same principal. Throws what `obstacle` says. */
  set(target: ControlTarget, request: ControlWishRequest, by: WishedBy): ControlWish
  /** Back to automatic. False when nothing was asked. */
  clear(target: ControlTarget): boolean
  /** What the step is told. */
  current(): readonly Wish[]
  list(): readonly ControlWish[]
}

export interface WishedBy {
  /** Tells one principal from another. */
  readonly key: string
  readonly name: string
  /** Unit of the command. */
  readonly unit: string
}

interface Held extends WishedBy, ControlTarget {
  readonly value: number
  readonly reason: string
  readonly sinceMs: number
  readonly endMonotonicMs: number
}

/** `expired` is told once for each that ended by itself, when the next cycle asks. */
export function createWishes(clock: Clock, expired: (wish: ControlTarget & { principal: string }) => void): Wishes {
  const held = new Map<string, Held>()
  const place = ({ deviceId, command }: ControlTarget): string => `${deviceId} ${command}`

  function forgetEnded(): void {
    for (const [key, { endMonotonicMs, deviceId, command, name }] of held)
      if (clock.monotonicMs() >= endMonotonicMs) {
        held.delete(key)
        expired({ deviceId, command, principal: name })
      }
  }

  function obstacle({ deviceId, command }: ControlTarget, key: string): EdgeError | undefined {
    forgetEnded()
    for (const other of held.values()) {
      if (other.deviceId !== deviceId) continue
      // Two commands of one device can say opposite things.
      if (other.key === key && other.command === command) continue
      const { value, unit, name } = other
      const leftS = Math.ceil((other.endMonotonicMs - clock.monotonicMs()) / 1000)
      return new EdgeError(
        'control.contradicts',
        `${name} has asked ${deviceId} for ${other.command} ${value} ${unit}, for ${leftS} s more`,
      )
    }
    return undefined
  }

  const shown = ({ deviceId, command, unit, value, reason, name, sinceMs, endMonotonicMs }: Held): ControlWish => {
    const leftMs = Math.max(0, endMonotonicMs - clock.monotonicMs())
    const times = { sinceMs, untilMs: clock.nowMs() + leftMs, leftS: leftMs / 1000 }
    return { deviceId, command, unit, value, reason, principal: name, ...times }
  }

  return {
    obstacle,
    set(target, { value, reason, ttlS }, by) {
      const problem = obstacle(target, by.key)
      if (problem) throw problem
      const endMonotonicMs = clock.monotonicMs() + ttlS * 1000
      const wish: Held = { ...target, ...by, value, reason, sinceMs: clock.nowMs(), endMonotonicMs }
      held.set(place(target), wish)
      return shown(wish)
    },
    clear(target) {
      forgetEnded()
      return held.delete(place(target))
    },
    current() {
      forgetEnded()
      return [...held.values()].map(({ deviceId, command, value, reason, name, endMonotonicMs }) => ({
        deviceId,
        command,
        value,
        // Rounded, so that equal inputs stay equal from cycle to cycle.
        untilMs: Math.round((clock.nowMs() + endMonotonicMs - clock.monotonicMs()) / 1000) * 1000,
        principal: name,
        reason,
      }))
    },
    list() {
      forgetEnded()
      return [...held.values()].map(shown)
    },
  }
}
