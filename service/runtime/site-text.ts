import { copyFile, readFile, rename, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { EdgeError } from '#contract/errors.ts'

/** The text of the site that runs. Whoever edits a part of it while the service runs starts from here. */
export interface SiteText {
  text(): string
  /** Its name without the folder, for messages. */
  readonly file: string
  /** `session`: the file is part of the program and stays as it is. */
  readonly kept: 'file' | 'session'
  /** Rejects with site.changed where the file was edited by hand meanwhile; nothing is lost then. */
  unedited(): Promise<void>
  /**
   * Resolves once the text is on the disk for good and is what `text` returns; as `unedited` otherwise. The change is in the
   * journal before.
   */
  save(text: string, principal: string, reason: string): Promise<void>
}

export async function openSiteText(file: string, kept: SiteText['kept']): Promise<SiteText> {
  const name = basename(file)
  let text = await readFile(file, 'utf8')

  async function unedited(): Promise<void> {
    if (kept === 'file' && (await readFile(file, 'utf8')) !== text)
      throw new EdgeError('site.changed', `${name} was edited meanwhile; restart the service to take it into use`)
  }

  return {
    text: () => text,
    file: name,
    kept,
    unedited,
    async save(next) {
      await unedited()
      if (kept === 'file') await replaceFile(file, next)
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
