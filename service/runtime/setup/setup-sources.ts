import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EdgeError } from '#contract/errors.ts'
import type { SetupAnswers, SetupCheck, SetupDraft, SetupState } from '#contract/setup.ts'
import type { FoundDevice } from '#contract/workbench.ts'
import type { SetupSources } from '../../api/setup-sources.ts'
import { checkSiteFiles, completeSiteFiles } from '../../configuration/check-site.ts'
import { diffSites } from '../../configuration/diff-sites.ts'
import { parseEdgeFile } from '../../configuration/edge-file.ts'
import { readSiteFolder } from '../../configuration/read-site-folder.ts'
import type { SiteFiles } from '../../configuration/site-files.ts'
import type { Clock } from '../../domain/clock.ts'
import { folderLibrary } from '../../pointmap/load.ts'
import { checkAnswers } from '../../setup/check.ts'
import { setupForms } from '../../setup/fields.ts'
import { answersOf, filesOf, type SetupFiles } from '../../setup/files.ts'
import { type KnownMap, suggestAnswers } from '../../setup/suggest.ts'
import { isMissing, replaceFile } from '../workbench/text-files.ts'
import { createDraftFile, type KeptDraft } from './draft-file.ts'

/** The setup wizard of a service. */
export function createSetupSources(options: {
  /** Where drafts are kept. */
  folder: string
  /** The folder or file of the site that runs; undefined while there is none. */
  site: string | undefined
  /** What written files become: the site of this service, or a draft that somebody deploys. */
  becomes: 'site' | 'draft'
  /** Folder of edge.yaml, and of a new site. */
  root: string
  mapFolders: readonly string[]
  maps(): Promise<readonly KnownMap[]>
  read: SetupSources['read']
  found(): readonly FoundDevice[]
  clock: Clock
  /** A new site was written where there was none. */
  siteWritten(): void
  journal(principal: string, detail: string): void
  trouble(message: string): void
}): SetupSources {
  const { folder, becomes, root, maps, mapFolders, found, clock, siteWritten, journal, trouble } = options
  const drafts = createDraftFile(folder, trouble)

  async function running(): Promise<Partial<SetupFiles>> {
    // A draft for another edge begins with settings of its own.
    if (options.site === undefined && becomes === 'draft') return {}
    const file = join(root, 'edge.yaml')
    const edge = await readFile(file, 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return undefined
      throw error
    })
    if (edge !== undefined && parseEdgeFile(edge, 'edge.yaml') === undefined)
      throw new EdgeError(
        'setup.invalid',
        'the site folder is the data folder too, whose edge.yaml says whether control is on; start the service with a --data-dir of its own',
      )
    const site = options.site === undefined ? undefined : await readSiteFolder(options.site)
    return { ...(site && { site }), ...(edge !== undefined && { edge }) }
  }

  async function check(draft: SetupDraft): Promise<SetupCheck> {
    const known = await maps()
    return {
      problems: [...checkAnswers(draft, { maps: known.map(({ id }) => id) }).problems],
      suggestions: suggestAnswers(draft, found(), known),
    }
  }

  async function stateOf(kept: KeptDraft | undefined): Promise<SetupState> {
    if (kept) return { source: 'draft', ...kept, ...(await check(kept.answers)) }
    const { site, edge } = await asInvalid(running)
    const answers = site ? await asInvalid(async () => answersOf(site, edge)) : {}
    return { revision: '', source: site ? 'site' : 'empty', answers, ...(await check(answers)) }
  }

  /** Complete answers, with the revision that they are of. */
  async function complete(): Promise<{ revision: string; answers: SetupAnswers }> {
    const { revision, answers: draft } = await stateOf(await drafts.load())
    const { problems, answers } = checkAnswers(draft, { maps: (await maps()).map(({ id }) => id) })
    if (answers) return { revision, answers }
    const [first] = problems
    throw new EdgeError('setup.open', `${problems.length} left: ${first?.message ?? ''} ${first?.cure ?? ''}`.trim())
  }

  const library = () => folderLibrary(mapFolders)

  return {
    forms: async () => ({
      forms: setupForms(),
      maps: (await maps()).map(({ id, title, role }) => ({ id, title, role })),
    }),
    state: async () => stateOf(await drafts.load()),
    change: async ({ revision, answers }, by) => stateOf(await drafts.save(revision, answers, by.name, clock.nowMs())),
    async discard() {
      await drafts.remove()
      return stateOf(undefined)
    },
    check,
    read: options.read,
    preview: () =>
      asInvalid(async () => {
        const { revision, answers } = await complete()
        const old = await running()
        const made = filesOf(answers, old)
        const checked = checkSiteFiles(made.site, library())
        const before = old.site && checkSiteFiles(old.site, library())
        return {
          revision,
          files: Object.fromEntries(completeSiteFiles(checked)),
          edge: made.edge,
          becomes,
          changes: before ? diffSites(before, checked) : [],
          ...(before && { runningHash: before.hash }),
        }
      }),
    write: (revision, by) =>
      asInvalid(async () => {
        const present = await complete()
        if (present.revision !== revision)
          throw new EdgeError('setup.changed', 'somebody has changed these answers since they were looked at')
        const old = await running()
        const made = filesOf(present.answers, old)
        checkSiteFiles(made.site, library())
        const place = becomes === 'draft' ? join(folder, 'drafts') : root
        const texts: readonly (readonly [string, string])[] = [
          ['edge.yaml', made.edge],
          // The site last: with it, a new one is complete.
          ['site.yaml', siteTextOf(made.site)],
        ]
        journal(by.name, `setup: writes site.yaml and edge.yaml into ${place}`)
        if (becomes === 'site' && (await exists(join(root, 'site.yaml'))))
          throw new EdgeError('setup.changed', 'a site.yaml has appeared meanwhile; start the service again to use it')
        for (const [name, text] of texts) await replaceFile(join(place, name), text)
        if (becomes === 'site') {
          await drafts.remove()
          siteWritten()
        }
        return { written: texts.map(([name]) => join(place, name)), next: becomes === 'draft' ? 'deploy' : 'starts' }
      }),
  }
}

const siteTextOf = (files: SiteFiles): string => files.get('site.yaml') ?? ''

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )

/** What is wrong with files is said to whoever asked; their messages name places in the site, not on this machine. */
async function asInvalid<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof EdgeError && /^(config|map)\./.test(error.code))
      throw new EdgeError('setup.invalid', error.message, { cause: error })
    throw error
  }
}
