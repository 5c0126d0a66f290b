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
})

export interface EdgeIdentity {
  readonly edgeId: string
  readonly epoch: number
  /** Why this may be a copy of an edge that runs elsewhere, or undefined. Automatic control is off while there is a reason. */
  obstacle(): string | undefined
  /** A person says that this is the edge now, durably. */
  confirm(): Promise<void>
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

  async function save(): Promise<void> {
    const text = `${JSON.stringify({ edgeId, machine: home, epoch }, undefined, 2)}\n`
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
        const difference = machineDiffers(home, here)
        return (
          difference &&
          `this data folder comes from another machine (${difference}); the edge it was copied from may still control the site: enable control again once it does not`
        )
      },
      async confirm() {
        home = here
        await save()
      },
    },
    ...(problem !== undefined && { warning: `${file} cannot be written: ${problem}` }),
  }
}

async function load(file: string): Promise<z.infer<typeof stored> | undefined> {
  try {
    return stored.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new EdgeError('storage.folder', `${file} is damaged; delete it and enable control again`, { cause: error })
  }
}
