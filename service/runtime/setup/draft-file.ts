import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { z } from 'zod'
import { EdgeError } from '#contract/errors.ts'
import { type SetupDraft, setupDraft } from '#contract/setup.ts'
import { checkedYaml } from '../checked-yaml.ts'
import { isMissing, replaceFile, setAside } from '../workbench/text-files.ts'

const draftFile = z.strictObject({ changedBy: z.string().max(200), changedAtMs: z.number(), answers: setupDraft })

export interface KeptDraft {
  /** Changes with every change. */
  readonly revision: string
  readonly changedBy: string
  readonly changedAtMs: number
  readonly answers: SetupDraft
}

/** Answers of the wizard on their way, in `drafts/setup.yaml` of a site folder: for the service and for the command line. */
export interface DraftFile {
  /** Undefined when nobody has begun. */
  load(): Promise<KeptDraft | undefined>
  /**
   * Replaces the answers that `revision` names; '' when there were none. Resolves once they are on disk. Rejects with
   * setup.changed when somebody else was faster, or workbench.folder.
   */
  save(revision: string, answers: SetupDraft, by: string, atMs: number): Promise<KeptDraft>
  /** Forgets the answers. */
  remove(): Promise<void>
}

export function createDraftFile(siteFolder: string, trouble: (message: string) => void): DraftFile {
  const file = join(siteFolder, 'drafts', 'setup.yaml')
  let queue: Promise<unknown> = Promise.resolve()

  /** One after the other, so that of two people at once one is told. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = queue.then(work)
    queue = done.catch(() => undefined)
    return done
  }

  async function load(): Promise<KeptDraft | undefined> {
    let text: string
    try {
      text = await readFile(file, 'utf8')
    } catch (error) {
      if (isMissing(error)) return undefined
      throw new EdgeError('workbench.folder', `${file} cannot be read`, { cause: error })
    }
    try {
      return {
        revision: createHash('sha256').update(text).digest('hex').slice(0, 32),
        ...checkedYaml(draftFile, text, file, 'workbench.folder'),
      }
    } catch (error) {
      await setAside(file, error, trouble)
      return undefined
    }
  }

  return {
    load: () => inTurn(load),
    save: (revision, answers, changedBy, changedAtMs) =>
      inTurn(async () => {
        const present = await load()
        if ((present?.revision ?? '') !== revision)
          throw new EdgeError(
            'setup.changed',
            present
              ? `${present.changedBy} has changed these answers meanwhile, at ${new Date(present.changedAtMs).toISOString()}`
              : 'somebody has discarded these answers meanwhile',
          )
        const text = stringify({ changedBy, changedAtMs, answers }, { lineWidth: 0, aliasDuplicateObjects: false })
        await replaceFile(file, `# Answers of the setup wizard; it goes on from here.\n${text}`)
        const kept = await load()
        if (!kept) throw new EdgeError('workbench.folder', `${file} cannot be read back`)
        return kept
      }),
    remove: () => inTurn(() => rm(file, { force: true })),
  }
}
