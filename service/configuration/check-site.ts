import { EdgeError, type ErrorCode } from '#contract/errors.ts'
import type { Site } from '#contract/site.ts'
import { nearest } from '../domain/nearest.ts'
import { problemsText, type YamlProblem, type YamlSource } from '../domain/yaml-source.ts'
import { checkPointMap, type LoadBase, type MapLibrary } from '../pointmap/load.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import { parseSite } from './site-document.ts'
import { hashSiteFiles, siteFileOf, siteFilesFrom, type SiteFiles } from './site-files.ts'

/** A site that can be run: everything in it was checked, and every map that it names is there. */
export interface CheckedSite {
  readonly site: Site
  readonly files: SiteFiles
  readonly siteFile: 'site.yaml' | 'site.toml'
  /** `hashSiteFiles` of the files. */
  readonly hash: string
  /** Version of the format that the site file is written in; `site` is always of the newest. */
  readonly fromVersion: number
  /** What was migrated on reading, one sentence each. */
  readonly notes: readonly string[]
  /** By their names, those of the site before those of the library. */
  readonly maps: ReadonlyMap<string, LoadedMap>
  /** Texts of all maps that the site needs, those that others extend among them, by their paths in the site folder. */
  readonly mapTexts: ReadonlyMap<string, string>
  /** What is allowed, but probably not meant; with file and line. */
  readonly warnings: readonly YamlProblem[]
}

export interface SiteInspection {
  /** Absent when there are problems. */
  readonly checked?: CheckedSite
  readonly problems: readonly YamlProblem[]
  readonly warnings: readonly YamlProblem[]
  /** What kind the first problem is of. */
  readonly code: Extract<ErrorCode, 'config.invalid' | 'map.not-found' | 'map.invalid'>
}

/** How a file of the site is called in messages, such as with its folder. */
export type ShowFile = (path: string) => string

/** Checks a site as a whole. Throws config.invalid, map.not-found or map.invalid with file:line:column of the first problems. */
export function checkSiteFiles(files: SiteFiles, library: MapLibrary, show?: ShowFile): CheckedSite {
  const { checked, problems, code } = inspectSiteFiles(files, library, show)
  if (!checked) throw new EdgeError(code, problemsText(problems))
  return checked
}

/** Like `checkSiteFiles`, but returns every problem instead of throwing. Throws only when there is no site file. */
export function inspectSiteFiles(
  files: SiteFiles,
  library: MapLibrary,
  show: ShowFile = (path) => path,
): SiteInspection {
  const siteFile = siteFileOf(files)
  const parsed = parseSite(files.get(siteFile) ?? '', show(siteFile))
  if (parsed.problems)
    return {
      problems: [...parsed.problems, ...mapProblems(files, library, show)],
      warnings: [],
      code: 'config.invalid',
    }
  const { site, source, fromVersion, notes } = parsed
  const mapTexts = new Map<string, string>()
  const openAny = mapsOf(files, library, show)
  const open: LoadBase = (id) => {
    const found = openAny(id)
    if (found) mapTexts.set(mapPath(id), found.text)
    return found
  }
  const maps = new Map<string, LoadedMap>()
  const problems: YamlProblem[] = []
  let code: SiteInspection['code'] = 'config.invalid'
  const seen = new Set<string>()
  for (const [at, device] of site.devices.entries()) {
    if (seen.has(device.map)) continue
    seen.add(device.map)
    const found = open(device.map)
    if (!found) {
      if (problems.length === 0) code = 'map.not-found'
      problems.push(missingMap(source, at, device, files, library))
      continue
    }
    const check = checkPointMap(found.text, found.file, open)
    if (check.problems) {
      if (problems.length === 0) code = 'map.invalid'
      problems.push(
        ...check.problems.map((problem) => ({ ...problem, message: `device "${device.id}": ${problem.message}` })),
      )
    } else maps.set(device.map, check.loaded)
  }
  const warnings = problems.length > 0 ? [] : unusedMaps(files, mapTexts, show)
  if (problems.length > 0) return { problems, warnings, code }
  const checked = { site, files, siteFile, hash: hashSiteFiles(files), fromVersion, notes, maps, mapTexts, warnings }
  return { checked, problems, warnings, code }
}

/** The same site with every map that it uses among its files, so that it needs no library: what a bundle carries. */
export function completeSiteFiles({ files, siteFile, mapTexts }: CheckedSite): SiteFiles {
  return siteFilesFrom([[siteFile, files.get(siteFile) ?? ''], ...mapTexts])
}

const mapPath = (id: string): string => `pointmaps/${id}.yaml`

function mapsOf(files: SiteFiles, library: MapLibrary, show: ShowFile): LoadBase {
  return (id) => {
    const text = files.get(mapPath(id))
    return text === undefined ? library.open(id) : { text, file: show(mapPath(id)) }
  }
}

function missingMap(
  source: YamlSource,
  at: number,
  { id, map }: Site['devices'][number],
  files: SiteFiles,
  library: MapLibrary,
): YamlProblem {
  const known = [...files.keys()].map((path) => path.replace(/^pointmaps\//, '').replace(/\.yaml$/, ''))
  const hint = nearest(map, [...known, ...library.ids()])
  return source.problem(
    ['devices', at, 'map'],
    `device "${id}": there is no point map "${map}"; ${hint === undefined ? '' : `did you mean "${hint}"? Else `}add the file ${mapPath(map)} beside the site file`,
  )
}

/** What is wrong with the maps of the folder, whoever uses them. */
function mapProblems(files: SiteFiles, library: MapLibrary, show: ShowFile): YamlProblem[] {
  const open = mapsOf(files, library, show)
  return [...files]
    .filter(([path]) => /^pointmaps\/[^/]+\/[^/]+$/.test(path))
    .flatMap(([path, text]) => checkPointMap(text, show(path), open).problems ?? [])
}

/** A map that nobody uses is harmless, and often a slip in the name. */
function unusedMaps(files: SiteFiles, used: ReadonlyMap<string, string>, show: ShowFile): YamlProblem[] {
  return [...files.keys()]
    .filter((path) => path.startsWith('pointmaps/') && !used.has(path))
    .map((path) => ({ file: show(path), line: 1, column: 1, path: '', message: 'no device of the site uses this map' }))
}
