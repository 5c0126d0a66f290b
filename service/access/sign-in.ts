import type { SignInCode } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Access, Admission, From } from '../domain/access-control.ts'
import type { Clock } from '../domain/clock.ts'
import { type AccountStore, withUser } from './accounts.ts'
import type { Audit } from './audit.ts'
import { consoleSubject, type Identity } from './identity.ts'
import { createLockout } from './lockout.ts'
import { createOneTime } from './one-time.ts'
import { assertStrong, type Passwords } from './password.ts'
import type { SessionLimits, Subject } from './sessions.ts'

const hourMs = 3_600_000

export const sessionLimits: SessionLimits = { idleMs: 15 * 60_000, absoluteMs: 12 * hourMs }
/** Whoever sits at the machine has the link once, so the session must not end over a coffee. */
export const consoleLimits: SessionLimits = { idleMs: 7 * 24 * hourMs, absoluteMs: 7 * 24 * hourMs }
const codeLifeMs = 10 * 60_000

export interface SignIn {
  readonly forApi: Pick<
    Access,
    'signIn' | 'signOut' | 'whoAmI' | 'liveTicket' | 'signInCode' | 'changePassword' | 'sessions' | 'endSession'
  >
  consoleCode(): SignInCode
  admit(subject: Subject, from: From, bearer: boolean): Admission
  /** Throws access.locked while an address has to wait; to be asked before anything that can be guessed. */
  assertMayTry(address: string, account?: string): void
  failed(address: string, account?: string): void
}

/** Sign-in with a password or a code, and what the person who is signed in can do about the own sessions. */
export function createSignIn(parts: {
  store: AccountStore
  clock: Clock
  audit: Audit
  passwords: Passwords
  identity: Identity
}): SignIn {
  const { store, clock, audit, passwords, identity } = parts
  const { sessions } = identity
  const common = { firstDelayMs: 1_000, maxDelayMs: 15 * 60_000, forgetMs: hourMs, keys: 4_096 }
  const accounts = createLockout(clock, { ...common, freeFailures: 5 })
  const sources = createLockout(clock, { ...common, freeFailures: 10 })
  const codes = createOneTime<Subject>(clock, codeLifeMs, 100)

  function assertMayTry(address: string, account?: string): void {
    const waitMs = Math.max(sources.waitMs(address), account === undefined ? 0 : accounts.waitMs(account))
    if (waitMs <= 0) return
    const retryAfterS = Math.ceil(waitMs / 1000)
    throw new EdgeError('access.locked', `too many failed attempts: wait ${retryAfterS} s`, { retryAfterS })
  }

  function failed(address: string, account?: string): void {
    sources.fail(address)
    if (account !== undefined) accounts.fail(account)
  }

  /** The name as the journal shows it: what is no user may be a password in the wrong field. */
  const known = (name: string): string =>
    store.get().users.some((user) => user.name === name) ? name : 'an unknown user'

  function admit(subject: Subject, { address, client }: From, bearer: boolean): Admission {
    const limits = subject.kind === 'console' ? consoleLimits : sessionLimits
    const { secret, session } = sessions.start({ subject, limits, address, client })
    const shown = identity.show(session, session.id)
    if (!shown) throw new EdgeError('access.session-ended', 'this account was removed')
    return { secret, answer: { session: shown, ...(bearer && { token: secret }) } }
  }

  async function withPassword(name: string, password: string, from: From, bearer: boolean): Promise<Admission> {
    const { address } = from
    const by = { name: known(name), address }
    try {
      assertMayTry(address, name)
    } catch (error) {
      audit.refused(by, 'sign-in', 'refused without a look at the password: too many failures')
      throw error
    }
    const user = store.get().users.find((candidate) => candidate.name === name)
    // Counted before the hash is known, so that many at once are no more guesses than one after the other.
    failed(address, name)
    const right = await passwords.verify(password, user?.hash)
    if (!user || !right) {
      audit.refused(by, 'sign-in', 'wrong name or password')
      throw new EdgeError('access.wrong', 'the name or the password is wrong')
    }
    accounts.succeed(name)
    sources.succeed(address)
    const atMs = clock.nowMs()
    store.noteUse((now) => withUser(now, user.id, { lastSignInAtMs: atMs }))
    const admission = admit({ kind: 'user', id: user.id }, from, bearer)
    audit.note({ ...admission.answer.session.principal, address }, 'sign-in', 'signed in with a password')
    return admission
  }

  function withCode(code: string, from: From, bearer: boolean): Admission {
    const { address } = from
    assertMayTry(address)
    const subject = codes.redeem(code)
    if (!subject || !identity.lookUp(subject)) {
      failed(address)
      audit.refused({ name: 'an unknown user', address }, 'sign-in', 'wrong or used sign-in code')
      throw new EdgeError('access.code-wrong', 'this sign-in code is wrong, was used or has expired')
    }
    const admission = admit(subject, from, bearer)
    audit.note({ ...admission.answer.session.principal, address }, 'sign-in', 'signed in with a one-time code')
    return admission
  }

  const codeFor = (subject: Subject): SignInCode => {
    const { secret, expiresAtMs } = codes.issue(subject)
    return { code: secret, expiresAtMs }
  }

  return {
    admit,
    assertMayTry,
    failed,
    consoleCode: () => codeFor(consoleSubject),
    forApi: {
      signIn: async (request, from) =>
        request.kind === 'password'
          ? withPassword(request.name, request.password, from, request.bearer)
          : withCode(request.code, from, request.bearer),
      signOut({ principal, sessionId }) {
        if (sessionId === undefined) return
        sessions.end(sessionId)
        audit.note(principal, 'sign-out', 'signed out')
      },
      whoAmI({ principal: { address: _address, ...principal }, sessionId }) {
        const open = sessionId === undefined ? undefined : sessions.byId(sessionId)
        const session = open && identity.show(open, sessionId)
        return { principal, ...(session && { session }) }
      },
      liveTicket(authority) {
        const { secret, expiresAtMs } = identity.ticket(authority)
        return { ticket: secret, expiresAtMs }
      },
      signInCode({ principal }) {
        audit.note(principal, 'sign-in-code', 'made a one-time sign-in code')
        return codeFor(principal)
      },
      async changePassword({ principal, sessionId }, current, password) {
        const user = store.get().users.find(({ id }) => principal.kind === 'user' && id === principal.id)
        if (!user) throw new EdgeError('access.role', 'only a user has a password')
        assertMayTry(principal.address, user.name)
        failed(principal.address, user.name)
        if (!(await passwords.verify(current, user.hash))) {
          audit.refused(principal, 'password', 'the current password was wrong')
          throw new EdgeError('access.wrong', 'the current password is wrong')
        }
        accounts.succeed(user.name)
        sources.succeed(principal.address)
        assertStrong(password, user.name)
        const hash = await passwords.hash(password)
        await audit.done(principal, 'password', 'changed the own password')
        await store.change((now) => withUser(now, user.id, { hash, passwordAtMs: clock.nowMs() }))
        sessions.endAll(principal, sessionId)
      },
      sessions: ({ principal, sessionId }) =>
        sessions
          .list()
          .filter(({ subject }) => principal.role === 'admin' || isSame(subject, principal))
          .flatMap((session) => identity.show(session, sessionId) ?? []),
      endSession({ principal }, id) {
        const session = sessions.byId(id)
        // Somebody else's session is as unknown as none.
        if (!session || (principal.role !== 'admin' && !isSame(session.subject, principal)))
          throw new EdgeError('access.unknown', 'there is no such session')
        const whose = identity.lookUp(session.subject)?.name ?? 'nobody'
        sessions.end(id)
        audit.note(principal, 'sign-out', `ended a session of ${whose}`)
      },
    },
  }
}

const isSame = (a: Subject, b: Subject): boolean => a.kind === b.kind && a.id === b.id
