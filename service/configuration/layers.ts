import { dirname, resolve } from 'node:path'
import type { EdgeFileRead } from './edge-file.ts'

/** A setting of an installation, and by what names it is set. */
interface Setting {
  /** Place in edge.yaml. */
  readonly key: string
  readonly variable?: string
  /** Option of r-emsd, without its dashes. */
  readonly option?: string
  readonly preset?: string
  readonly path?: true
  /** Several, separated by commas in a variable. */
  readonly list?: true
}

export const settings = [
  { key: 'mode', variable: 'R_EMS_MODE', option: 'mode', preset: 'production' },
  { key: 'port', variable: 'R_EMS_API_PORT', option: 'port', preset: '8080' },
  { key: 'listen', variable: 'R_EMS_LISTEN', option: 'listen' },
  { key: 'tlsNames', variable: 'R_EMS_TLS_NAMES', option: 'tls-name', list: true },
  { key: 'clientCertificates', variable: 'R_EMS_CLIENT_CERTIFICATES', option: 'client-certificates', preset: 'off' },
  { key: 'dataFolder', variable: 'R_EMS_DATA_DIR', option: 'data-dir', preset: '/var/lib/r-ems', path: true },
  { key: 'siteFolder', variable: 'R_EMS_SITE_DIR', path: true },
  { key: 'logLevel', variable: 'R_EMS_LOG_LEVEL' },
  { key: 'license.path', variable: 'R_EMS_LICENSE_PATH', option: 'license', path: true },
  { key: 'license.environment', preset: 'R_EMS_LICENSE' },
] as const satisfies readonly Setting[]
export type SettingKey = (typeof settings)[number]['key']

export interface Effective {
  readonly key: SettingKey
  readonly layer: 'default' | 'file' | 'environment' | 'option'
  /** `FILE:LINE`, name of the variable, option with its dashes, or `default`. */
  readonly origin: string
  /** As text; of a list, each. Absent where nothing is set. */
  readonly value?: string | readonly string[]
}

type OptionValues = Readonly<Record<string, unknown>>

/** Where the configuration of an edge lies unless somebody says otherwise. */
export const defaultRoot = '/etc/r-ems'

/** The effective value of each setting: default, then file, then environment, then command line. An empty variable is not set. */
export function resolveSettings(layers: {
  readonly file?: EdgeFileRead | undefined
  readonly environment: NodeJS.ProcessEnv
  readonly options: OptionValues
  /** Instead of the general ones. */
  readonly presets?: Readonly<Partial<Record<SettingKey, string>>>
}): ReadonlyMap<SettingKey, Effective> {
  const found = settings.map((setting): [SettingKey, Effective] => {
    const preset = layers.presets?.[setting.key] ?? ('preset' in setting ? setting.preset : undefined)
    const effective =
      fromOptions(setting, layers.options) ??
      fromEnvironment(setting, layers.environment) ??
      fromFile(setting, layers.file)
    const fallback = { layer: 'default', origin: 'default', ...(preset !== undefined && { value: preset }) } as const
    return [setting.key, { key: setting.key, ...(effective ?? fallback) }]
  })
  return new Map(found)
}

type Found = Omit<Effective, 'key'> | undefined

function fromOptions({ option, path }: Setting, options: OptionValues): Found {
  const value = option === undefined ? undefined : options[option]
  if (option === undefined || value === undefined) return undefined
  const given = textOf(value)
  return { layer: 'option', origin: `--${option}`, value: path && typeof given === 'string' ? resolve(given) : given }
}

function fromEnvironment({ variable, list, path }: Setting, environment: NodeJS.ProcessEnv): Found {
  const text = variable === undefined ? undefined : environment[variable]
  if (variable === undefined || text === undefined || text === '') return undefined
  const value = list ? text.split(',').map((part) => part.trim()) : path ? resolve(text) : text
  return { layer: 'environment', origin: variable, value }
}

function fromFile({ key, path }: Setting, read: EdgeFileRead | undefined): Found {
  const parts = key.split('.')
  // What the schema puts in by itself does not come from the file.
  let value: unknown = read?.source.data
  for (const part of parts) value = typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined
  if (!read || value === undefined) return undefined
  const { line } = read.source.locate(parts, 'key')
  const given = textOf(value)
  const placed = path && typeof given === 'string' ? resolve(dirname(read.file), given) : given
  return { layer: 'file', origin: `${read.file}:${line}`, value: placed }
}

const textOf = (value: unknown): string | string[] =>
  Array.isArray(value) ? value.map(String) : typeof value === 'string' ? value : JSON.stringify(value)
