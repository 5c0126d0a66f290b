import { stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { type EdgeFileRead, readEdgeFile } from './edge-file.ts'
import { defaultRoot, resolveSettings } from './layers.ts'

/** Where a configuration is, and who said so. */
export interface ConfigurationPlace {
  /** Folder or site file. */
  readonly path: string
  /** `--config`, `R_EMS_CONFIG_ROOT` or `default`. */
  readonly origin: string
}

/** The folder or site file that is named on the command line, else by R_EMS_CONFIG_ROOT, else /etc/r-ems. */
export function configurationPlace(named: string | undefined, environment: NodeJS.ProcessEnv): ConfigurationPlace {
  if (named !== undefined) return { path: resolve(named), origin: '--config' }
  const root = environment['R_EMS_CONFIG_ROOT']
  return root ? { path: resolve(root), origin: 'R_EMS_CONFIG_ROOT' } : { path: defaultRoot, origin: 'default' }
}

/** Settings of the installation and path of its site. */
export async function openRoot(
  path: string,
  environment: NodeJS.ProcessEnv,
  options: Readonly<Record<string, unknown>>,
): Promise<{
  readonly edge: EdgeFileRead | undefined
  readonly settings: ReturnType<typeof resolveSettings>
  /** Folder or file of the site: as given, unless the settings name another folder. */
  readonly sitePath: string
}> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false
  // A site file of another name shares its folder with others.
  const folder = isFolder ? path : /^site\.(yaml|toml)$/.test(basename(path)) ? dirname(path) : undefined
  const edge = folder === undefined ? undefined : await readEdgeFile(folder)
  const settings = resolveSettings({ file: edge, environment, options })
  const named = settings.get('siteFolder')?.value
  return { edge, settings, sitePath: isFolder && typeof named === 'string' ? named : path }
}
