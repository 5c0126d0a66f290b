import { randomBytes } from 'node:crypto'
import { chmod, link, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { EdgeError } from '#contract/errors.ts'

const usable = /^[\x21-\x7e]{16,512}$/

/**
 * The token that requests which change something must carry. Created in `folder/api-token` (mode 0600) at the first
 * start; `preset` takes its place without being stored. Rejects with api.token-invalid when the preset or the file is
 * unusable, and with storage.folder when the file cannot be read or created.
 */
export async function loadOrCreateToken(folder: string, preset?: string): Promise<string> {
  if (preset !== undefined) {
    if (!usable.test(preset))
      throw new EdgeError('api.token-invalid', 'R_EMS_API_TOKEN needs 16 to 512 visible characters without spaces')
    return preset
  }
  const file = join(folder, 'api-token')
  try {
    return (await readToken(file)) ?? (await createToken(file))
  } catch (error) {
    if (error instanceof EdgeError) throw error
    throw new EdgeError('storage.folder', `${file} cannot be used: ${(error as Error).message}`, { cause: error })
  }
}

async function readToken(file: string): Promise<string | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  // Somebody may have copied or edited it with other permissions.
  await chmod(file, 0o600)
  const token = text.trim()
  if (usable.test(token)) return token
  throw new EdgeError('api.token-invalid', `${file} is damaged: delete it, and the next start makes a new one`)
}

/** The name appears only once the whole token is on disk; of two first starts at the same time, one wins for both. */
async function createToken(file: string): Promise<string> {
  const token = randomBytes(32).toString('base64url')
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(`${token}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await link(draft, file)
    return token
  } catch (error) {
    const winner = (error as NodeJS.ErrnoException).code === 'EEXIST' ? await readToken(file) : undefined
    if (winner === undefined) throw error
    return winner
  } finally {
    await rm(draft, { force: true })
  }
}
