import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Files by their paths below a folder. */
export type Tree = ReadonlyMap<string, Uint8Array>

/** What of these is there: files, and folders with all files in them. Links are not followed. */
export async function readTree(root: string, names: readonly string[]): Promise<Tree> {
  const found = new Map<string, Uint8Array>()
  for (const name of names) {
    const inside = await readdir(join(root, name), { withFileTypes: true, recursive: true }).catch(() => undefined)
    const files = inside
      ? inside
          .filter((entry) => entry.isFile())
          .map((entry) =>
            join(entry.parentPath, entry.name)
              .slice(root.length + 1)
              .replaceAll('\\', '/'),
          )
          .toSorted()
      : [name]
    for (const file of files) {
      const bytes = await readFile(join(root, file)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined
        throw error
      })
      if (bytes) found.set(file, bytes)
    }
  }
  return found
}

/** Writes files that only their owner may read, each whole or not at all. Doing it again does no harm. */
export async function writeTree(root: string, tree: Tree): Promise<void> {
  for (const [path, bytes] of tree) {
    const file = join(root, path)
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    const draft = `${file}.${randomBytes(6).toString('hex')}`
    try {
      {
        await using handle = await open(draft, 'wx', 0o600)
        await handle.writeFile(bytes)
        await handle.sync()
      }
      await rename(draft, file)
      await syncFolder(dirname(file))
    } finally {
      await rm(draft, { force: true })
    }
  }
}

/** Makes the names in a folder durable. On Windows a folder cannot be opened; there the file system writes names in order. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  await using handle = await open(folder, 'r')
  await handle.sync()
}
