import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { BackupOrigin } from '#contract/backup.ts'
import { EdgeError } from '#contract/errors.ts'
import { collectBackup, openContent } from './backup/content.ts'
import type { Restore } from './backup/restore.ts'
import { seal, unseal } from './backup/seal.ts'
import { completeSiteFiles, inspectSiteFiles } from './configuration/check-site.ts'
import { locateSite, readSiteFolder } from './configuration/read-site-folder.ts'
import { decodePointer } from './deployment/pointer.ts'
import { folderLibrary } from './pointmap/load.ts'
import { restoredIdentity } from './runtime/identity.ts'

/**
 * Encrypts what this edge is, from its folders, whether its service runs or not: every file in them is replaced as a whole. `config`
 * is the folder of its configuration or its site file.
 */
export async function makeBackup(options: {
  config: string
  dataFolder: string
  /** The maps that are shipped. */
  mapFolder: string
  passphrase: string
  createdAtMs: number
}): Promise<Buffer> {
  const { config, dataFolder, mapFolder, passphrase, createdAtMs } = options
  const { root, files } = await confirmedSite(config)
  const { checked } = inspectSiteFiles(files, folderLibrary([mapFolder]))
  // A site that has an error is backed up as it is.
  const site = checked ? completeSiteFiles(checked) : files
  const content = await collectBackup({ configFolder: root, site, dataFolder })
  const origin = { site: checked?.site.name ?? '', edgeId: await edgeIdIn(dataFolder), createdAtMs }
  return seal(content, passphrase, origin)
}

/** The last confirmed generation, or the files as they were written by hand. */
async function confirmedSite(path: string) {
  const { folder: root } = await locateRoot(path)
  for (const name of ['deployment.json', 'deployment.confirmed.json']) {
    const bytes = await readFile(join(root, name)).catch(() => undefined)
    const pointer = bytes && decodePointer(bytes)
    if (!pointer) continue
    const folder = join(root, 'generations', String(pointer.confirmed).padStart(6, '0'))
    return { root, files: await readSiteFolder(folder) }
  }
  return { root, files: await readSiteFolder(path) }
}

/** A folder of generations need not have a site file of its own. */
async function locateRoot(path: string): Promise<{ folder: string }> {
  const deployed = await readFile(join(path, 'deployment.json')).catch(() => undefined)
  return deployed ? { folder: path } : locateSite(path)
}

async function edgeIdIn(dataFolder: string): Promise<string> {
  const file = join(dataFolder, 'identity.json')
  try {
    return z.looseObject({ edgeId: z.uuid() }).parse(JSON.parse(await readFile(file, 'utf8'))).edgeId
  } catch (error) {
    throw new EdgeError('storage.folder', `${file} cannot be read: there is no edge in this data folder yet`, {
      cause: error,
    })
  }
}

/** Decrypts a backup and makes of it what another machine starts with: without control until somebody says that the old one is gone. */
export async function openBackup(
  file: Buffer,
  passphrase: string,
  restoredAtMs: number,
): Promise<{ readonly restore: Restore; readonly origin: BackupOrigin }> {
  const { content, header } = await unseal(file, passphrase)
  const { config, data } = openContent(content)
  const { site, edgeId, createdAtMs } = header
  let identity: string
  try {
    identity = restoredIdentity(
      Buffer.from(data.get('identity.json') ?? []).toString('utf8'),
      createdAtMs,
      restoredAtMs,
    )
  } catch (error) {
    throw new EdgeError('backup.damaged', 'the backup cannot be used: it does not say which edge it was', {
      cause: error,
    })
  }
  return {
    restore: { config, data: new Map([...data, ['identity.json', Buffer.from(identity)]]) },
    origin: { site, edgeId, createdAtMs },
  }
}
