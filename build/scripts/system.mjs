// System packages that the tests need. Installed where that is possible (Debian, as root), named clearly where not.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export function findProgram(name) {
  const folder = (process.env.PATH ?? '').split(delimiter).find((entry) => existsSync(join(entry, name)))
  return folder && join(folder, name)
}

/** The browser for the end-to-end tests: $CHROMIUM_PATH or an installed one. */
export function findChromium() {
  const named = process.env.CHROMIUM_PATH
  if (named) return existsSync(named) ? named : undefined
  return ['chromium', 'chromium-browser', 'google-chrome'].map(findProgram).find(Boolean)
}

const pymodbusWorks = () => spawnSync('/usr/bin/python3', ['-c', 'import pymodbus'], { stdio: 'ignore' }).status === 0

const wanted = [
  { packages: ['chromium'], present: () => Boolean(findChromium()) },
  { packages: ['xvfb', 'xauth'], present: () => Boolean(findProgram('xvfb-run')) },
  {
    packages: ['libgtk-3-0', 'libnss3', 'libasound2', 'libgbm1'],
    present: () => existsSync('/usr/lib/x86_64-linux-gnu/libgtk-3.so.0') || process.arch !== 'x64',
  },
  // Independent peers: other implementations of the protocols, to compare with.
  { packages: ['socat'], present: () => Boolean(findProgram('socat')) },
  { packages: ['poppler-utils'], present: () => Boolean(findProgram('pdftotext')) },
  { packages: ['python3-pymodbus'], present: pymodbusWorks },
  // Steps the clock of one process.
  {
    packages: ['faketime'],
    present: () => Boolean(findProgram('faketime')),
  },
  { packages: ['mbpoll'], present: () => Boolean(findProgram('mbpoll')) },
  { packages: ['gcc', 'libmodbus-dev'], present: () => existsSync('/usr/include/modbus/modbus.h') },
  // promtool comes with the whole server: only where nobody minds.
  { packages: ['prometheus'], present: () => Boolean(findProgram('promtool')) || !process.env.CI },
]

export function ensureSystemPackages() {
  const missing = wanted.filter(({ present }) => !present()).flatMap(({ packages }) => packages)
  if (missing.length === 0) return
  if (process.getuid?.() !== 0 || !findProgram('apt-get')) {
    process.stdout.write(`Missing system packages, install them for the full test run: ${missing.join(' ')}\n`)
    return
  }
  process.stdout.write(`Installing system packages: ${missing.join(' ')}\n`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env })
  const install = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env,
  })
  if (install.status !== 0) process.stdout.write(`Some packages could not be installed: ${missing.join(' ')}\n`)
}
