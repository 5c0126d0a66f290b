import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Replaces a file by one that only its owner may read; a power cut leaves the old one or the new one. */
export async function writePrivateFile(file: string, content: string | Uint8Array): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  try {
    {
      await using handle = await open(draft, 'wx', 0o600)
      await handle.writeFile(content)
      await handle.sync()
    }
    await rename(draft, file)
    // On Windows a folder cannot be opened; there the file system writes names in order.
    if (process.platform === 'win32') return
    await using folder = await open(dirname(file), 'r')
    await folder.sync()
  } finally {
    await rm(draft, { force: true })
  }
}
