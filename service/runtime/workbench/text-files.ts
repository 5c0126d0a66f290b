import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EdgeError } from '#contract/errors.ts'

/** Replaces a file as a whole, so that a power cut leaves the old or the new one. Throws workbench.folder. */
export async function replaceFile(file: string, content: string | Uint8Array): Promise<void> {
  const fresh = `${file}.${randomUUID().slice(0, 8)}.new`
  try {
    await mkdir(dirname(file), { recursive: true })
    const handle = await open(fresh, 'w')
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, file)
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined)
    throw folderError(file, error)
  }
}

export const folderError = (file: string, error: unknown): EdgeError =>
  new EdgeError('workbench.folder', `${file}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  })

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** Moves a file out of the way that cannot be understood, and says so. The service starts all the same. */
export async function setAside(file: string, error: unknown, trouble: (message: string) => void): Promise<void> {
  const aside = `${file}.damaged-${randomUUID().slice(0, 8)}`
  const why = error instanceof Error ? error.message : String(error)
  const kept = await rename(file, aside).then(
    () => `; it is kept as ${aside}`,
    () => '',
  )
  trouble(`${file} cannot be used: ${why}${kept}`)
}
