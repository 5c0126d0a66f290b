import { createHash } from 'node:crypto'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { EarlierMaps } from '#contract/map-editor.ts'
import { mostMapText } from '#contract/map-limits.ts'
import { EdgeError } from '#contract/errors.ts'
import { folderError, isMissing, replaceFile } from '../text-files.ts'

/** The texts of a map as they are kept. */
export interface MapTexts {
  /** In the site's own folder of maps. */
  readonly own: string | undefined
  /** With errors, for further work. */
  readonly draft: string | undefined
  readonly shipped: string | undefined
  /** What runs, where it was deployed. */
  readonly deployed: string | undefined
}

/**
 * The files of the map editor. The site's maps are plain files of its folder pointmaps; texts with errors, and those that
 * were replaced, are kept in the folder of the workbench. Every file is replaced as a whole.
 */
export interface MapFiles {
  texts(id: string): Promise<MapTexts>
  drafts(): Promise<ReadonlySet<string>>
  /** What a person edits now: the draft, else the own text, else the shipped one. */
  current(texts: MapTexts): string | undefined
  save(id: string, text: string): Promise<void>
  saveDraft(id: string, text: string): Promise<void>
  /** Removes the own text and the draft. */
  remove(id: string): Promise<void>
  /** Keeps a text that is about to be replaced; resolves to its name. */
  keep(id: string, text: string, atMs: number): Promise<string>
  /** Newest first. */
  earlier(id: string): Promise<EarlierMaps>
  /** Throws workbench.unknown. */
  earlierText(id: string, name: string): Promise<string>
}

/** Of the texts that were replaced, per map. */
const mostKept = 50

export const revisionOf = (text: string | undefined): string =>
  text === undefined ? '' : createHash('sha256').update(text).digest('hex').slice(0, 16)

export function createMapFiles(options: {
  /** The site's own maps. */
  ownFolder: string
  /** Where a configuration was deployed: its maps, which nobody changes in place. */
  deployedFolder?: string | undefined
  shippedFolder: string
  /** Of the workbench. */
  folder: string
}): MapFiles {
  const { ownFolder, deployedFolder, shippedFolder, folder } = options
  const draftFolder = join(folder, 'map-drafts')
  const own = (id: string): string => join(ownFolder, `${id}.yaml`)
  const draft = (id: string): string => join(draftFolder, `${id}.yaml`)
  const kept = (id: string): string => join(folder, 'map-history', id)

  async function names(id: string): Promise<string[]> {
    try {
      const found = await readdir(kept(id))
      return found
        .filter((name) => name.endsWith('.yaml'))
        .map((name) => name.slice(0, -'.yaml'.length))
        .toSorted()
    } catch (error) {
      if (isMissing(error)) return []
      throw folderError(kept(id), error)
    }
  }

  return {
    async texts(id) {
      const [mine, unfinished, shipped] = await Promise.all(
        [own(id), draft(id), join(shippedFolder, `${id}.yaml`)].map(read),
      )
      const deployed = deployedFolder === undefined ? undefined : await read(join(deployedFolder, `${id}.yaml`))
      // A bundle carries every map that its site uses, also those that are as they were shipped.
      const differs = deployed !== shipped ? deployed : undefined
      return { own: mine ?? differs, draft: unfinished, shipped, deployed }
    },
    async drafts() {
      try {
        const found = await readdir(draftFolder, { recursive: true })
        return new Set(
          found.flatMap((file) =>
            file.endsWith('.yaml') ? [file.replaceAll('\\', '/').slice(0, -'.yaml'.length)] : [],
          ),
        )
      } catch (error) {
        if (isMissing(error)) return new Set()
        throw folderError(draftFolder, error)
      }
    },
    current: (texts) => texts.draft ?? texts.own ?? texts.shipped,
    async save(id, text) {
      await replaceFile(own(id), text)
      await rm(draft(id), { force: true })
    },
    saveDraft: (id, text) => replaceFile(draft(id), text),
    async remove(id) {
      await rm(own(id), { force: true })
      await rm(draft(id), { force: true })
    },
    async keep(id, text, atMs) {
      const name = `${new Date(atMs).toISOString().replaceAll(/[-:.Z]/g, '')}-${revisionOf(text).slice(0, 8)}`
      await replaceFile(join(kept(id), `${name}.yaml`), text)
      for (const old of (await names(id)).slice(0, -mostKept)) await rm(join(kept(id), `${old}.yaml`), { force: true })
      return name
    },
    async earlier(id) {
      const texts = await Promise.all(
        (await names(id)).toReversed().map(async (name) => ({
          name,
          atMs: timeOf(name),
          bytes: (await stat(join(kept(id), `${name}.yaml`))).size,
        })),
      )
      return { texts: texts.filter(({ atMs }) => !Number.isNaN(atMs)).slice(0, 100) }
    },
    async earlierText(id, name) {
      const text = await read(join(kept(id), `${name}.yaml`))
      if (text === undefined) throw new EdgeError('workbench.unknown', 'there is no such earlier text')
      return text
    },
  }
}

/** 20260301T120000123-0123abcd */
function timeOf(name: string): number {
  const [, y, mo, d, h, mi, s, ms] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})-/.exec(name) ?? []
  return Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}.${ms}Z`)
}

async function read(file: string): Promise<string | undefined> {
  const tooLarge = (): EdgeError =>
    new EdgeError('workbench.refused', `it is larger than the ${mostMapText} characters that can be edited`)
  try {
    // Before it is read: a file can be larger than memory.
    if ((await stat(file)).size > mostMapText * 4) throw tooLarge()
    const text = await readFile(file, 'utf8')
    if (text.length > mostMapText) throw tooLarge()
    return text
  } catch (error) {
    if (isMissing(error)) return undefined
    if (error instanceof EdgeError) throw error
    throw folderError(file, error)
  }
}
