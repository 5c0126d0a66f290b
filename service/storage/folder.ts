import { mkdir, open, unlink } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { EdgeError } from '#contract/errors.ts'

/** The data folder cannot be used, in words that name the folder and the user. */
export function folderError(folder: string, error: unknown): EdgeError {
  const why = error instanceof Error ? error.message : String(error)
  const message = `the data folder ${folder} cannot be written by user ${userInfo().username}: ${why}`
  return new EdgeError('storage.folder', message, { cause: error })
}

/** Makes the data folder where it is missing and proves that it can be written. A full disk is no reason to refuse it. */
export async function prepareFolder(folder: string): Promise<void> {
  const probe = join(folder, `.probe-${process.pid}`)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await using file = await open(probe, 'w', 0o600)
    await file.write('x')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')))
      throw folderError(folder, error)
  } finally {
    await unlink(probe).catch(() => undefined)
  }
}
