import { access, constants, mkdir } from 'node:fs/promises'
import { EdgeError } from '#contract/errors.ts'

/** Makes the data folder if need be; one clear sentence when it cannot be used. */
export async function prepareDataFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const reasons: Record<string, string> = {
      EACCES: 'no permission',
      EPERM: 'no permission',
      EROFS: 'the file system is read-only',
      ENOTDIR: 'a part of the path is a file',
      EEXIST: 'there is a file of that name',
      ENOSPC: 'the disk is full',
    }
    throw new EdgeError(
      'storage.folder',
      `the data folder ${folder} cannot be used: ${reasons[code ?? ''] ?? code ?? 'unknown reason'}`,
      { cause: error },
    )
  }
}
