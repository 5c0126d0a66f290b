import { _electron, test as base, type ElectronApplication, type Page } from '@playwright/test'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ServiceState } from '../../../service/contract/desktop.ts'

export const projectFolder = resolve(import.meta.dirname, '../../..')

export interface DesktopApp {
  readonly app: ElectronApplication
  readonly page: Page
  /** Where the app keeps its data. */
  readonly userData: string
  /** The state of the service, as the window gets it. */
  service(): Promise<ServiceState>
}

interface Launch {
  /** A folder as made by `appFolderWith`; otherwise the project with its real service. */
  readonly folder?: string
  /** Of an app launched before, to share its data. */
  readonly userData?: string
}

/** A real Electron, or undefined: the one named by ELECTRON_OVERRIDE_DIST_PATH or the electron package's own. */
function findElectron(): { executable: string; version: string } | undefined {
  const named = process.env['ELECTRON_OVERRIDE_DIST_PATH'] ?? join(projectFolder, 'node_modules/electron/dist')
  const executable = join(named, process.platform === 'win32' ? 'electron.exe' : 'electron')
  const versionFile = join(named, 'version')
  if (!existsSync(executable)) return undefined
  return { executable, version: existsSync(versionFile) ? readFileSync(versionFile, 'utf8').trim() : 'unknown' }
}

export const launchArguments = (folder: string, userData: string): string[] => [
  folder,
  `--user-data-dir=${userData}`,
  '--disable-gpu',
  // Chromium refuses its operating-system sandbox to root.
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
]

/** Launches the built app in a real Electron, names its version in the report, and closes what the test left open. */
export const test = base.extend<{ launch: (options?: Launch) => Promise<DesktopApp> }>({
  // oxlint-disable-next-line eslint/no-empty-pattern -- Playwright reads the wanted fixtures from this pattern
  launch: async ({}, use, testInfo) => {
    const electron = findElectron()
    testInfo.annotations.push({ type: 'electron', description: electron?.version ?? 'none' })
    testInfo.skip(
      !electron,
      'No Electron here: set ELECTRON_OVERRIDE_DIST_PATH, or let the electron package download its own.',
    )
    const opened: ElectronApplication[] = []
    const folders: string[] = []
    await use(async ({ folder = projectFolder, userData } = {}) => {
      const data = userData ?? mkdtempSync(join(tmpdir(), 'r-ems-desktop-'))
      if (userData === undefined) folders.push(data)
      const app = await _electron.launch({
        executablePath: electron!.executable,
        args: launchArguments(folder, data),
        cwd: folder,
      })
      opened.push(app)
      const page = await app.firstWindow()
      await page.waitForFunction(() => 'desktop' in window && document.readyState !== 'loading')
      return { app, page, userData: data, service: () => page.evaluate(() => window.desktop!.service()) }
    })
    for (const app of opened) await app.close().catch(() => undefined)
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  },
})

/** The built app with a script of the test in place of the service. */
export function appFolderWith(serviceScript: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-app-'))
  mkdirSync(join(folder, 'out/service'), { recursive: true })
  cpSync(join(projectFolder, 'package.json'), join(folder, 'package.json'))
  for (const part of ['out/main', 'out/preload', 'out/renderer', 'node_modules'])
    symlinkSync(join(projectFolder, part), join(folder, part))
  cpSync(serviceScript, join(folder, 'out/service/r-emsd.js'))
  return folder
}
