import { EdgeError } from '#contract/errors.ts'

/**
 * Throws `runtime.node-version` below Node 24. Call it before anything opens a database: the SQLite binding crashes the
 * process on an older Node instead of failing.
 */
export function assertNodeVersion(version: string = process.versions.node): void {
  if (Number(version.split('.')[0]) >= 24) return
  throw new EdgeError('runtime.node-version', `Node.js ${version} is too old: the service needs Node.js 24 or newer`)
}
