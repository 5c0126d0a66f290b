import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { siteFilePath, siteFolderBounds } from '#contract/configuration.ts'
import { EdgeError } from '#contract/errors.ts'
import { readText } from './read-text.ts'
import { isSecretFile } from './secrets.ts'
import { type SiteFiles, siteFilesFrom } from './site-files.ts'

const deepest = 5

/**
 * Reads a site: its folder, or its site file, whatever that is called, beside which the folder pointmaps lies. Rejects with
 * config.not-found or config.invalid: one sentence with the place and the cure.
 */
export async function readSiteFolder(path: string): Promise<SiteFiles> {
  const { folder, siteFile } = await locateSite(path)
  const files: [string, string][] = [
    [extname(siteFile) === '.toml' ? 'site.toml' : 'site.yaml', await readText(siteFile)],
  ]
  for (const map of await mapFiles(folder)) files.push([map, await readText(join(folder, map))])
  return siteFilesFrom(files)
}

/** Folder and site file of a path that is one of the two. Rejects with config.not-found or config.invalid. */
export async function locateSite(path: string): Promise<{ readonly folder: string; readonly siteFile: string }> {
  let isFolder: boolean
  try {
    isFolder = (await stat(path)).isDirectory()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown reason'})`
    throw new EdgeError('config.not-found', `the configuration ${path} ${why}`, { cause: error })
  }
  if (!isFolder) return { folder: dirname(path), siteFile: path }
  const names = await readdir(path)
  const found = names.filter((name) => name === 'site.yaml' || name === 'site.toml')
  if (found.length > 1)
    throw new EdgeError('config.invalid', `${path} has both site.yaml and site.toml; keep one and move the other away`)
  if (found[0] !== undefined) return { folder: path, siteFile: join(path, found[0]) }
  const almost = names.find((name) => /^site\.(ya?ml|toml)$/i.test(name))
  throw new EdgeError(
    'config.not-found',
    almost === undefined
      ? `the folder ${path} has neither site.yaml nor site.toml`
      : `${join(path, almost)} must be called ${extname(almost).toLowerCase() === '.toml' ? 'site.toml' : 'site.yaml'}`,
  )
}

/** The point maps below a folder, relative to it. Links to folders are not followed. */
async function mapFiles(folder: string): Promise<string[]> {
  const found: string[] = []
  const walk = async (relative: string, depth: number): Promise<void> => {
    for (const entry of await entriesOf(join(folder, relative))) {
      const path = `${relative}/${entry.name}`
      if (entry.isDirectory()) {
        if (depth < deepest) await walk(path, depth + 1)
        continue
      }
      if (isSecretFile(path))
        throw new EdgeError(
          'config.invalid',
          `${join(folder, path)} is a secret in the wrong place; move it into secrets/`,
        )
      if (siteFilePath.safeParse(path).success) found.push(path)
      if (found.length > siteFolderBounds.files)
        throw new EdgeError(
          'config.invalid',
          `${join(folder, 'pointmaps')} has more than ${siteFolderBounds.files} maps`,
        )
    }
  }
  await walk('pointmaps', 1)
  return found.toSorted()
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && basename(folder) === 'pointmaps') return []
    throw new EdgeError('config.not-found', `${folder} cannot be read (${code ?? 'unknown reason'})`, { cause: error })
  }
}
