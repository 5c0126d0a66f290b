import { EdgeError } from '#contract/errors.ts'
import { site, type Site, siteVersion } from '#contract/site.ts'
import { checkSource } from '../domain/yaml-document.ts'
import { problemsText, type YamlProblem, type YamlSource } from '../domain/yaml-source.ts'
import { editText, withValue } from './edit.ts'
import { migrations } from './migrations.ts'
import { readText } from './read-text.ts'
import { findSecret } from './secrets.ts'
import { lineStarts, placeOf, readSource } from './source.ts'
import { chain, type Edited } from './splice.ts'

export type SiteParsed =
  | {
      readonly site: Site
      /** Finds places in the text as it was given. */
      readonly source: YamlSource
      /** Version of the format that the text is written in. */
      readonly fromVersion: number
      /** The text in the newest format. */
      readonly text: string
      /** What was migrated on reading, one sentence each. */
      readonly notes: readonly string[]
      readonly problems?: undefined
    }
  | { readonly problems: readonly YamlProblem[]; readonly site?: undefined }

/** Reads the text of a site file, YAML or by its name TOML, of any version; never throws for what it contains. */
export function parseSite(text: string, file: string): SiteParsed {
  const secret = findSecret(text)
  if (secret) return { problems: [{ file, column: 1, path: '', ...secret }] }
  const read = readSource(text, file)
  if (read.problems) return read
  const fromVersion = versionOf(read.source)
  if (typeof fromVersion !== 'number') return { problems: [fromVersion] }
  if (fromVersion === siteVersion) return checked(read.source, fromVersion, text, [])
  const steps = migrations.filter(({ from }) => from >= fromVersion)
  let edited: Edited = { text, origin: (offset) => offset }
  try {
    for (const { edits } of steps)
      edited = chain(edited, editText(edited.text, file, edits(readSource(edited.text, file).source?.data)))
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error
    const message = `the file has the format of version ${fromVersion} and cannot be read as version ${siteVersion}: ${error.message}`
    return { problems: [read.source.problem(['version'], message)] }
  }
  const migrated = readSource(edited.text, file)
  if (migrated.problems) return migrated
  const notes = steps.map(({ from, to, note }) => `version ${from} to ${to}: ${note}`)
  return checked(withPlacesOf(migrated.source, edited, text), fromVersion, edited.text, notes)
}

/** Reads a site file of any version. Rejects with config.not-found or config.invalid and file:line:column of each problem. */
export async function readSiteFile(file: string): Promise<{ readonly site: Site; readonly notes: readonly string[] }> {
  const parsed = parseSite(await readText(file), file)
  if (parsed.problems) throw new EdgeError('config.invalid', problemsText(parsed.problems))
  return parsed
}

/** Reads a site that was kept as data, such as with a capture, of any version. Throws what the schema throws. */
export function parseSiteData(value: unknown): Site {
  let data = value
  const version: unknown = typeof data === 'object' && data !== null ? Reflect.get(data, 'version') : undefined
  for (const { from, edits } of migrations)
    if (typeof version === 'number' && from >= version)
      for (const edit of edits(data)) data = withValue(data, edit.path, edit.value, edit.key)
  return site.parse(data)
}

/** The version, or what is wrong with it. A file without one lacks it as any other key. */
function versionOf(source: YamlSource): number | YamlProblem {
  const { data } = source
  const version: unknown = typeof data === 'object' && data !== null ? Reflect.get(data, 'version') : undefined
  if (version === undefined) return siteVersion
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1)
    return source.problem(['version'], `expected the version of the format, from 1 to ${siteVersion}`)
  if (version > siteVersion)
    return source.problem(
      ['version'],
      `this file has the format of version ${version}, which is newer than this service (it reads up to ${siteVersion}); install a newer R-EMS on this machine`,
    )
  return version
}

function checked(source: YamlSource, fromVersion: number, text: string, notes: readonly string[]): SiteParsed {
  const result = checkSource(site, source)
  return result.problems ? result : { site: result.value, source, fromVersion, text, notes }
}

/** Shows places of a migrated file where they stand in the file that a person has. */
function withPlacesOf(source: YamlSource, { text: now, origin }: Edited, before: string): YamlSource {
  const [startsNow, startsBefore] = [lineStarts(now), lineStarts(before)]
  const locate: YamlSource['locate'] = (path, at) => {
    const { line, column } = source.locate(path, at)
    return placeOf(startsBefore, origin((startsNow[line - 1] ?? 0) + column - 1))
  }
  return {
    ...source,
    locate,
    problem(path, message, options = {}) {
      const { at, ...rest } = options
      return { ...source.problem(path, `${message} (read as version ${siteVersion})`, rest), ...locate(path, at) }
    },
  }
}
