import { _electron, test as base, type ElectronApplication, type Page } from '@playwright/test'
import { type ChildProcess, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ServiceState } from '../../../service/contract/desktop.ts'

export const projectFolder = resolve(import.meta.dirname, '../../..')

export interface DesktopApp {
  readonly app: ElectronApplication
  /** The app's main process. */
  readonly process: ChildProcess
  readonly page: Page
  /** Where the app keeps its data. */
  readonly userData: string
  /** The state of the service, as the window gets it. */
  service(): Promise<ServiceState>
}

interface Fixtures {
  /** Starts the built app, from the project or from a folder made by `appFolder`. */
  launch: (folder?: string) => Promise<DesktopApp>
  /** Makes a folder that holds the built app with a script of the test in place of the service. */
  appFolder: (serviceScript: string) => string
}

/** A real Electron, or undefined: the one named by ELECTRON_OVERRIDE_DIST_PATH or the electron package's own. */
function findElectron(): { executable: string; version: string } | undefined {
  const named = process.env['ELECTRON_OVERRIDE_DIST_PATH'] ?? join(projectFolder, 'node_modules/electron/dist')
  const executable = join(named, process.platform === 'win32' ? 'electron.exe' : 'electron')
  if (!existsSync(executable)) return undefined
  const asked = spawnSync(executable, ['-p', 'process.versions.electron'], {
    encoding: 'utf8',
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
  })
  return { executable, version: asked.stdout.trim() || 'unknown' }
}

export const launchArguments = (folder: string, userData: string): string[] => [
  folder,
  `--user-data-dir=${userData}`,
  '--disable-gpu',
  // Chromium refuses its operating-system sandbox to root.
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
]

/** Tests of the built app in a real Electron, whose version the report names. What a test leaves open is closed. */
export const test = base.extend<Fixtures>({
  // oxlint-disable-next-line eslint/no-empty-pattern -- Playwright reads the wanted fixtures from this pattern
  launch: async ({}, use, testInfo) => {
    const electron = findElectron()
    testInfo.annotations.push({ type: 'electron', description: electron?.version ?? 'none' })
    testInfo.skip(
      !electron,
      'No Electron here: set ELECTRON_OVERRIDE_DIST_PATH, or let the electron package download its own.',
    )
    const opened: DesktopApp[] = []
    const folders: string[] = []
    await use(async (folder = projectFolder) => {
      const userData = mkdtempSync(join(tmpdir(), 'r-ems-desktop-'))
      folders.push(userData)
      const app = await launchElectron(electron?.executable ?? '', folder, userData)
      const page = await app.firstWindow()
      const desktop = { app, process: app.process(), page, userData, service: () => page.evaluate(askService) }
      opened.push(desktop)
      await page.waitForFunction(() => 'desktop' in window && document.readyState !== 'loading')
      return desktop
    })
    for (const { app, process } of opened) if (isRunning(process)) await app.close()
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  },
  // oxlint-disable-next-line eslint/no-empty-pattern -- as above
  appFolder: async ({}, use) => {
    const folders: string[] = []
    await use((serviceScript) => {
      const folder = mkdtempSync(join(tmpdir(), 'r-ems-app-'))
      folders.push(folder)
      mkdirSync(join(folder, 'out/service'), { recursive: true })
      cpSync(join(projectFolder, 'package.json'), join(folder, 'package.json'))
      for (const part of ['out/main', 'out/preload', 'out/renderer', 'node_modules'])
        symlinkSync(join(projectFolder, part), join(folder, part))
      cpSync(serviceScript, join(folder, 'out/service/r-emsd.js'))
      return folder
    })
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  },
})

/**
 * Playwright now and then misses the first page of an Electron that loads it at once, and its launch never returns; the
 * app itself is up by then. So the launch is tried again, and an app that really does not come up fails every time.
 */
async function launchElectron(executable: string, folder: string, userData: string): Promise<ElectronApplication> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await _electron.launch({
        executablePath: executable,
        args: launchArguments(folder, userData),
        cwd: folder,
        timeout: 7_000,
      })
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

function askService(): Promise<ServiceState> {
  if (!window.desktop) throw new Error('the page has no desktop functions')
  return window.desktop.service()
}

const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null
