import { randomBytes } from 'node:crypto'
import { chmod, type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { role, userName } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'

export const accountName = 'accounts.json'
export const maxUsers = 64
export const maxTokens = 200
const maxBytes = 1_000_000

const storedUser = z.strictObject({
  id: z.string(),
  name: userName,
  role,
  /** Never the password itself. */
  hash: z.string(),
  createdAtMs: z.number(),
  passwordAtMs: z.number(),
  lastSignInAtMs: z.number().optional(),
})
export type StoredUser = z.infer<typeof storedUser>

const storedToken = z.strictObject({
  id: z.string(),
  purpose: z.string(),
  role,
  digest: z.string(),
  createdAtMs: z.number(),
  createdBy: z.string(),
  expiresAtMs: z.number(),
  lastUsedAtMs: z.number().optional(),
})
export type StoredToken = z.infer<typeof storedToken>

const accounts = z.strictObject({
  version: z.literal(1),
  /** Of the system when the service last started with these accounts. */
  bootId: z.string().optional(),
  /** Pairing was asked for while the service was stopped. */
  openPairing: z.boolean().default(false),
  users: z.array(storedUser).max(maxUsers),
  tokens: z.array(storedToken).max(maxTokens),
})
export type Accounts = z.infer<typeof accounts>

export const noAccounts: Accounts = { version: 1, openPairing: false, users: [], tokens: [] }

/** The accounts in `folder`; those that cannot be read are set aside, so that control goes on and nobody gets in. */
export async function loadAccounts(folder: string): Promise<{ accounts: Accounts; setAside?: string }> {
  const file = join(folder, accountName)
  let text: string
  try {
    text = await readFile(file, 'utf8')
    await chmod(file, 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { accounts: noAccounts }
    throw storeError(file, error)
  }
  const parsed = text.length > maxBytes ? undefined : parse(text)
  if (parsed) return { accounts: parsed }
  const aside = `${accountName}.damaged-${randomBytes(4).toString('hex')}`
  await rename(file, join(folder, aside))
  return { accounts: noAccounts, setAside: aside }
}

function parse(text: string): Accounts | undefined {
  try {
    return accounts.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** What root writes belongs to whoever owns the folder: the service could not read it otherwise. */
async function giveToOwner(handle: FileHandle, folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = await stat(folder)
  await handle.chown(uid, gid)
}

/** Replaces a file by one that only its owner may read; after a crash, it is the old one or the new one. */
export async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  try {
    {
      await using handle = await open(draft, 'wx', 0o600)
      await handle.writeFile(text)
      await giveToOwner(handle, dirname(file))
      await handle.sync()
    }
    await rename(draft, file)
    // On Windows a folder cannot be opened; there the file system writes names in order.
    if (process.platform === 'win32') return
    await using folder = await open(dirname(file), 'r')
    await folder.sync()
  } catch (error) {
    throw storeError(file, error)
  } finally {
    await rm(draft, { force: true })
  }
}

export const saveAccounts = (folder: string, value: Accounts): Promise<void> =>
  replaceFile(join(folder, accountName), `${JSON.stringify(value, undefined, 2)}\n`)

function storeError(file: string, error: unknown): EdgeError {
  return new EdgeError('access.store', `${file} cannot be used: ${(error as Error).message}`, { cause: error })
}
