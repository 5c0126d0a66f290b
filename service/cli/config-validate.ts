import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { stdin } from 'node:process'
import { siteFolderBounds } from '#contract/configuration.ts'
import { EdgeError } from '#contract/errors.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { inspectSiteFiles } from '../configuration/check-site.ts'
import { parseEdgeFile, readEdgeFile } from '../configuration/edge-file.ts'
import { exposedSecrets, sharedPlaces } from '../configuration/warnings.ts'
import { locateSite, readSiteFolder } from '../configuration/read-site-folder.ts'
import { readText, textOf } from '../configuration/read-text.ts'
import { configurationPlace, openRoot } from '../configuration/root.ts'
import { problemsText, type YamlProblem } from '../domain/yaml-source.ts'
import { entries } from '../entries.ts'
import { checkPointMap, folderLibrary } from '../pointmap/load.ts'
import { activeSite } from './active-site.ts'
import { clean, plural } from './table.ts'
import { exitCode, type Terminal } from './terminal.ts'

type Kind = 'site' | 'edge' | 'map'

interface Findings {
  readonly problems: readonly YamlProblem[]
  readonly warnings: readonly YamlProblem[]
  readonly notes?: readonly string[]
}

/** Prints every problem of a configuration with its place and what to do. */
export async function configValidate(args: string[], { environment, out }: Terminal): Promise<number> {
  const { values, positionals } = parseCommandLine({
    args,
    options: { as: { type: 'string' }, toml: { type: 'boolean' }, json: { type: 'boolean' } },
    strict: true,
    allowPositionals: true,
  })
  if (positionals.length > 1) throw new UsageError('name one folder or file, or - for the standard input')
  const as = kindOf(values.as)
  let findings: Findings
  try {
    findings = await inspect(positionals[0], as, values.toml ?? false, environment)
  } catch (error) {
    if (!(error instanceof EdgeError) || !error.code.startsWith('config.')) throw error
    findings = { problems: [problemOf(error.message)], warnings: [] }
  }
  const { problems, warnings, notes = [] } = findings
  if (values.json) out(`${JSON.stringify({ problems, warnings, notes })}\n`)
  else {
    if (problems.length > 0) out(`${lines(problems)}\n`)
    for (const warning of warnings) out(`warning: ${lines([warning])}\n`)
    for (const note of notes) out(`note: ${clean(note)}\n`)
    const also = warnings.length > 0 ? `, ${plural(warnings.length, 'warning')}` : ''
    out(problems.length > 0 ? `${plural(problems.length, 'problem')}${also}\n` : `valid${also}\n`)
  }
  return problems.length > 0 ? exitCode.failed : exitCode.done
}

const lines = (problems: readonly YamlProblem[]): string =>
  problemsText(problems, problems.length)
    .split('\n')
    .map(clean)
    .map((line) => line.replace(/^:1:1: /, ''))
    .join('\n')

function kindOf(text: string | undefined): Kind | undefined {
  if (text === undefined || text === 'site' || text === 'edge' || text === 'map') return text
  throw new UsageError(`--as is site, edge or map, not "${text}"`)
}

/** An error that was thrown on reading begins with its place. */
function problemOf(message: string): YamlProblem {
  const [, file = '', line = '1', column = '1', text = message] = /^(.*?):(\d+)(?::(\d+))?: (.*)$/s.exec(message) ?? []
  return { file, line: Number(line), column: Number(column), path: '', message: text }
}

async function inspect(
  named: string | undefined,
  as: Kind | undefined,
  toml: boolean,
  environment: NodeJS.ProcessEnv,
): Promise<Findings> {
  if (named === '-')
    return inspectText(await readStandardInput(), `standard input.${toml ? 'toml' : 'yaml'}`, as ?? 'site')
  const { path } = configurationPlace(named, environment)
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false
  const kind = as ?? kindByName(path)
  if (!isFolder && kind !== 'site') return inspectText(await readText(path), path, kind)
  const sitePath = await activeSite(
    isFolder ? (await openRoot(path, environment, {}).catch(() => ({ sitePath: path }))).sitePath : path,
  )
  const { folder, siteFile } = await locateSite(sitePath)
  const show = (file: string): string => (file.startsWith('site.') ? siteFile : join(folder, file))
  const files = await readSiteFolder(sitePath)
  const { checked, problems, warnings } = inspectSiteFiles(files, folderLibrary([entries.mapFolder]), show)
  const shared = [...files].flatMap(([name, text]) => sharedPlaces(text, show(name)))
  const edge = isFolder ? await edgeProblems(path) : []
  const exposed = isFolder ? await exposedSecrets(path) : []
  return {
    problems: [...problems, ...edge],
    warnings: [...warnings, ...shared, ...exposed],
    notes: checked?.notes ?? [],
  }
}

function kindByName(path: string): Kind {
  if (/^edge\.(yaml|toml)$/.test(basename(path))) return 'edge'
  return /(^|[\\/])pointmaps[\\/]/.test(path) ? 'map' : 'site'
}

async function edgeProblems(folder: string): Promise<readonly YamlProblem[]> {
  try {
    await readEdgeFile(folder)
    return []
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error
    return error.message.split('\n').map(problemOf)
  }
}

function inspectText(text: string, file: string, kind: Kind): Findings {
  const library = folderLibrary([entries.mapFolder])
  const warnings = sharedPlaces(text, file)
  if (kind === 'map') return { problems: checkPointMap(text, file, library.open).problems ?? [], warnings }
  if (kind === 'edge') {
    const read = parseEdgeFile(text, file)
    return { problems: read && 'problems' in read ? read.problems : [], warnings }
  }
  const name = file.endsWith('.toml') ? 'site.toml' : 'site.yaml'
  const { checked, problems } = inspectSiteFiles(new Map([[name, text]]), library, () => file)
  return { problems, warnings, notes: checked?.notes ?? [] }
}

async function readStandardInput(): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of stdin) {
    const bytes = Buffer.from(part)
    length += bytes.length
    if (length > siteFolderBounds.fileLength * 3)
      throw new EdgeError('config.invalid', 'standard input: more than 1 MB; is it the right file?')
    parts.push(bytes)
  }
  return textOf(Buffer.concat(parts), 'standard input')
}
