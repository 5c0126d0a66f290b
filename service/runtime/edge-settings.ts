import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type EdgeSettings, edgeSettings } from '#contract/site.ts'
import { EdgeError } from '#contract/errors.ts'
import { checkedYaml } from './checked-yaml.ts'

/**
 * edge.yaml in the data folder: whether automatic control is enabled on this edge (S1). It never travels with a site.
 */
const fileName = 'edge.yaml'

/** The stored settings, or undefined when nobody has decided yet. */
export async function loadEdgeSettings(folder: string): Promise<EdgeSettings | undefined> {
  const file = join(folder, fileName)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new EdgeError('storage.folder', `${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  return checkedYaml(edgeSettings, text, file, 'config.invalid')
}

/** Replaces the file as a whole, so that a power cut leaves the old or the new one. */
export async function saveEdgeSettings(folder: string, settings: EdgeSettings): Promise<void> {
  const file = join(folder, fileName)
  await writeFile(`${file}.new`, `enable_control: ${settings.enable_control}\ndry_run: ${settings.dry_run}\n`, {
    flush: true,
  })
  await rename(`${file}.new`, file)
}
