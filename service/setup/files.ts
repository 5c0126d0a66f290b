import { EdgeError } from '#contract/errors.ts'
import { setupAnswers, type SetupAnswers, type SetupDraft } from '#contract/setup.ts'
import { parseEdgeFile } from '../configuration/edge-file.ts'
import { parseSite } from '../configuration/site-document.ts'
import { siteFileOf, siteFilesFrom, type SiteFiles } from '../configuration/site-files.ts'
import { parseYamlWith } from '../domain/yaml-document.ts'
import { problemsText, readYaml } from '../domain/yaml-source.ts'
import { edgeAnswers, edgeText } from './edge-text.ts'
import { recordOf } from './places.ts'
import { siteText } from './site-text.ts'

/** What a site is made of: the files that travel, and the settings that stay on the edge. */
export interface SetupFiles {
  readonly site: SiteFiles
  /** Text of edge.yaml. */
  readonly edge: string
}

/**
 * The files of a site with these answers; of an existing one, with everything kept that the wizard does not ask for, comments
 * and order. The same answers give the same bytes. Throws config.invalid when what is there cannot be changed, or would not fit.
 */
export function filesOf(answers: SetupAnswers, old?: Partial<SetupFiles>): SetupFiles {
  if (old?.site && siteFileOf(old.site) === 'site.toml')
    throw new EdgeError(
      'config.invalid',
      'this site is written in site.toml, which the wizard would lose the comments of; change it by hand, or write it as site.yaml',
    )
  const before = old?.site?.get('site.yaml')
  const newest = before === undefined ? undefined : parseSite(before, 'site.yaml')
  const text = siteText(answers, newest && !newest.problems ? newest.text : before)
  const parsed = parseSite(text, 'site.yaml')
  // Such as a breaker that still names a device that is gone.
  if (parsed.problems) throw new EdgeError('config.invalid', problemsText(parsed.problems))
  const edge = edgeText(answers, old?.edge)
  const settings = parseEdgeFile(edge, 'edge.yaml')
  if (settings && 'problems' in settings) throw new EdgeError('config.invalid', problemsText(settings.problems))
  const maps = [...(old?.site ?? [])].filter(([path]) => path.startsWith('pointmaps/'))
  return { site: siteFilesFrom([['site.yaml', text], ...maps]), edge }
}

/**
 * The answers that an existing site stands for, as a draft: what is wrong with its edge settings is a problem of the answers.
 * Accounts are not in files. Throws config.invalid when the site itself cannot be read.
 */
export function answersOf(files: SiteFiles, edge?: string): SetupDraft {
  const file = siteFileOf(files)
  const parsed = parseSite(files.get(file) ?? '', file)
  if (parsed.problems) throw new EdgeError('config.invalid', problemsText(parsed.problems))
  const { name, timeZone, grids, economics, controllers, devices } = parsed.site
  const read = edge === undefined || edge.trim() === '' ? undefined : readYaml(edge, 'edge.yaml')
  if (read?.problems) throw new EdgeError('config.invalid', problemsText(read.problems))
  const { installation, network, license } = recordOf(edgeAnswers(read?.source.data))
  const draft = {
    installation: { name, timeZone, ...recordOf(installation) },
    devices: devices.map(({ verified: _proven, ...device }) => device),
    grids,
    economics,
    controllers,
    ...(network !== undefined && { network }),
    ...(license !== undefined && { license }),
  }
  // With everything that goes without saying, as complete answers have it.
  return setupAnswers.safeParse(draft).data ?? draft
}

/** Answers from a file, YAML or JSON. Throws config.invalid with every place that does not fit. */
export function parseAnswers(text: string, file: string): SetupAnswers {
  const parsed = parseYamlWith(setupAnswers, text, file)
  if (parsed.problems) throw new EdgeError('config.invalid', problemsText(parsed.problems, 20))
  return parsed.value
}
