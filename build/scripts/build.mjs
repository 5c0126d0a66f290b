// build.mjs [--force] [--production] [renderer] [service] [desktop]: builds the named bundles, or all, where their inputs have
// changed. Without --production the service is a build for development, in which a missing licence can be overlooked.
// Runs on any Node >= 20; the tools themselves run on the pinned Node.js.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { ensureInstalled, pinnedNode, root } from './install.mjs'

const electronVite = ['node_modules/electron-vite/bin/electron-vite.js', 'build', '--ignoreConfigWarning']

/** Inputs are files and folders; what comes from node_modules is stood for by the lockfile. Results are folders of out/. */
const bundles = {
  renderer: {
    inputs: ['renderer', 'service/contract', 'electron.vite.config.ts'],
    folders: ['renderer'],
    command: electronVite,
  },
  service: {
    inputs: ['service', 'build/service.vite.config.ts', 'build/swagger-ui-files.ts'],
    folders: ['service'],
    command: ['node_modules/vite/bin/vite.js', 'build', '--config', 'build/service.vite.config.ts'],
    // The commit is part of what it prints as its version.
    bakesCommit: true,
  },
  desktop: {
    inputs: [
      'main',
      'preload',
      'service/contract',
      'service/domain',
      'service/trust',
      'electron.vite.config.ts',
      'renderer/vite.ts',
    ],
    folders: ['main', 'preload'],
    command: electronVite,
  },
}

const out = join(root, 'out')
const stamps = join(out, '.stamps')
/** Before the name of a folder while it is being built; the build configurations know it too. */
const unfinished = '.new-'
const shared = ['package.json', 'package-lock.json', 'tsconfig.json']

/** Builds each named bundle unless it is fresh. Fails with the tool's own words. */
export async function ensureBuilt(names = Object.keys(bundles), { force = false } = {}) {
  const unknown = names.filter((name) => !Object.hasOwn(bundles, name))
  if (unknown.length > 0)
    throw new Error(`there is no bundle ${unknown.join(', ')}; choose from ${Object.keys(bundles).join(', ')}`)
  const stale = names.filter((name) => force || !isFresh(name, fingerprint(name)))
  const results = await Promise.allSettled(stale.map((name) => withLock(name, () => build(name, force))))
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.message] : []))
  if (failures.length > 0) throw new Error(failures.join('\n'))
}

async function build(name, force) {
  const wanted = fingerprint(name)
  // Another run may have built it while this one waited for the lock.
  if (!force && isFresh(name, wanted)) return
  process.stderr.write(`Building ${name} ...\n`)
  const { command, folders } = bundles[name]
  const environment = { R_EMS_BUNDLE: name, R_EMS_BUILD_PREFIX: unfinished }
  const { status, output } = await run([...command, '--logLevel', 'warn'], environment)
  if (status !== 0) throw new Error(`The bundle "${name}" could not be built:\n${withoutStack(output).trim()}`)
  if (output.trim()) process.stderr.write(output)
  rmSync(join(stamps, name), { force: true })
  for (const folder of folders) putInPlace(folder)
  writeFileSync(join(stamps, name), wanted)
}

/** A program that runs from the old folder meanwhile finds either all old or all new files. */
function putInPlace(folder) {
  const place = join(out, folder)
  const old = join(out, `.old-${folder}`)
  rmSync(old, { recursive: true, force: true })
  if (existsSync(place)) renameSync(place, old)
  renameSync(join(out, `${unfinished}${folder}`), place)
  rmSync(old, { recursive: true, force: true })
}

function isFresh(name, wanted) {
  const stamp = join(stamps, name)
  const complete = bundles[name].folders.every((folder) => existsSync(join(out, folder)))
  return complete && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
}

function fingerprint(name) {
  const { inputs, bakesCommit } = bundles[name]
  const hash = createHash('sha256')
  for (const file of [...inputs, ...shared].flatMap(filesOf))
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0')
  hash.update(process.env['R_EMS_PRODUCTION'] ?? '')
  if (bakesCommit) hash.update(spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).stdout ?? '')
  return hash.digest('hex')
}

function filesOf(path) {
  const entries = readdirSafely(join(root, path))
  if (!entries) return [path]
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted()
}

/** Undefined for a file. */
function readdirSafely(path) {
  try {
    return readdirSync(path, { withFileTypes: true, recursive: true })
  } catch (error) {
    if (error.code === 'ENOTDIR') return undefined
    throw error
  }
}

/** The tools end their words with where in the tool they were. */
function withoutStack(output) {
  return output.replaceAll(/^\s+at .+\n?/gm, '')
}

function run(args, environment) {
  return new Promise((resolve, reject) => {
    const child = spawn(pinnedNode(), args, {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, output: stripVTControlCharacters(output) }))
  })
}

/** Only one run at a time builds a bundle; the lock of a run that is gone is taken over. */
async function withLock(name, work) {
  mkdirSync(stamps, { recursive: true })
  const lock = join(stamps, `${name}.lock`)
  while (!tryLock(lock)) await sleep(100)
  try {
    await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function tryLock(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    const holder = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0
    if (holder > 0 && !isAlive(holder)) rmSync(lock, { force: true })
    return false
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const args = process.argv.slice(2)
  const names = args.filter((name) => !name.startsWith('--'))
  if (args.includes('--production')) process.env['R_EMS_PRODUCTION'] = '1'
  ensureInstalled()
  try {
    await ensureBuilt(names.length > 0 ? names : undefined, { force: args.includes('--force') })
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}
