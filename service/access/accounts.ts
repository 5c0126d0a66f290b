import { type Accounts, loadAccounts, saveAccounts, type StoredToken, type StoredUser } from './accounts-file.ts'

export interface AccountStore extends AsyncDisposable {
  get(): Accounts
  /** File name that damaged accounts were set aside as. */
  readonly setAside: string | undefined
  /** Changes one after the other; each is on the disk before it is in force. `change` may throw to refuse. */
  change(change: (now: Accounts) => Accounts): Promise<void>
  /** Times of use are in force at once and on the disk within a minute: losing one harms nobody. */
  noteUse(change: (now: Accounts) => Accounts): void
}

const saveUseMs = 60_000

async function after(earlier: Promise<unknown>, action: () => Promise<void>): Promise<void> {
  await earlier
  await action()
}

export async function openAccounts(folder: string): Promise<AccountStore> {
  const loaded = await loadAccounts(folder)
  let accounts = loaded.accounts
  let last: Promise<unknown> = Promise.resolve()
  let unsaved = false

  function change(make: (now: Accounts) => Accounts): Promise<void> {
    const done = after(last, async () => {
      const next = make(accounts)
      await saveAccounts(folder, next)
      accounts = next
    })
    last = done.catch(() => undefined)
    return done
  }

  async function saveUse(): Promise<void> {
    if (!unsaved) return
    unsaved = false
    // A full disk is reported by the storage; here it only costs a time of use.
    await change((now) => now).catch(() => undefined)
  }
  const timer = setInterval(() => void saveUse(), saveUseMs)
  timer.unref()

  return {
    get: () => accounts,
    setAside: loaded.setAside,
    change,
    noteUse(make) {
      accounts = make(accounts)
      unsaved = true
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await saveUse()
      await last
    },
  }
}

export const withUser = (now: Accounts, id: string, change: Partial<StoredUser>): Accounts => ({
  ...now,
  users: now.users.map((user) => (user.id === id ? { ...user, ...change } : user)),
})

export const withToken = (now: Accounts, id: string, change: Partial<StoredToken>): Accounts => ({
  ...now,
  tokens: now.tokens.map((token) => (token.id === id ? { ...token, ...change } : token)),
})
