import type { Principal, SignInCode } from '#contract/access.ts'
import type { Access } from '../domain/access-control.ts'
import type { Clock } from '../domain/clock.ts'
import { openAccounts } from './accounts.ts'
import { createAdministration } from './administration.ts'
import { type AuditSink, createAudit } from './audit.ts'
import type { Boot } from './boot.ts'
import { createIdentity } from './identity.ts'
import { createPairing, pairingFile, type Pairing } from './pairing.ts'
import { type Cost, createPasswords } from './password.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { createSignIn } from './sign-in.ts'

export interface OpenedAccess {
  readonly access: Access
  /** A sign-in link for the person who started the service. */
  consoleCode(): SignInCode
  /** Lets pairing open at the next start of the service; resolves to the code. */
  openPairingAtStart(by: Principal, newCode: boolean): Promise<string>
  /** The pairing code, when pairing is open; `file` holds it too. */
  readonly pairing: { readonly code: string; readonly file: string; readonly openUntilMs: number } | undefined
  /** File name that damaged accounts were set aside as. */
  readonly setAside: string | undefined
}

export interface AccessOptions {
  readonly folder: string
  readonly clock: Clock
  readonly audit: AuditSink
  /** Of this start of the service; absent where only the folder is worked on. */
  readonly boot?: Boot
  /** Secrets that act as admin: the token of the data folder and one set for automation. Never stored here. */
  readonly presets: readonly { readonly name: string; readonly kind: 'console' | 'token'; readonly secret: string }[]
  /** Whether pairing may open at the start. The demo site is entered by its link instead. */
  readonly pairs: boolean
  /** Those of the run before, where a service starts anew in its process: who is signed in stays so. */
  readonly sessions?: Sessions
  /** For tests: a cheaper hash. */
  readonly cost?: Cost
}

/** Everything about who may do what on this edge. Rejects with access.store when the data folder cannot be used. */
export async function openAccess(options: AccessOptions): Promise<OpenedAccess> {
  const { folder, clock, boot, presets, pairs, cost, sessions = createSessions(options.clock) } = options
  const store = await openAccounts(folder)
  const audit = createAudit(options.audit, clock)
  const pairing: Pairing = await createPairing(folder, clock)
  const before = store.get()
  // Pairing opens for the first admin, after a start of the machine, and when asked for at the console; never by itself
  // where the accounts were lost.
  const noAdmin = before.users.every(({ role }) => role !== 'admin') && store.setAside === undefined
  const booted = boot !== undefined && before.bootId !== undefined && before.bootId !== boot.id
  if (pairs && (noAdmin || booted || before.openPairing)) pairing.open()
  if (boot && (before.bootId !== boot.id || before.openPairing))
    await store.change((now) => ({ ...now, bootId: boot.id, openPairing: false }))

  const passwords = createPasswords(cost)
  const identity = createIdentity({ store, clock, presets, sessions })
  const signIn = createSignIn({ store, clock, audit, passwords, identity })
  const administration = createAdministration({ store, clock, audit, passwords, identity, pairing, signIn })
  return {
    access: {
      authenticate: identity.authenticate,
      refused: (by, detail) => audit.refused(by, 'request', detail),
      ...signIn.forApi,
      ...administration,
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    },
    consoleCode: signIn.consoleCode,
    async openPairingAtStart(by, newCode) {
      await audit.done(by, 'pair', 'opens pairing at the next start')
      if (newCode) await pairing.renew()
      await store.change((now) => ({ ...now, openPairing: true }))
      return pairing.code()
    },
    pairing: pairing.isOpen()
      ? { code: pairing.code(), file: `${folder}/${pairingFile}`, openUntilMs: pairing.openUntilMs() }
      : undefined,
    setAside: store.setAside,
  }
}
