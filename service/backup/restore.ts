import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { EdgeError } from '#contract/errors.ts'
import { readTree, syncFolder, type Tree, writeTree } from './private-tree.ts'

/** A restore that is complete and waits for the next start, in the data folder. */
const waiting = 'restore'
const draft = 'restore.new'

export interface Restore {
  readonly config: Tree
  readonly data: Tree
}

/** Puts everything beside where it belongs. A cut leaves nothing, or a restore that the next start carries out. */
export async function stageRestore(dataFolder: string, { config, data }: Restore): Promise<void> {
  const folder = join(dataFolder, draft)
  await rm(folder, { recursive: true, force: true })
  await writeTree(join(folder, 'config'), config)
  await writeTree(join(folder, 'data'), data)
  await syncFolder(folder)
  await rm(join(dataFolder, waiting), { recursive: true, force: true })
  await rename(folder, join(dataFolder, waiting))
  await syncFolder(dataFolder)
}

/**
 * Carries out the restore that waits, if one does. Cut off anywhere, it is carried out again from its beginning, with the same end.
 * Whether control is enabled stays behind: it never travels (S1).
 */
export async function applyRestore(dataFolder: string, configFolder: string): Promise<boolean> {
  const folder = join(dataFolder, waiting)
  const parts = await readdir(folder).catch((): string[] => [])
  if (!parts.includes('data')) return false
  const data = await all(join(folder, 'data'))
  // The certificates of one site are of one piece.
  if ([...data.keys()].some((path) => path.startsWith('trust/')))
    await rm(join(dataFolder, 'trust'), { recursive: true, force: true })
  await rm(join(dataFolder, 'edge.yaml'), { force: true })
  await writeTree(configFolder, await all(join(folder, 'config')))
  await writeTree(dataFolder, data)
  await rm(folder, { recursive: true, force: true })
  await syncFolder(dataFolder)
  return true
}

const all = async (folder: string): Promise<Tree> => readTree(folder, await readdir(folder))

/** Rejects with backup.not-empty where something would be lost. */
export async function assertNoSite(configFolder: string): Promise<void> {
  const names = await readdir(configFolder).catch((): string[] => [])
  const found = names.find((name) => /^(site\.(ya?ml|toml)|deployment\.json|generations)$/.test(name))
  if (found !== undefined)
    throw new EdgeError('backup.not-empty', `${found} is there already: this edge has a configuration of its own`)
}

/** The same for the data folder of an edge that was never started. */
export async function assertNoEdge(dataFolder: string): Promise<void> {
  const there = await readFile(join(dataFolder, 'identity.json')).then(
    () => true,
    () => false,
  )
  if (there) throw new EdgeError('backup.not-empty', 'the data folder is that of an edge that has run already')
}
