import type { Principal, PrincipalInfo, Session } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Authority, Presented } from '../domain/access-control.ts'
import type { Clock } from '../domain/clock.ts'
import { type AccountStore, withToken } from './accounts.ts'
import { createOneTime } from './one-time.ts'
import { digestOf } from './secrets.ts'
import type { OpenSession, Sessions, Subject } from './sessions.ts'

export interface Identity {
  readonly sessions: Sessions
  authenticate(presented: Presented, address: string): Authority
  ticket(authority: Authority): { secret: string; expiresAtMs: number }
  /** The rights of a subject as they are now; undefined once it is gone. */
  lookUp(subject: Subject): PrincipalInfo | undefined
  show(session: OpenSession, currentId?: string): Session | undefined
}

/** Beginning of every API token, so that scanners for leaked secrets find it. */
export const tokenPrefix = 'rems_'
const ticketLifeMs = 30_000

export const consoleSubject: Subject = { kind: 'console', id: 'console' }

/** Finds out who is behind a secret. */
export function createIdentity(parts: {
  store: AccountStore
  clock: Clock
  presets: readonly { readonly name: string; readonly kind: 'console' | 'token'; readonly secret: string }[]
  sessions: Sessions
}): Identity {
  const { store, clock, sessions } = parts
  const tickets = createOneTime<() => Authority | undefined>(clock, ticketLifeMs, 500)
  const presets = new Map<string, PrincipalInfo>(
    parts.presets.map(({ name, kind, secret }) => [
      digestOf(secret),
      { kind, id: kind === 'console' ? consoleSubject.id : `preset-${name}`, name, role: 'admin' },
    ]),
  )
  const presetById = new Map([...presets.values()].map((info) => [`${info.kind} ${info.id}`, info]))

  function lookUp({ kind, id }: Subject): PrincipalInfo | undefined {
    const preset = presetById.get(`${kind} ${id}`)
    if (preset) return preset
    if (kind === 'console') return { kind, id, name: 'console', role: 'admin' }
    if (kind === 'user') {
      const user = store.get().users.find((candidate) => candidate.id === id)
      return user && { kind, id, name: user.name, role: user.role }
    }
    const token = store.get().tokens.find((candidate) => candidate.id === id)
    if (!token || token.expiresAtMs <= clock.nowMs()) return undefined
    return { kind, id, name: `token "${token.purpose}"`, role: token.role }
  }

  function authorityOf(subject: Subject, address: string, session?: OpenSession): Authority | undefined {
    const info = lookUp(subject)
    if (!info) return undefined
    const principal: Principal = { ...info, address }
    return {
      principal,
      ...(session && { sessionId: session.id }),
      holds: () => {
        if (session && !sessions.byId(session.id)) return false
        return lookUp(subject)?.role === info.role
      },
    }
  }

  function bySession(secret: string, address: string): Authority | undefined {
    const session = sessions.use(secret)
    return session && authorityOf(session.subject, address, session)
  }

  function byToken(secret: string, address: string): Authority | undefined {
    const digest = digestOf(secret)
    const preset = presets.get(digest)
    if (preset) return authorityOf(preset, address)
    const token = store.get().tokens.find((candidate) => candidate.digest === digest)
    const authority = token && authorityOf({ kind: 'token', id: token.id }, address)
    const nowMs = clock.nowMs()
    if (authority && nowMs - (token.lastUsedAtMs ?? 0) >= 60_000)
      store.noteUse((now) => withToken(now, token.id, { lastUsedAtMs: nowMs }))
    return authority
  }

  return {
    sessions,
    lookUp,
    authenticate({ bearer, ticket, cookie, certificateUser }, address) {
      if (bearer !== undefined) {
        const authority = byToken(bearer, address) ?? bySession(bearer, address)
        if (!authority) throw new EdgeError('api.token-wrong', 'the token is not one of this service, or has expired')
        return authority
      }
      if (ticket !== undefined) {
        const authority = tickets.redeem(ticket)?.()
        if (!authority?.holds()) throw new EdgeError('api.token-wrong', 'the ticket was used or has expired')
        return { ...authority, principal: { ...authority.principal, address } }
      }
      if (cookie !== undefined) {
        const authority = bySession(cookie, address)
        if (!authority) throw new EdgeError('access.session-ended', 'this session has ended')
        return authority
      }
      const user = store.get().users.find(({ name }) => name === certificateUser)
      const authority = user && authorityOf({ kind: 'user', id: user.id }, address)
      if (authority) return authority
      throw new EdgeError('api.token-missing', 'this request needs somebody who is signed in')
    },
    ticket: (authority) => tickets.issue(() => authority),
    show(session, currentId) {
      const info = lookUp(session.subject)
      return (
        info && {
          id: session.id,
          principal: info,
          startedAtMs: session.startedAtMs,
          lastUsedAtMs: session.lastUsedAtMs,
          expiresAtMs: session.startedAtMs + session.limits.absoluteMs,
          idleMs: session.limits.idleMs,
          address: session.address,
          client: session.client,
          current: session.id === currentId,
        }
      )
    },
  }
}
