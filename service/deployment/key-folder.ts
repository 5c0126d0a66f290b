import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeyFolder } from './keys.ts'

/** The private files of a data folder, readable for their owner only. */
export function openKeyFolder(folder: string): KeyFolder {
  return {
    async read(name) {
      try {
        return await readFile(join(folder, name), 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    async write(name, text) {
      const file = join(folder, name)
      await writeFile(`${file}.new`, text, { flush: true, mode: 0o600 })
      await rename(`${file}.new`, file)
    },
  }
}
