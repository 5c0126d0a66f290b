import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { EdgeError } from '#contract/errors.ts'
import type { LoadedMap } from '../pointmap/types.ts'

/**
 * Which maps a person has enabled control with, by their hashes: a map that changed while the service was down does not
 * act until it is confirmed (S12).
 */
export interface ConfirmedMaps {
  /** The first map in use that is not the confirmed one, as a reason; undefined when all are. */
  obstacle(): string | undefined
  /** Confirms the maps in use now, durably. */
  confirm(): Promise<void>
}

const fileName = 'confirmed-maps.json'
const stored = z.record(z.string(), z.string())

/** Without a file, the maps of the first start with control enabled are the confirmed ones. */
export async function loadConfirmedMaps(
  folder: string,
  inUse: () => readonly LoadedMap[],
  enabled: boolean,
): Promise<ConfirmedMaps> {
  const file = join(folder, fileName)
  let hashes = await load(file)

  async function confirm(): Promise<void> {
    const next = Object.fromEntries(inUse().map(({ id, hash }) => [id, hash]))
    await writeFile(`${file}.new`, `${JSON.stringify(next, undefined, 2)}\n`, { flush: true })
    await rename(`${file}.new`, file)
    hashes = next
  }

  if (!hashes && enabled) await confirm()
  return {
    confirm,
    obstacle() {
      const changed = inUse().find(({ id, hash }) => hashes?.[id] !== hash)
      return (
        changed &&
        `the map ${changed.id} is not the one that control was enabled with; enable control again to confirm it`
      )
    },
  }
}

async function load(file: string): Promise<Record<string, string> | undefined> {
  try {
    return stored.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new EdgeError('storage.folder', `${file} cannot be read; delete it and enable control again`, {
      cause: error,
    })
  }
}
