import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type CheckRun, checkRun } from '#contract/checks.ts'
import { folderError, isMissing, replaceFile } from '../workbench/text-files.ts'

/** The runs of a site as files: checks/ID.json in the workbench folder. */
export interface CheckFiles {
  /** Oldest first, and the names of files that could not be understood. */
  list(): Promise<{ readonly runs: CheckRun[]; readonly damaged: readonly string[] }>
  load(id: string): Promise<CheckRun | undefined>
  /** Throws workbench.folder. */
  save(run: CheckRun): Promise<void>
  remove(id: string): Promise<void>
}

export function createCheckFiles(workbenchFolder: string): CheckFiles {
  const folder = join(workbenchFolder, 'checks')
  const fileOf = (id: string): string => join(folder, `${id}.json`)

  async function parse(file: string): Promise<CheckRun | undefined> {
    const text = await readFile(file, 'utf8')
    try {
      return checkRun.parse(JSON.parse(text))
    } catch {
      return undefined // of another version, or edited by hand; the caller says so
    }
  }

  return {
    async list() {
      let names: string[]
      try {
        names = await readdir(folder)
      } catch (error) {
        if (isMissing(error)) return { runs: [], damaged: [] }
        throw folderError(folder, error)
      }
      const runs: CheckRun[] = []
      const damaged: string[] = []
      for (const name of names.toSorted()) {
        // Left by a process that was killed while it wrote.
        if (name.endsWith('.new')) await rm(join(folder, name), { force: true })
        if (!name.endsWith('.json')) continue
        const found = await parse(join(folder, name))
        if (found && `${found.id}.json` === name) runs.push(found)
        else damaged.push(name)
      }
      return { runs: runs.toSorted((a, b) => a.startedAtMs - b.startedAtMs), damaged }
    },
    async load(id) {
      try {
        return await parse(fileOf(id))
      } catch (error) {
        if (isMissing(error)) return undefined
        throw folderError(fileOf(id), error)
      }
    },
    // The order of the keys is that of the schema, whoever made the object.
    save: (run) => replaceFile(fileOf(run.id), `${JSON.stringify(checkRun.parse(run), undefined, 1)}\n`),
    remove: (id) => rm(fileOf(id), { force: true }),
  }
}
