import { type BackupContent, backupContent, maxBackupBytes } from '#contract/backup.ts'
import { EdgeError } from '#contract/errors.ts'
import { parseStrictJson } from '../domain/strict-json.ts'
import { readTree, type Tree } from './private-tree.ts'

/** Of the data folder: what makes this edge this edge. Control being enabled never travels, nor what the label of a device says. */
const dataNames = [
  'accounts.json',
  'identity.json',
  'license.txt',
  'license-clock.json',
  'deploy-key.pem',
  'deploy-keys.json',
  'failsafe-proofs.json',
  'write-budget.json',
  'trust',
]

/** Of the folder of the configuration, besides the site: settings of the installation, secrets, a licence. */
const configNames = [
  'edge.yaml',
  'edge.toml',
  'secrets',
  'license.txt',
  'license.key',
  'license.lic',
  'license.license',
]

/** Everything that another machine needs to take the place of this one. `site` is the last confirmed configuration. */
export async function collectBackup(options: {
  configFolder: string
  site: ReadonlyMap<string, string>
  dataFolder: string
}): Promise<Buffer> {
  const { configFolder, site, dataFolder } = options
  const config = new Map<string, Uint8Array>([...site].map(([path, text]) => [path, Buffer.from(text)]))
  for (const [path, bytes] of await readTree(configFolder, configNames)) config.set(path, bytes)
  const content = { config: encode(config), data: encode(await readTree(dataFolder, dataNames)) }
  const checked = backupContent.safeParse(content)
  if (!checked.success)
    throw new EdgeError(
      'backup.damaged',
      `${checked.error.issues[0]?.path.join(' ')} has a name that no backup carries`,
    )
  const bytes = Buffer.from(JSON.stringify(content))
  if (bytes.length > maxBackupBytes - 16)
    throw new EdgeError('backup.damaged', `there are ${bytes.length} bytes to back up, more than a backup holds`)
  return bytes
}

/** The files of a backup. Throws backup.damaged when they are not what a backup carries. */
export function openContent(bytes: Uint8Array): { readonly config: Tree; readonly data: Tree } {
  let content: BackupContent
  try {
    content = backupContent.parse(parseStrictJson(Buffer.from(bytes).toString('utf8')))
  } catch (error) {
    throw new EdgeError('backup.damaged', 'the backup cannot be used: it does not hold what a backup holds', {
      cause: error,
    })
  }
  return { config: decode(content.config), data: decode(content.data) }
}

const encode = (tree: Tree): Record<string, string> =>
  Object.fromEntries([...tree].map(([path, bytes]) => [path, Buffer.from(bytes).toString('base64')]))

const decode = (files: Readonly<Record<string, string>>): Tree =>
  new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text, 'base64')]))
