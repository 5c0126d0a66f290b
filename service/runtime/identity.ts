import { randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { EdgeError } from '#contract/errors.ts'
import { type Machine, machine, machineDiffers } from './machine.ts'

/** identity.json in the data folder: which edge this is, on which machine it runs, and how often it has started. */
const fileName = 'identity.json'

const stored = z.strictObject({
  edgeId: z.uuid(),
  machine,
  /** Grows with each start: it stands on every write, so that the writes of two controllers can be told apart (S9). */
  epoch: z.number().int().min(1),
  /** Set by a restore, until a person has said that the edge of the backup is gone. */
  replaces: z.strictObject({ backupAtMs: z.number(), restoredAtMs: z.number() }).optional(),
})
export type StoredIdentity = z.infer<typeof stored>

export interface EdgeIdentity {
  readonly edgeId: string
  readonly epoch: number
  /** Why this may be a copy of an edge that runs elsewhere, or undefined. Automatic control is off while there is a reason. */
  obstacle(): string | undefined
  /** Set while this edge stands in for the one whose backup it was restored from, which may still run. */
  replaces(): StoredIdentity['replaces']
  /** A person says that this is the edge now, durably. */
  confirm(): Promise<void>
  /** A person says that the edge of the backup is gone, durably. */
  confirmReplacement(): Promise<void>
}

/**
 * Rejects with storage.folder when the file is damaged. A full disk does not stop the start (S8): `warning` then says that the
 * epoch could not be stored.
 */
export async function openIdentity(
  folder: string,
  here: Machine,
): Promise<{ readonly identity: EdgeIdentity; readonly warning?: string }> {
  const file = join(folder, fileName)
  const before = await load(file)
  const edgeId = before?.edgeId ?? randomUUID()
  const epoch = (before?.epoch ?? 0) + 1
  let home = before?.machine ?? here
  let replaces = before?.replaces

  async function save(): Promise<void> {
    const text = `${JSON.stringify({ edgeId, machine: home, epoch, ...(replaces && { replaces }) }, undefined, 2)}\n`
    await writeFile(`${file}.new`, text, { flush: true, mode: 0o600 })
    await rename(`${file}.new`, file)
  }

  const problem = await save().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  return {
    identity: {
      edgeId,
      epoch,
      obstacle() {
        if (replaces)
          return `this edge was restored from a backup of ${new Date(replaces.backupAtMs).toISOString().slice(0, 10)}; the edge it replaces may still control the site`
        const difference = machineDiffers(home, here)
        return (
          difference &&
          `this data folder comes from another machine (${difference}); the edge it was copied from may still control the site: enable control again once it does not`
        )
      },
      replaces: () => replaces,
      async confirm() {
        home = here
        await save()
      },
      async confirmReplacement() {
        const before = replaces
        replaces = undefined
        await save().catch((error: unknown) => {
          replaces = before
          throw error
        })
      },
    },
    ...(problem !== undefined && { warning: `${file} cannot be written: ${problem}` }),
  }
}

/**
 * The identity that a restored edge starts with: the same edge, on a machine that is not known yet, with epochs that the edge of the
 * backup has not used since.
 */
export function restoredIdentity(text: string, backupAtMs: number, restoredAtMs: number): string {
  const { edgeId, machine, epoch } = stored.parse(JSON.parse(text))
  const next: StoredIdentity = { edgeId, machine, epoch: epoch + 1_000_000, replaces: { backupAtMs, restoredAtMs } }
  return `${JSON.stringify(next, undefined, 2)}\n`
}

async function load(file: string): Promise<z.infer<typeof stored> | undefined> {
  try {
    return stored.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new EdgeError('storage.folder', `${file} is damaged; delete it and enable control again`, { cause: error })
  }
}
