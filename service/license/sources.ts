import { chmod, readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { LicenseSource } from '#contract/license.ts'
import { maxLicenseLength } from '#contract/license-format.ts'

/** A licence that the app has handed over, in the data folder. */
export const uploadedName = 'license.txt'

/** Where licences are looked for. */
export interface LicensePlaces {
  /** Of the edge. */
  readonly dataFolder: string
  /** `license.path` of the settings; without it, `license.*` in the folder of the configuration. */
  readonly file?: string
  readonly configFolder?: string
  /** Name of the environment variable that may hold one. */
  readonly environmentName: string
  readonly environment: NodeJS.ProcessEnv
}

/** A licence that was found, not looked at yet. A file that cannot be read has a problem instead. */
export interface FoundLicense {
  readonly source: LicenseSource
  readonly text: string
  readonly problem?: string
}

/** All that is there, the one of the app first, then the file, then the environment. */
export async function findLicenses(places: LicensePlaces): Promise<FoundLicense[]> {
  const { dataFolder, environmentName, environment } = places
  const uploaded = join(dataFolder, uploadedName)
  // Somebody may have copied it with other permissions.
  await chmod(uploaded, 0o600).catch(() => undefined)
  const found = [await readOne(uploaded, 'app', false)]
  const { file } = places
  if (file !== undefined) found.push(await readOne(file, 'file', true))
  else
    found.push(...(await Promise.all((await besideConfiguration(places)).map((path) => readOne(path, 'file', true)))))
  const text = environment[environmentName]
  if (text !== undefined && text !== '') found.push({ source: { kind: 'environment', place: environmentName }, text })
  return found.filter((one) => one !== undefined)
}

async function besideConfiguration({ configFolder }: LicensePlaces): Promise<string[]> {
  if (configFolder === undefined) return []
  const names = await readdir(configFolder).catch(() => [])
  return names
    .filter((name) => /^license\.(txt|key|lic|license)$/.test(name))
    .toSorted()
    .map((name) => join(configFolder, name))
}

async function readOne(path: string, kind: LicenseSource['kind'], wanted: boolean): Promise<FoundLicense | undefined> {
  const source = { kind, place: basename(path) }
  try {
    const text = await readFile(path, 'utf8')
    return { source, text: withoutLineEnd(text.slice(0, maxLicenseLength + 2)) }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && !wanted) return undefined
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown reason'})`
    return { source, text: '', problem: `the licence file ${basename(path)} in ${dirname(path)} ${why}` }
  }
}

/** A text file ends with a line end; it is no part of the licence. */
export const withoutLineEnd = (text: string): string => text.replace(/\r?\n$/, '')
