import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'

export interface Version {
  readonly semver: string
  /** Short hash of the commit this was built from, or "unknown" outside a repository. */
  readonly sha: string
  /** Of the commit, or of package.json outside a repository: a clock that shows an earlier time is wrong. */
  readonly builtAtMs: number
}

/** Put in place by the build; absent when the source runs directly. */
declare const R_EMS_VERSION: Version | undefined

/** The version of this program: baked in by the build, asked from the project folder when run from source. */
export function version(): Version {
  if (typeof R_EMS_VERSION !== 'undefined') return R_EMS_VERSION
  return readVersion(resolve(import.meta.dirname, '..'))
}

/** The version that the project folder is at. */
export function readVersion(folder: string): Version {
  const file = resolve(folder, 'package.json')
  const manifest = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8')))
  const git = spawnSync('git', ['log', '-1', '--format=%h %ct'], { cwd: folder, encoding: 'utf8' })
  const [, sha, seconds] = /^([0-9a-f]+) (\d+)\n$/.exec(git.status === 0 ? git.stdout : '') ?? []
  if (sha === undefined)
    return { semver: manifest.version, sha: 'unknown', builtAtMs: Math.floor(statSync(file).mtimeMs) }
  return { semver: manifest.version, sha, builtAtMs: Number(seconds) * 1_000 }
}
