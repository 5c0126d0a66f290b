import { copyFile, readFile, rename, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { EdgeError } from '#contract/errors.ts'
import type { SiteFiles } from '../../configuration/site-files.ts'
import type { Generations } from '../../deployment/generations.ts'
import type { SiteText } from '../../deployment/site-text.ts'
import type { Clock } from '../../domain/clock.ts'

/** The site file that runs. `session`: it is part of the program, and changes last until the service ends. */
export async function openSiteText(options: {
  siteFile: string
  /** There is no file yet. */
  empty: boolean
  kept: 'file' | 'session'
  /** Where something was deployed, every change is a generation. */
  generations: Generations | undefined
  siteName: string
  clock: Clock
}): Promise<SiteText> {
  const { siteFile, empty, kept, generations, siteName, clock } = options
  // The folder is nobody's business.
  const file = basename(siteFile)
  let text = empty ? '' : await readFile(siteFile, 'utf8')

  async function unedited(): Promise<void> {
    const pointer = generations?.pointer()
    if (pointer?.trial)
      throw new EdgeError('deployment.busy', 'a generation is on trial; change the site once it is confirmed')
    if (!pointer && kept === 'file' && (await readFile(siteFile, 'utf8')) !== text)
      throw new EdgeError('site.changed', `${file} was edited meanwhile; restart the service to take it into use`)
  }

  async function saveGeneration(store: Generations, active: number, next: string, by: string, why: string) {
    const before = await store.files(active)
    const files: SiteFiles = new Map([...before].map(([path, old]) => [path, path.startsWith('site.') ? next : old]))
    await store.add(files, { origin: 'local', siteName, by, why, atMs: clock.nowMs() })
  }

  return {
    file,
    kept,
    text: () => text,
    unedited,
    async save(next, by, why) {
      await unedited()
      const pointer = generations?.pointer()
      if (generations && pointer) await saveGeneration(generations, pointer.active, next, by, why)
      else if (kept === 'file') await replaceFile(siteFile, next)
      text = next
    },
  }
}

/** The old file stays beside as `.bak`; a power cut leaves the old or the new one. */
async function replaceFile(file: string, text: string): Promise<void> {
  await copyFile(file, `${file}.bak`)
  await writeFile(`${file}.new`, text, { flush: true })
  await rename(`${file}.new`, file)
}
