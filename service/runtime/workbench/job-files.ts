import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Job, job as jobSchema } from '#contract/workbench.ts'
import { folderError, isMissing, replaceFile } from './text-files.ts'

/** The jobs of a site as files: jobs/ID.json, one per job, with stable keys so that versions can be compared. */
export interface JobFiles {
  /** Newest first, and the names of files that could not be understood. */
  list(): Promise<{ readonly jobs: Job[]; readonly damaged: readonly string[] }>
  load(id: string): Promise<Job | undefined>
  /** Throws workbench.folder. */
  save(job: Job): Promise<void>
  remove(id: string): Promise<void>
  saveCapture(name: string, bytes: Uint8Array): Promise<void>
  loadCapture(name: string): Promise<Buffer | undefined>
  captureFile(name: string): string
}

export function createJobFiles(folder: string): JobFiles {
  const fileOf = (id: string): string => join(folder, 'jobs', `${id}.json`)
  const captureFile = (name: string): string => join(folder, 'captures', name)

  async function parse(file: string): Promise<Job | undefined> {
    const text = await readFile(file, 'utf8')
    try {
      return jobSchema.parse(JSON.parse(text))
    } catch {
      return undefined // of another version, or edited by hand; the caller says so
    }
  }

  return {
    async list() {
      let names: string[]
      try {
        names = await readdir(join(folder, 'jobs'))
      } catch (error) {
        if (isMissing(error)) return { jobs: [], damaged: [] }
        throw folderError(folder, error)
      }
      // Left by a process that was killed while it wrote; nobody else writes before the jobs are listed.
      const unfinished = names.filter((name) => name.endsWith('.new'))
      await Promise.all(unfinished.map((name) => rm(join(folder, 'jobs', name), { force: true })))
      const jobs: Job[] = []
      const damaged: string[] = []
      for (const name of names.filter((name) => name.endsWith('.json')).toSorted()) {
        const found = await parse(join(folder, 'jobs', name))
        if (found && `${found.id}.json` === name) jobs.push(found)
        else damaged.push(name)
      }
      return { jobs: jobs.toReversed(), damaged }
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
    save: (job) => replaceFile(fileOf(job.id), `${JSON.stringify(jobSchema.parse(job), undefined, 2)}\n`),
    async remove(id) {
      await rm(fileOf(id), { force: true })
      await rm(captureFile(`${id}.pcapng`), { force: true })
    },
    saveCapture: (name, bytes) => replaceFile(captureFile(name), bytes),
    async loadCapture(name) {
      try {
        return await readFile(captureFile(name))
      } catch (error) {
        if (isMissing(error)) return undefined
        throw folderError(captureFile(name), error)
      }
    },
    captureFile,
  }
}
