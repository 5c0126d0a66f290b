import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'

export interface Version {
  readonly semver: string
  /** Short hash of the commit this was built from, or "unknown" outside a repository. */
  readonly sha: string
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
  const manifest = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(resolve(folder, 'package.json'), 'utf8')))
  const git = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: folder, encoding: 'utf8' })
  return { semver: manifest.version, sha: git.status === 0 ? git.stdout.trim() : 'unknown' }
}
