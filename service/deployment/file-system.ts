import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'

/**
 * What the store of generations does with the disk. Nothing that was written or renamed is there after a power cut before
 * `sync` of the file, and of the folder that names it, has resolved.
 */
export interface FileSystem {
  /** Undefined when there is no such file. */
  read(file: string): Promise<Uint8Array | undefined>
  /** Names in a folder; undefined when there is no such folder. */
  list(folder: string): Promise<string[] | undefined>
  /** With all folders above it. */
  makeFolder(folder: string): Promise<void>
  write(file: string, bytes: Uint8Array): Promise<void>
  /** A file, or a folder: the names in it. */
  sync(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** A file, or a folder with all that is in it; nothing happens when there is none. */
  remove(path: string): Promise<void>
}

const missing = (error: unknown): undefined => {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
  throw error
}

export const nodeFileSystem: FileSystem = {
  read: (file) => readFile(file).catch(missing),
  list: (folder) => readdir(folder).catch(missing),
  async makeFolder(folder) {
    await mkdir(folder, { recursive: true })
  },
  write: (file, bytes) => writeFile(file, bytes),
  async sync(path) {
    let handle
    try {
      handle = await open(path, 'r')
      await handle.sync()
    } catch (error) {
      // Windows has no folders that could be synced, and needs none.
      if (process.platform !== 'win32') throw error
    } finally {
      await handle?.close()
    }
  },
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
}
