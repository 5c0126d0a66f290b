import { open, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { backupRequest } from '#contract/backup.ts'
import { EdgeError } from '#contract/errors.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { applyRestore, assertNoEdge, assertNoSite, stageRestore } from '../backup/restore.ts'
import { makeBackup, openBackup } from '../backup-files.ts'
import { entries } from '../entries.ts'
import { prepareFolder } from '../storage/folder.ts'
import { dataFolderOf } from './edge-target.ts'
import { type Command, exitCode, type Terminal } from './terminal.ts'

const options = { config: { type: 'string' }, 'data-dir': { type: 'string' }, out: { type: 'string' } } as const

export const backup: Command = {
  summary: 'all that makes this edge, in one encrypted file',
  usage: `usage: r-emsctl backup [--config PATH] [--data-dir DIR] [--out FILE]

Writes the confirmed site with its maps, settings, secrets, certificates, accounts and licence into one file, encrypted with
a passphrase that is asked for, or read from the standard input. Whoever has both can become this edge: keep them apart.
It works beside the running service, on the files.
  --config PATH    folder of the configuration, or site file (R_EMS_CONFIG_ROOT; default /etc/r-ems)
  --data-dir DIR   data folder of this edge (R_EMS_DATA_DIR; default /var/lib/r-ems)
  --out FILE       default: r-ems-DATE.backup in this folder; it must not exist
`,
  async run(args, terminal) {
    const { values } = parseCommandLine({ args, options, strict: true, allowPositionals: false })
    const createdAtMs = Date.now()
    const out = resolve(values.out ?? `r-ems-${new Date(createdAtMs).toISOString().slice(0, 10)}.backup`)
    const passphrase = await newPassphrase(terminal)
    const bytes = await makeBackup({
      config: configOf(values.config, terminal),
      dataFolder: dataFolderOf(values, terminal.environment),
      mapFolder: entries.mapFolder,
      passphrase,
      createdAtMs,
    })
    try {
      await using handle = await open(out, 'wx', 0o600)
      await handle.writeFile(bytes)
      await handle.sync()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw new UsageError(
        `--out: ${out} ${code === 'EEXIST' ? 'is there already' : `cannot be written (${code ?? ''})`}`,
      )
    }
    terminal.out(`Wrote ${out}, ${bytes.length} bytes.\n`)
    return exitCode.done
  },
}

export const restore: Command = {
  summary: 'make this machine the edge of a backup',
  usage: `usage: r-emsctl restore FILE [--config DIR] [--data-dir DIR]

Makes a machine that has run no edge yet the one of a backup. Control stays off there until somebody has confirmed, in the
app or with POST /api/v1/backup/replacement, that the old edge is gone; history stays behind.
  --config DIR     folder of the configuration, without a site (R_EMS_CONFIG_ROOT; default /etc/r-ems)
  --data-dir DIR   data folder, of no edge (R_EMS_DATA_DIR; default /var/lib/r-ems)
`,
  async run(args, terminal) {
    const { values, positionals } = parseCommandLine({ args, options, strict: true, allowPositionals: true })
    const [file, ...more] = positionals
    if (file === undefined || more.length > 0 || values.out !== undefined) throw new UsageError('give the backup FILE')
    const configFolder = configOf(values.config, terminal)
    const dataFolder = dataFolderOf(values, terminal.environment)
    await assertNoSite(configFolder)
    await assertNoEdge(dataFolder)
    const bytes = await readBackup(file)
    const passphrase = await terminal.readSecret('Passphrase of the backup: ')
    const { restore: found, origin } = await openBackup(bytes, passphrase, Date.now())
    await prepareFolder(dataFolder)
    await stageRestore(dataFolder, found)
    await applyRestore(dataFolder, configFolder)
    terminal.out(
      `This machine is the edge of "${origin.site}" as of ${new Date(origin.createdAtMs).toISOString()}.\n` +
        `Start it with: r-emsd run --config ${configFolder} --data-dir ${dataFolder}\n` +
        'Control stays off until somebody has confirmed that the old edge is gone.\n',
    )
    return exitCode.done
  },
}

const configOf = (given: string | undefined, { environment }: Terminal): string =>
  resolve(given ?? environment['R_EMS_CONFIG_ROOT'] ?? '/etc/r-ems')

async function newPassphrase(terminal: Terminal): Promise<string> {
  const passphrase = await terminal.readSecret('Passphrase of the backup, 12 characters or more: ')
  const parsed = backupRequest.safeParse({ passphrase })
  if (!parsed.success) throw new UsageError('the passphrase needs 12 to 200 characters')
  if (terminal.interactive && (await terminal.readSecret('The same again: ')) !== passphrase)
    throw new UsageError('the two are not the same')
  return passphrase
}

async function readBackup(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new EdgeError('backup.invalid', `${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? ''}`, {
      cause: error,
    })
  }
}
