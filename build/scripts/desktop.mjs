// desktop.mjs [ELECTRON ARGS]: installs what is missing, builds what is stale, opens the desktop app in development.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuilt } from './build.mjs'
import { ensureInstalled, pinnedNode, root } from './install.mjs'

const insteadHint = 'The same user interface opens in a browser with: npm start'

/** Electron's program: the folder named by ELECTRON_OVERRIDE_DIST_PATH, or the electron package's own, downloaded once. */
function findElectron() {
  const name = process.platform === 'win32' ? 'electron.exe' : 'electron'
  const named = process.env.ELECTRON_OVERRIDE_DIST_PATH
  if (named) {
    if (existsSync(join(named, name))) return join(named, name)
    fail(`ELECTRON_OVERRIDE_DIST_PATH names ${named}, but there is no ${name} in it.`)
  }
  const folder = join(root, 'node_modules/electron')
  const own = () => (existsSync(join(folder, 'path.txt')) ? readFileSync(join(folder, 'path.txt'), 'utf8') : name)
  if (!existsSync(join(folder, 'dist', own()))) {
    process.stderr.write('Downloading Electron (once) ...\n')
    const { status, stderr } = spawnSync(pinnedNode(), [join(folder, 'install.js')], { encoding: 'utf8' })
    if (status !== 0 || !existsSync(join(folder, 'dist', own()))) {
      const cause =
        stderr
          .trim()
          .split('\n')
          .find((line) => line.includes('Error')) ?? 'unknown cause'
      fail(
        `Electron could not be downloaded (${cause.trim()}). It comes from github.com; behind a mirror set ELECTRON_MIRROR, ` +
          `or set ELECTRON_OVERRIDE_DIST_PATH to a folder that holds it.\n${insteadHint}`,
      )
    }
  }
  return join(folder, 'dist', own())
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

ensureInstalled()
const electron = findElectron()
if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY)
  fail(`There is no display for a window: run this in a graphical session.\n${insteadHint}`)
try {
  await ensureBuilt()
} catch (error) {
  fail(error.message)
}

// Chromium refuses to run as root inside its sandbox. Nobody should work as root; a container may have no one else.
const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
if (asRoot.length > 0) process.stderr.write('Running as root: Chromium runs without its sandbox.\n')
const { ELECTRON_RUN_AS_NODE: _, ...env } = process.env
const child = spawn(electron, [root, ...asRoot, ...process.argv.slice(2)], { stdio: 'inherit', env })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => fail(`Electron could not be started: ${error.message}`))
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal ? 1 : 0)
})
