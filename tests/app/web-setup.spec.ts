import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { expect, type Page, test } from '@playwright/test'
import { type RunningService, signIn, startSite } from './support/service.ts'
import { themes } from './support/web.ts'

// Each test has a service of its own, and looks at whole screens.
test.describe.configure({ timeout: 120_000 })

const command = resolve(import.meta.dirname, '../../out/service/r-emsctl.js')
let root: string
let service: RunningService & AsyncDisposable
test.beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'r-ems-empty-'))
  service = await startSite(['--config', root])
})
test.afterEach(async () => {
  await service[Symbol.asyncDispose]()
  rmSync(root, { recursive: true, force: true })
})

async function open(page: Page, path: string): Promise<void> {
  await signIn(page, service.url)
  await page.goto(`${service.url}/#${path}`)
  await expect(page.locator('main')).toHaveAttribute('data-live', 'true')
}
async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(
    violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`)),
  ).toEqual([])
}
const next = (page: Page) => page.getByRole('button', { name: /^Next:/ }).click()
const choose = (page: Page, label: string, value: string) => page.getByLabel(label, { exact: true }).selectOption(value)
const fill = (page: Page, label: string, value: string) => page.getByLabel(label, { exact: true }).fill(value)
const saved = (page: Page) =>
  expect(page.getByRole('status').filter({ hasText: 'All answers are saved' })).toBeVisible()

test('from a service without a site to one that runs it, with the keyboard where it helps', async ({ page }) => {
  await open(page, '/site')
  await expect(page.getByText('There is no site yet')).toBeVisible()
  await expectAccessible(page)
  await page.getByRole('link', { name: 'Set up the site' }).click()

  await fill(page, 'Name of the installation', 'Depot Nord')
  await fill(page, 'Time zone', 'Mars/Base')
  // Problems that lie across fields are said once the site can be read as a whole.
  await fill(page, 'Time zone', 'Europe/Berlin')
  await page.getByLabel('Time zone', { exact: true }).press('Enter')

  await page.getByRole('button', { name: 'Add by hand' }).click()
  await fill(page, 'Name', 'Grid meter')
  await expect(page.getByLabel('Device ID')).toHaveValue('grid-meter')
  await choose(page, 'Role', 'grid-meter')
  await choose(page, 'Point map', 'eastron/sdm630')
  await fill(page, 'Connection', '10.0.0.1')
  await expect(page.getByRole('alert')).toContainText('tcp://HOST')
  await fill(page, 'Connection', 'tcp://10.0.0.1')
  await expect(page.getByRole('alert')).toHaveCount(0)
  await choose(page, 'Phases', 'l2 l3 l1')

  await page.getByRole('button', { name: 'Add by hand' }).click()
  await fill(page, 'Name', 'Wallbox')
  await choose(page, 'Role', 'charger')
  await choose(page, 'Point map', 'alfen/eve')
  await fill(page, 'Connection', 'tcp://10.0.0.2')
  await fill(page, 'Highest charging current A', '32')
  await fill(page, 'Priority, 1 is served first', '2')
  await page.keyboard.press('Alt+ArrowRight')

  await page.getByRole('button', { name: 'Take it' }).click()
  await fill(page, 'Fuse per phase A', '63')
  await fill(page, 'Export limit W', '0')
  await page.getByRole('button', { name: 'Add a circuit below' }).click()
  const parking = page.locator('.circuit').nth(1)
  await parking.getByLabel('Name', { exact: true }).fill('Parking')
  await expect(parking.getByLabel('Circuit ID')).toHaveValue('parking')
  await expectAccessible(page)
  await page.keyboard.press('Alt+ArrowLeft')
  await page.getByRole('button', { name: /Wallbox/ }).click()
  await choose(page, 'Circuit', 'parking')
  await next(page)
  await next(page)
  await fill(page, 'Price of import, per kWh', '0,32')
  await next(page)
  await fill(page, 'Address on the network', '0.0.0.0:8443')
  await next(page)
  for (const [at, name] of ['edge-a', 'edge-b'].entries()) {
    await page.getByRole('button', { name: 'Add a controller' }).click()
    await page.getByLabel('Controller', { exact: true }).nth(at).fill(name)
  }
  await next(page)
  await page.getByRole('button', { name: 'Add an account' }).click()
  await fill(page, 'User name', 'maria')
  await choose(page, 'Role', 'installer')
  await next(page)
  await next(page)
  await saved(page)
  await expect(page.locator('pre')).toContainText('name: Depot Nord')
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Create the site' }).click()
  await expect(page.getByText('The site is created')).toBeVisible()
  // The service starts anew in its process; whoever is signed in stays so.
  await page.getByRole('link', { name: 'Go to the site' }).click()
  await expect(page.getByText('Depot Nord').first()).toBeVisible({ timeout: 30_000 })
  // The command line writes the very same files from the same answers.
  const given = mkdtempSync(join(tmpdir(), 'r-ems-given-'))
  const answers = resolve(import.meta.dirname, '../unit/setup/sample-answers.yaml')
  // The runner of these tests sets both, and Node.js warns about that.
  const { NO_COLOR: _no, FORCE_COLOR: _force, ...env } = process.env
  const ran = spawnSync(process.execPath, [command, 'setup', 'new', given, '--answers', answers], {
    encoding: 'utf8',
    env,
  })
  expect([ran.status, ran.stderr]).toEqual([0, ''])
  for (const name of ['site.yaml', 'edge.yaml'])
    expect(readFileSync(join(root, name), 'utf8')).toBe(readFileSync(join(given, name), 'utf8'))
  rmSync(given, { recursive: true, force: true })
})

test('two people at once are told, and nobody loses what was typed', async ({ page }) => {
  await open(page, '/setup')
  await fill(page, 'Name of the installation', 'Mine')
  await saved(page)
  const { revision } = await service.ask<{ revision: string }>('GET', 'api/v1/setup/answers')
  await service.ask('PUT', 'api/v1/setup/answers', { revision, answers: { installation: { name: 'Theirs' } } })
  await fill(page, 'Name of the installation', 'Mine again')
  await expect(page.getByText(/automation has changed these answers/i)).toBeVisible()
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Keep mine' }).click()
  await saved(page)
  const kept = await service.ask<{ answers: { installation: { name: string } } }>('GET', 'api/v1/setup/answers')
  expect(kept.answers.installation.name).toBe('Mine again')
  await page.getByLabel('Name of the installation').press('Control+z')
  await expect(page.getByLabel('Name of the installation')).toHaveValue('Mine')
  await saved(page)
  await page.reload()
  await expect(page.getByLabel('Name of the installation')).toHaveValue('Mine')
})

for (const [theme, language] of [...themes.map((name) => [name, 'en'] as const), ['light', 'de'] as const])
  test(`is accessible in the ${theme} theme, ${language}`, async ({ page }) => {
    await service.ask('PUT', 'api/v1/setup/answers', { revision: '', answers: sample })
    await page.setViewportSize({ width: 1280, height: 720 })
    const preferences = JSON.stringify({ theme, language })
    await page.addInitScript((text) => localStorage.setItem('r-ems.preferences', text), preferences)
    await open(page, '/setup/devices')
    await expect(page.getByLabel(language === 'de' ? 'Aufgabe' : 'Role', { exact: true })).toBeVisible()
    for (const [name, title] of language === 'de' ? germanPages : pages) {
      await page.goto(`${service.url}/#/setup/${name}`)
      await expect(page.getByRole('heading', { name: title, exact: true }).first()).toBeVisible()
      await expectAccessible(page)
      await page.screenshot({ path: `tests/app/results/setup-${name}-${theme}-${language}.png` })
    }
  })

const pages = [
  ['devices', 'Devices'],
  ['grids', 'Grids and fuses'],
  ['review', 'Still open'],
] as const
const germanPages = [['devices', 'Geräte']] as const
const sample = {
  installation: { name: 'Depot Nord', timeZone: 'Europe/Berlin' },
  devices: [
    { id: 'grid-meter', name: 'Grid meter', role: 'grid-meter', map: 'eastron/sdm630', connection: 'tcp://10.0.0.1' },
    {
      id: 'wallbox',
      name: 'Wallbox',
      role: 'charger',
      map: 'alfen/eve',
      connection: 'nowhere',
      charger: { maxCurrentA: 32 },
    },
  ],
  grids: [
    {
      id: 'grid',
      name: 'Grid',
      connection: {
        id: 'main',
        name: 'Grid connection',
        fuseA: 63,
        circuits: [{ id: 'parking', name: 'Parking', fuseA: 35 }],
      },
    },
  ],
  controllers: [{ name: 'edge-a' }, { name: 'edge-b', address: 'https://edge-b:8443' }],
}
