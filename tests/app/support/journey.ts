import { expect, type Page } from '@playwright/test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PairWindow } from '#contract/access.ts'
import type { CheckRun } from '#contract/checks.ts'
import { type SimulatedPlant, startSimulatedPlant } from '../../../service/drivers/simulated/simulated-plant.ts'
import { verifyReport } from '../../../service/handover/sign.ts'
import { realClock } from '../../drivers/support/clock.ts'
import { type RunningService, startSite } from './service.ts'

/** Steps from an empty laptop to a signed report, as a person takes them. Each waits for what the next one needs. */

/** A slow machine that does other things too. */
const slow = { timeout: 90_000 }

/** A service that was never set up, in a folder of its own; on the network too where it listens there. */
export async function startEmpty(more: readonly string[] = []): Promise<RunningService & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-journey-'))
  const service = await startSite(['--config', folder], 0, more)
  return {
    ...service,
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export interface Meter extends AsyncDisposable {
  readonly connection: string
}
/** The meter of a simulated plant: a Modbus device behind a real socket. */
export async function startMeter(): Promise<Meter> {
  const plant: SimulatedPlant = await startSimulatedPlant({ clock: realClock, devices: ['meter'] })
  const port = plant.devices['meter']?.port
  if (port === undefined) throw new Error('the plant has no meter')
  return { connection: `tcp://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => plant[Symbol.asyncDispose]() }
}

/** How long each stage took. */
export function createStages() {
  let since = Date.now()
  const stages: string[] = []
  return {
    done(name: string): void {
      stages.push(`${name} ${((Date.now() - since) / 1000).toFixed(1)} s`)
      since = Date.now()
    },
    toString: () => stages.join(', '),
  }
}

/**
 * Goes to a screen by its address after #. A window that has just been opened does not hear of an address before it has
 * chosen its first screen itself, and then has one; and it is at its first screen again once it is let in.
 */
export async function goTo(page: Page, path: string): Promise<void> {
  await expect(page.locator('main')).toHaveAttribute('data-live', 'true', slow)
  await expect(page).toHaveURL(/#\/\w/, slow)
  await page.evaluate((hash) => {
    location.hash = hash
  }, path)
  await expect(page.locator('main')).toHaveAttribute('data-live', 'true', slow)
}

/** Answers the wizard for a site with one meter, which is read once while it is chosen. */
export async function answerWizard(page: Page, meter: Meter): Promise<void> {
  const fill = (label: string, value: string) => page.getByLabel(label, { exact: true }).fill(value)
  const choose = (label: string, value: string) => page.getByLabel(label, { exact: true }).selectOption(value)
  const next = () => page.getByRole('button', { name: /^Next:/ }).click()
  await fill('Name of the installation', 'Depot Nord')
  await fill('Time zone', 'Europe/Berlin')
  await next()
  await page.getByRole('button', { name: 'Add by hand' }).click()
  await fill('Name', 'Grid meter')
  await choose('Role', 'grid-meter')
  await choose('Point map', 'eastron/sdm630')
  await fill('Connection', meter.connection)
  const live = page.getByRole('region', { name: 'What it says now' })
  await live.getByRole('button', { name: 'Read now' }).click()
  await expect(live).toContainText(/\d\sV/, slow)
  await live.getByRole('button', { name: 'Stop reading' }).click()
  // What is suggested follows from the answers that are saved.
  const saved = page.getByRole('status').filter({ hasText: 'All answers are saved' })
  await expect(saved).toBeVisible(slow)
  await next()
  await expect(saved).toBeVisible(slow)
  await page.getByRole('button', { name: 'Take it' }).click()
  await choose('Meter', 'grid-meter')
  await fill('Fuse per phase A', '63')
  // Prices, network, controllers, accounts and licence stay as they are suggested.
  for (let page = 0; page < 6; page += 1) await next()
  await expect(saved).toBeVisible(slow)
  await expect(page.locator('pre')).toContainText('name: Depot Nord', slow)
}

/** Meets an edge from the deploy screen: its fingerprint is compared, and its code typed. */
export async function pairFromDeploy(page: Page, edge: RunningService): Promise<void> {
  await page.getByLabel('Edge', { exact: true }).selectOption('new')
  const add = page.getByRole('dialog')
  await add.getByLabel('Address').fill(new URL(edge.secureUrl ?? '').host)
  await add.getByRole('button', { name: 'Go on' }).click()
  const { caFingerprint } = await edge.ask<{ caFingerprint: string }>('GET', 'api/v1/trust')
  const contact = page.getByRole('dialog')
  await expect(contact).toContainText(caFingerprint, slow)
  const { code } = await edge.ask<PairWindow>('POST', 'api/v1/pair/window', { newCode: true })
  await contact.getByLabel('Pairing code').fill(code)
  await contact.getByRole('button', { name: 'They are equal: pair' }).click()
  await expect(contact).toBeHidden(slow)
  await expect(page.getByText('Nothing was deployed yet.')).toBeVisible(slow)
}

/** Sends the answers of the wizard as a candidate, and starts the trial when it was compared and checked. */
export async function startTrial(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Setup wizard' }).click()
  await page.getByLabel('Reason').fill('first commissioning')
  await page.getByRole('button', { name: 'Compare and check' }).click()
  const commit = page.getByRole('button', { name: /^Start trial of generation/ })
  const consents = page.getByRole('checkbox')
  const mustAgree = page.getByText('The trial can start when you have agreed')
  await expect(commit.and(page.locator(':enabled')).or(mustAgree)).toBeVisible(slow)
  for (const consent of await consents.all()) await consent.check()
  await expect(commit).toBeEnabled(slow)
  await commit.click()
  await expect(page.getByText('is on trial')).toBeVisible(slow)
}

/** Confirms the trial as soon as the edge lets one: it wants to have been up for half a minute. */
export async function confirmTrial(page: Page): Promise<void> {
  const confirm = page.getByRole('button', { name: 'Hold to confirm' })
  await expect(confirm).toBeEnabled({ timeout: 110_000 })
  await confirm.focus()
  await page.keyboard.down('Enter')
  await expect(page.getByText('is confirmed.')).toBeVisible(slow)
  await page.keyboard.up('Enter')
}

/** Has the read-only check of the meter look for a few seconds instead of ten minutes, and sees its verdict. */
export async function runCheck(page: Page, edge: RunningService): Promise<void> {
  await goTo(page, '/checks')
  const row = page.getByRole('row').filter({ hasText: 'Grid meter answers' })
  await expect(row).toBeVisible(slow)
  await edge.ask<CheckRun>('POST', 'api/v1/checks/runs', { checkId: 'answers.grid-meter', durationS: 5 })
  await expect(row).toContainText('Passed', slow)
}

/** Types what only people know, looks at the page as it would be printed, and signs with the parts that are still open. */
export async function signHandover(page: Page): Promise<void> {
  await goTo(page, '/handover')
  const fill = (label: string, value: string) => page.getByLabel(label, { exact: true }).fill(value)
  await fill('Address of the site', 'Am Depot 1, 20095 Hamburg')
  await fill('Customer', 'Depot Nord GmbH')
  await fill('Company that hands over', 'Elektro Okafor')
  await page.getByRole('button', { name: 'Add person' }).click()
  await fill('Name', 'M. Okafor')
  await page.getByRole('button', { name: 'Add point' }).click()
  await fill('What is left to do', 'Seal the meter')
  await expect(page.getByRole('status').filter({ hasText: 'Saved' })).toBeVisible(slow)
  await page.getByRole('button', { name: /^Preview/ }).click()
  const preview = page.getByRole('region', { name: 'Preview' })
  await expect(preview.getByText('Seal the meter')).toBeVisible(slow)
  await expect(preview.getByText('Draft: nobody has signed yet.')).toBeVisible()
  await page.getByRole('button', { name: /^Close preview/ }).click()

  await page.getByRole('button', { name: 'Sign', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await expect(dialog.getByRole('checkbox', { name: /M\. Okafor/ })).toBeChecked()
  const now = dialog.getByRole('button', { name: 'Sign now' })
  await expect(now).toBeDisabled()
  for (const part of await dialog
    .getByRole('group', { name: /^Open parts/ })
    .getByRole('checkbox')
    .all())
    await part.check()
  await now.click()
  await expect(dialog).toBeHidden(slow)
}

/** Saves a file of the newest signed report as a person would. */
export async function saveSigned(page: Page, kind: 'PDF' | 'HTML' | 'JSON'): Promise<Buffer> {
  const [download] = await Promise.all([
    page.waitForEvent('download', slow),
    page.getByRole('button', { name: new RegExp(`^Save .* as ${kind}$`) }).click(),
  ])
  expect(download.suggestedFilename()).toMatch(new RegExp(`^handover-\\d{8}-\\d{6}\\.${kind.toLowerCase()}$`))
  return readFileSync(await download.path())
}

/** What was signed, read without the edge. */
export function expectSigned(json: Buffer): void {
  const verdict = verifyReport(json.toString())
  if (!verdict.ok) throw new Error(verdict.reason)
  const { report } = verdict
  expect(report).toMatchObject({
    site: { name: 'Depot Nord', demo: false },
    configuration: { generation: 2, journal: { ok: true } },
    signatures: [{ name: 'M. Okafor' }],
  })
  expect(report.runs.map(({ checkId, verdict: found }) => [checkId, found])).toEqual([['answers.grid-meter', 'passed']])
  expect(report.devices).toMatchObject([{ id: 'grid-meter', link: 'online', simulated: false }])
}
