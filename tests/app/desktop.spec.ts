import { expect, type Page } from '@playwright/test'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { launchArguments, projectFolder, test, type DesktopApp } from './support/desktop.ts'

const standIn = (name: string) => join(import.meta.dirname, `support/${name}.mjs`)
const showsLiveData = (page: Page) =>
  expect(page.locator('main')).toHaveAttribute('data-live', 'true', { timeout: 15_000 })

/** The processes that a process started, and those that they started. */
function descendants(pid: number): number[] {
  const children = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter(Boolean)
    .map(Number)
  return children.flatMap((child) => [child, ...descendants(child)])
}

/** The service's process: the one among the app's that runs its bundle. */
function servicePid({ process }: DesktopApp): number {
  const found = spawnSync('pgrep', ['-P', String(process.pid), '-f', 'out/service/r-emsd.js'], {
    encoding: 'utf8',
  })
  return Number(found.stdout.trim())
}

const isAlive = (pid: number) =>
  spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.match(/^[^Z\s]/) !== null

test('opens its window from its own scheme and shows live data', async ({ launch }) => {
  const { page, service } = await launch()
  expect(page.url()).toMatch(/^app:\/\/r-ems\//)
  await showsLiveData(page)
  expect(await service()).toMatchObject({
    phase: 'running',
    restarts: 0,
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
  })
})

test('shows a killed service, starts it again and is live again', async ({ launch }) => {
  const desktop = await launch()
  await showsLiveData(desktop.page)
  const killed = servicePid(desktop)
  const plant = descendants(killed)
  const before = await desktop.service()
  process.kill(killed, 'SIGKILL')
  await expect(desktop.page.getByRole('alert')).toContainText('service.log')
  await expect
    .poll(desktop.service, { timeout: 20_000 })
    .toMatchObject({ phase: 'running', restarts: 1, failure: { kind: 'killed', signal: 'SIGKILL' } })
  await showsLiveData(desktop.page)
  expect(servicePid(desktop)).not.toBe(killed)
  expect(await desktop.service()).not.toMatchObject({ url: before.phase === 'running' ? before.url : '' })
  expect(plant.filter(isAlive)).toEqual([])
})

test('says why the service does not start, and what to do', async ({ launch, appFolder }) => {
  const { page, service } = await launch(appFolder(standIn('service-that-refuses')))
  const alert = page.getByRole('alert')
  await expect(alert).toContainText('the data folder is on a full disk')
  await expect(alert).toContainText('Free disk space')
  expect(await service()).toMatchObject({
    failure: { kind: 'exited', exitCode: 1, detail: expect.stringContaining('the data folder is on a full disk') },
  })
  // It goes on trying, each time a little later.
  await expect.poll(async () => (await service()).restarts).toBeGreaterThan(1)
})

test('ends the service and everything it started when it is closed', async ({ launch }) => {
  const desktop = await launch()
  await showsLiveData(desktop.page)
  const started = descendants(servicePid(desktop)).concat(servicePid(desktop))
  expect(started.every(isAlive)).toBe(true)
  const asked = performance.now()
  await desktop.app.close()
  expect(performance.now() - asked).toBeLessThan(3_000)
  expect(started.filter(isAlive)).toEqual([])
})

test('leaves no service behind when it is killed itself', async ({ launch }) => {
  const desktop = await launch()
  await showsLiveData(desktop.page)
  const started = descendants(servicePid(desktop)).concat(servicePid(desktop))
  desktop.process.kill('SIGKILL')
  await expect.poll(() => started.filter(isAlive), { timeout: 5_000 }).toEqual([])
})

test('a second start brings the first window to the front', async ({ launch, appFolder }) => {
  const folder = appFolder(standIn('service-that-idles'))
  const { app, process, userData } = await launch(folder)
  await app.evaluate(({ BrowserWindow }) => {
    const [window] = BrowserWindow.getAllWindows()
    window?.hide()
  })
  const second = spawn(process.spawnfile, launchArguments(folder, userData), { stdio: 'ignore' })
  const [code] = (await once(second, 'exit')) as [number]
  expect(code).toBe(0)
  await expect
    .poll(() => app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((window) => window.isVisible())))
    .toEqual([true])
})

test('loads its page again after it crashed', async ({ launch, appFolder }) => {
  const { app } = await launch(appFolder(standIn('service-that-idles')))
  const answered = await app.evaluate(async ({ BrowserWindow }) => {
    const [window] = BrowserWindow.getAllWindows()
    if (!window) return 'no window'
    const { webContents } = window
    const loaded = new Promise((resolve) => webContents.once('did-finish-load', () => resolve(undefined)))
    webContents.forcefullyCrashRenderer()
    await loaded
    return (await webContents.executeJavaScript('desktop.service().then((state) => state.phase)')) as string
  })
  expect(answered).toBe('running')
})

test('says in words that its user interface is missing', async ({ launch, appFolder }) => {
  const folder = appFolder(standIn('service-that-idles'))
  rmSync(join(folder, 'out/renderer'))
  mkdirSync(join(folder, 'out/renderer'))
  const { page } = await launch(folder)
  await expect(page.locator('body')).toContainText('Install the app again')
  expect(existsSync(join(projectFolder, 'out/renderer/index.html'))).toBe(true)
})
