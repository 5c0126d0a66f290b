import { stat } from 'node:fs/promises'
import { parseCommandLine, UsageError } from '../args.ts'
import { development } from '../development.ts'
import { configurationPlace, openRoot } from '../configuration/root.ts'
import type { EdgeFileRead } from '../configuration/edge-file.ts'
import { settings as known } from '../configuration/layers.ts'
import { locateSite } from '../configuration/read-site-folder.ts'
import { readText } from '../configuration/read-text.ts'
import { parseSite } from '../configuration/site-document.ts'
import { nearest } from '../domain/nearest.ts'
import { problemsText } from '../domain/yaml-source.ts'
import { EdgeError } from '#contract/errors.ts'
import { activeSite } from './active-site.ts'
import { clean } from './table.ts'
import { exitCode, type Terminal } from './terminal.ts'

interface Shown {
  readonly key: string
  readonly value: string | readonly string[]
  readonly origin: string
}

const flags = {
  config: { type: 'string' },
  origin: { type: 'boolean' },
  json: { type: 'boolean' },
  mode: { type: 'string' },
  port: { type: 'string' },
  listen: { type: 'string' },
  'tls-name': { type: 'string', multiple: true },
  'client-certificates': { type: 'string' },
  license: { type: 'string' },
  'data-dir': { type: 'string' },
} as const

/** Variables that are no setting of a file. */
const otherVariables = [
  'R_EMS_CONFIG_ROOT',
  'R_EMS_API_TOKEN',
  'R_EMS_LICENSE',
  'R_EMS_BUILD',
  ...(development?.variables ?? []),
]

/** Prints every effective value, with where it came from. */
export async function configShow(args: string[], { environment, out, err }: Terminal): Promise<number> {
  const { values } = parseCommandLine({ args, options: flags, strict: true, allowPositionals: false })
  const place = configurationPlace(values.config, environment)
  if (!(await stat(place.path).catch(() => undefined)))
    throw new UsageError(`there is no ${place.path}; name the configuration with --config`)
  const { edge, settings, sitePath } = await openRoot(place.path, environment, values)
  const licenseVariable = String(settings.get('license.environment')?.value ?? 'R_EMS_LICENSE')
  const secrets = ['R_EMS_API_TOKEN', licenseVariable].map((name): Shown => {
    const set = environment[name] ? 'set' : 'not set'
    return { key: name, value: set, origin: environment[name] ? name : 'default' }
  })
  const rows: Shown[] = [
    { key: 'configuration', value: place.path, origin: place.origin },
    ...[...settings.values()].map(({ key, value, origin }) => ({ key, value: value ?? 'not set', origin })),
    ...otherSettings(edge),
    ...secrets,
    ...(await siteValues(sitePath)),
  ]
  if (values.json) out(`${JSON.stringify(rows)}\n`)
  else for (const row of rows) out(`${lineOf(row, values.origin ?? false)}\n`)
  for (const warning of strangeVariables(environment, licenseVariable)) err(`warning: ${clean(warning)}\n`)
  return exitCode.done
}

/** What only the file can set. */
function otherSettings(edge: EdgeFileRead | undefined): Shown[] {
  const keys: ReadonlySet<string> = new Set(known.map(({ key }) => key))
  return Object.entries(edge?.values.license ?? {}).flatMap(([name, value]) => {
    const key = `license.${name}`
    const { line } = edge!.source.locate(['license', name], 'key')
    return keys.has(key) ? [] : [{ key, value: String(value), origin: `${edge!.file}:${line}` }]
  })
}

function lineOf({ key, value, origin }: Shown, withOrigin: boolean): string {
  const shown = typeof value === 'string' ? value : value.length === 0 ? 'none' : value.join(', ')
  return clean(`${key} = ${shown}${withOrigin ? `  # ${origin}` : ''}`)
}

/** A variable that is meant for this service and that nobody reads is a slip. */
function strangeVariables(environment: NodeJS.ProcessEnv, licenseVariable: string): string[] {
  const read = [...known.flatMap((setting) => ('variable' in setting ? setting.variable : [])), ...otherVariables]
  return Object.keys(environment)
    .filter((name) => name.startsWith('R_EMS_') && !read.includes(name) && name !== licenseVariable)
    .map((name) => {
      const hint = nearest(name, read)
      return `nothing reads ${name}${hint === undefined ? '' : `; did you mean ${hint}?`}`
    })
}

async function siteValues(path: string): Promise<Shown[]> {
  let siteFile: string
  try {
    siteFile = (await locateSite(await activeSite(path))).siteFile
  } catch (error) {
    if (!(error instanceof EdgeError) || error.code !== 'config.not-found') throw error
    return [{ key: 'site', value: 'none yet', origin: path }]
  }
  const parsed = parseSite(await readText(siteFile), siteFile)
  if (parsed.problems) throw new EdgeError('config.invalid', problemsText(parsed.problems))
  const { site, source } = parsed
  const rows: Shown[] = [{ key: 'site', value: siteFile, origin: path }]
  const walk = (value: unknown, raw: unknown, keys: readonly (string | number)[]): void => {
    if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
      for (const [key, entry] of Object.entries(value)) {
        const given: unknown = typeof raw === 'object' && raw !== null ? Reflect.get(raw, key) : undefined
        walk(entry, given, [...keys, Array.isArray(value) ? Number(key) : key])
      }
      return
    }
    if (value === undefined) return
    const { line } = source.locate(keys)
    const shown = typeof value === 'object' ? 'none' : typeof value === 'string' ? value : JSON.stringify(value)
    rows.push({ key: keys.join('.'), value: shown, origin: raw === undefined ? 'default' : `${siteFile}:${line}` })
  }
  walk(site, source.data, [])
  return rows
}
