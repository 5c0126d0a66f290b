import type { ApiToken, CreatedApiToken, NewApiToken, Principal, User } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Access, From } from '../domain/access-control.ts'
import type { Clock } from '../domain/clock.ts'
import { type Accounts, maxTokens, maxUsers, type StoredToken, type StoredUser } from './accounts-file.ts'
import { type AccountStore, withUser } from './accounts.ts'
import type { Audit } from './audit.ts'
import { type Identity, tokenPrefix } from './identity.ts'
import type { Pairing } from './pairing.ts'
import { assertStrong, type Passwords } from './password.ts'
import { digestOf, newId, newSecret } from './secrets.ts'
import type { SignIn } from './sign-in.ts'

const dayMs = 86_400_000
/** An app that paired stays paired for this long. */
const pairedDays = 365

const showUser = ({ hash: _hash, ...user }: StoredUser): User => user
const showToken = ({ digest: _digest, ...token }: StoredToken): ApiToken => token

function assertAdminLeft(next: Accounts, now: Accounts): void {
  const admins = (accounts: Accounts): number => accounts.users.filter(({ role }) => role === 'admin').length
  if (admins(now) > 0 && admins(next) === 0)
    throw new EdgeError('access.last-admin', 'this is the last admin of this edge')
}

type Administration = Omit<Access, keyof SignIn['forApi'] | 'authenticate' | 'refused' | typeof Symbol.asyncDispose>

/** Users, tokens and pairing. Every change is in the journal before it is made, and durable before it acts. */
export function createAdministration(parts: {
  store: AccountStore
  clock: Clock
  audit: Audit
  passwords: Passwords
  identity: Identity
  pairing: Pairing
  signIn: SignIn
}): Administration {
  const { store, clock, audit, passwords, identity, pairing, signIn } = parts

  function userOf(id: string): StoredUser {
    const user = store.get().users.find((candidate) => candidate.id === id)
    if (!user) throw new EdgeError('access.unknown', 'there is no such user')
    return user
  }

  async function addUser(by: Principal, { name, role, password }: Parameters<Access['addUser']>[1]): Promise<User> {
    const check = ({ users }: Accounts): void => {
      if (users.some((user) => user.name === name))
        throw new EdgeError('access.name-taken', `there is a user "${name}" already`)
      if (users.length >= maxUsers) throw new EdgeError('access.full', `there are ${maxUsers} users already`)
    }
    check(store.get())
    assertStrong(password, name)
    const atMs = clock.nowMs()
    const hash = await passwords.hash(password)
    const user: StoredUser = { id: newId(), name, role, hash, createdAtMs: atMs, passwordAtMs: atMs }
    await audit.done(by, 'user', `added user "${name}" as ${role}`)
    await store.change((now) => {
      check(now)
      return { ...now, users: [...now.users, user] }
    })
    return showUser(user)
  }

  async function addToken(by: Principal, { purpose, role, days }: NewApiToken): Promise<CreatedApiToken> {
    const secret = `${tokenPrefix}${newSecret()}`
    const atMs = clock.nowMs()
    const token: StoredToken = {
      id: newId(),
      purpose,
      role,
      digest: digestOf(secret),
      createdAtMs: atMs,
      createdBy: by.name,
      expiresAtMs: atMs + days * dayMs,
    }
    await audit.done(by, 'token', `made a token for ${role}: ${purpose}`)
    await store.change((now) => {
      const tokens = now.tokens.filter(({ expiresAtMs }) => expiresAtMs > atMs)
      if (tokens.length >= maxTokens) throw new EdgeError('access.full', `there are ${maxTokens} tokens already`)
      return { ...now, tokens: [...tokens, token] }
    })
    return { token: secret, info: showToken(token) }
  }

  /** Throws unless the code is right and pairing is open. */
  function presentCode(code: string, { address }: From): void {
    signIn.assertMayTry(address)
    const outcome = pairing.present(code)
    if (outcome === 'right') return
    const by = { name: 'somebody who pairs', address }
    if (outcome === 'closed') {
      audit.refused(by, 'pair', 'pairing is not open')
      throw new EdgeError('access.pairing-closed', 'pairing is not open at the moment')
    }
    signIn.failed(address)
    audit.refused(by, 'pair', 'wrong pairing code')
    throw new EdgeError('access.code-wrong', 'the pairing code is wrong')
  }

  const pairedBy = ({ address }: From): Principal => ({
    kind: 'console',
    id: 'pairing',
    name: 'pairing code',
    role: 'admin',
    address,
  })

  return {
    users: () => store.get().users.map(showUser),
    addUser,
    async setRole(by, id, role) {
      const { name } = userOf(id)
      const change = (now: Accounts): Accounts => {
        const next = withUser(now, id, { role })
        assertAdminLeft(next, now)
        return next
      }
      change(store.get())
      await audit.done(by, 'role', `user "${name}" becomes ${role}`)
      await store.change(change)
      return showUser(userOf(id))
    },
    async setPassword(by, id, password) {
      const { name } = userOf(id)
      assertStrong(password, name)
      const hash = await passwords.hash(password)
      await audit.done(by, 'password', `set the password of user "${name}"`)
      await store.change((now) => withUser(now, id, { hash, passwordAtMs: clock.nowMs() }))
      identity.sessions.endAll({ kind: 'user', id })
    },
    async removeUser(by, id) {
      const { name } = userOf(id)
      const change = (now: Accounts): Accounts => {
        const next = { ...now, users: now.users.filter((user) => user.id !== id) }
        assertAdminLeft(next, now)
        return next
      }
      change(store.get())
      await audit.done(by, 'user', `removed user "${name}"`)
      await store.change(change)
      identity.sessions.endAll({ kind: 'user', id })
    },
    tokens: () => store.get().tokens.map(showToken),
    addToken,
    async removeToken(by, id) {
      const token = store.get().tokens.find((candidate) => candidate.id === id)
      if (!token) throw new EdgeError('access.unknown', 'there is no such token')
      await audit.done(by, 'token', `revoked the token for ${token.role}: ${token.purpose}`)
      await store.change((now) => ({ ...now, tokens: now.tokens.filter((candidate) => candidate.id !== id) }))
      identity.sessions.endAll({ kind: 'token', id })
    },
    pairState: () => ({
      open: pairing.isOpen(),
      firstAdmin: store.get().users.every(({ role }) => role !== 'admin'),
    }),
    async pairClient({ code, clientName }, from) {
      presentCode(code, from)
      return addToken(pairedBy(from), { purpose: `paired: ${clientName}`, role: 'admin', days: pairedDays })
    },
    async pairAdmin({ code, name, password, bearer }, from) {
      assertStrong(password, name)
      presentCode(code, from)
      try {
        const user = await addUser(pairedBy(from), { name, role: 'admin', password })
        return signIn.admit({ kind: 'user', id: user.id }, from, bearer)
      } catch (error) {
        pairing.giveBack()
        throw error
      }
    },
    async openPairing(by, newCode) {
      await audit.done(by, 'pair', newCode ? 'made a new pairing code and opened pairing' : 'opened pairing')
      if (newCode) await pairing.renew()
      pairing.open()
      return { code: pairing.code(), openUntilMs: pairing.openUntilMs() }
    },
  }
}
