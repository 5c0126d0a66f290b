import { randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Files that only this user may read, whole or not at all. */
export interface TrustFiles {
  /** Undefined when there is none. */
  read(name: string): Promise<string | undefined>
  /** On disk when the promise resolves. */
  write(name: string, text: string): Promise<void>
  remove(name: string): Promise<void>
  /** Names in a folder; none when it does not exist. */
  list(folder: string): Promise<string[]>
}

export function openTrustFiles(root: string): TrustFiles {
  const place = (name: string): string => join(root, name)
  return {
    async read(name) {
      try {
        const text = await readFile(place(name), 'utf8')
        // Somebody may have copied it with other permissions.
        await chmod(place(name), 0o600)
        return text
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    async write(name, text) {
      const folder = dirname(place(name))
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await chmod(folder, 0o700)
      const draft = `${place(name)}.${randomBytes(6).toString('hex')}`
      try {
        await using file = await open(draft, 'wx', 0o600)
        await file.writeFile(text)
        await file.sync()
        await rename(draft, place(name))
      } catch (error) {
        await rm(draft, { force: true })
        throw error
      }
      await syncFolder(folder)
    },
    async remove(name) {
      await rm(place(name), { force: true, recursive: true })
    },
    async list(folder) {
      try {
        return (await readdir(place(folder))).toSorted()
      } catch (error) {
        if (isMissing(error)) return []
        throw error
      }
    },
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows knows no handle of a folder; its file system keeps the order by itself.
  if (process.platform === 'win32') return
  await using handle = await open(folder, 'r')
  await handle.sync()
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
