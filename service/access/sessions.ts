import type { PrincipalInfo } from '#contract/access.ts'
import type { Clock } from '../domain/clock.ts'
import { digestOf, newId, newSecret } from './secrets.ts'

/** What a session stands on. Its rights are looked up at each request, so that a change acts at once. */
export type Subject = Pick<PrincipalInfo, 'kind' | 'id'>

export interface SessionLimits {
  readonly idleMs: number
  readonly absoluteMs: number
}

export interface OpenSession {
  readonly id: string
  readonly subject: Subject
  readonly startedAtMs: number
  readonly limits: SessionLimits
  readonly address: string
  readonly client: string
  lastUsedAtMs: number
  /** Monotonic, for the limits. */
  readonly startedMs: number
  usedMs: number
}

export interface Sessions {
  /** The secret is known to the client alone from then on. */
  start(session: { subject: Subject; limits: SessionLimits; address: string; client: string }): {
    readonly secret: string
    readonly session: OpenSession
  }
  /** The session of a secret that has not ended; counts as a use. */
  use(secret: string): OpenSession | undefined
  byId(id: string): OpenSession | undefined
  list(): OpenSession[]
  end(id: string): void
  endAll(subject: Subject, except?: string): number
}

const maxSessions = 500
const maxPerSubject = 20

/** Sessions live in memory: a restart of the service ends them all. Only hashes of their secrets are kept. */
export function createSessions(clock: Clock): Sessions {
  const byDigest = new Map<string, OpenSession>()
  const same = (a: Subject, b: Subject): boolean => a.kind === b.kind && a.id === b.id

  function sweep(): void {
    const nowMs = clock.monotonicMs()
    for (const [digest, { startedMs, usedMs, limits }] of byDigest)
      if (nowMs - usedMs >= limits.idleMs || nowMs - startedMs >= limits.absoluteMs) byDigest.delete(digest)
  }

  /** The one that was not used for the longest time makes room. */
  function makeRoom(among: (session: OpenSession) => boolean, most: number): void {
    const candidates = [...byDigest].filter(([, session]) => among(session))
    if (candidates.length < most) return
    const [oldest] = candidates.toSorted(([, a], [, b]) => a.usedMs - b.usedMs)
    if (oldest) byDigest.delete(oldest[0])
  }

  const find = (id: string): [string, OpenSession] | undefined => {
    sweep()
    return [...byDigest].find(([, session]) => session.id === id)
  }

  return {
    start({ subject, ...rest }) {
      sweep()
      makeRoom((session) => same(session.subject, subject), maxPerSubject)
      makeRoom(() => true, maxSessions)
      const secret = newSecret()
      const [atMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()]
      const session: OpenSession = {
        id: newId(),
        subject,
        ...rest,
        startedAtMs: atMs,
        lastUsedAtMs: atMs,
        startedMs: monotonicMs,
        usedMs: monotonicMs,
      }
      byDigest.set(digestOf(secret), session)
      return { secret, session }
    },
    use(secret) {
      const digest = digestOf(secret)
      const session = byDigest.get(digest)
      if (!session) return undefined
      const nowMs = clock.monotonicMs()
      if (nowMs - session.usedMs >= session.limits.idleMs || nowMs - session.startedMs >= session.limits.absoluteMs) {
        byDigest.delete(digest)
        return undefined
      }
      session.usedMs = nowMs
      session.lastUsedAtMs = clock.nowMs()
      return session
    },
    byId: (id) => find(id)?.[1],
    list() {
      sweep()
      return [...byDigest.values()]
    },
    end(id) {
      const found = find(id)
      if (found) byDigest.delete(found[0])
    },
    endAll(subject, except) {
      const ended = [...byDigest].filter(([, session]) => same(session.subject, subject) && session.id !== except)
      for (const [digest] of ended) byDigest.delete(digest)
      return ended.length
    },
  }
}
