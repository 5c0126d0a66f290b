import { expect, type Page } from '@playwright/test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PairWindow } from '#contract/access.ts'
import type { DeploymentStatus } from '#contract/deployment.ts'
import { type RunningService, startSite } from './support/service.ts'
import { test } from './support/web.ts'

const site = (fuseA: number): string => `# The depot, as it was first written down.
version: 3
name: Depot
grids:
  - id: grid
    name: Grid
    connection: { id: main, name: Grid connection, fuseA: ${fuseA}, meter: meter } # the main fuse
devices:
  - id: meter
    name: Grid meter
    role: grid-meter
    map: eastron/sdm630
    connection: demo://meter
    verified: { signs: [powerW] }
`

async function startEdge(): Promise<RunningService & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-edge-'))
  writeFileSync(join(folder, 'site.yaml'), site(35))
  const edge = await startSite(['--config', folder], 0, ['--mode', 'simulation', '--listen', '127.0.0.1:0'])
  return {
    ...edge,
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A folder as a person would choose it, with one that does not belong to it. */
function folderWith(fuseA: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-folder-'))
  writeFileSync(join(folder, 'site.yaml'), site(fuseA))
  writeFileSync(join(folder, 'notes.txt'), 'not part of the site')
  return folder
}

async function pairWith(page: Page, edge: RunningService): Promise<void> {
  await page.getByLabel('Edge', { exact: true }).selectOption('new')
  const add = page.getByRole('dialog')
  await add.getByLabel('Address').fill(new URL(edge.secureUrl ?? '').host)
  await add.getByRole('button', { name: 'Go on' }).click()
  const { caFingerprint } = await edge.ask<{ caFingerprint: string }>('GET', 'api/v1/trust')
  const contact = page.getByRole('dialog')
  await expect(contact).toContainText(caFingerprint)
  const { code } = await edge.ask<PairWindow>('POST', 'api/v1/pair/window', { newCode: true })
  await contact.getByLabel('Pairing code').fill(code)
  await contact.getByRole('button', { name: 'They are equal: pair' }).click()
  await expect(contact).toBeHidden()
}

test('brings a raised fuse to another edge: compared, agreed to, checked, on trial, confirmed, and back again', async ({
  web,
}) => {
  test.setTimeout(180_000)
  await using edge = await startEdge()
  const status = (): Promise<DeploymentStatus> => edge.ask('GET', 'api/v1/deployment')
  await web.open('/deploy')
  const { page } = web
  page.setDefaultTimeout(20_000)
  await expect(page.getByText('Nothing can be deployed here')).toBeVisible()
  await pairWith(page, edge)
  await expect(page.getByRole('heading', { name: 'Deploy to Depot' })).toBeVisible()
  await expect(page.getByText('Nothing was deployed yet.')).toBeVisible()

  await page.getByRole('button', { name: 'Site folder' }).click()
  const folder = folderWith(63)
  await page.getByLabel('Folder with site.yaml').setInputFiles(folder)
  rmSync(folder, { recursive: true })
  await expect(page.getByText('1 file of the site')).toBeVisible()
  await page.getByLabel('Reason').fill('new main fuse')
  await web.expectAccessible()
  await page.getByRole('button', { name: 'Compare and check' }).click()

  await expect(page.getByText('Allows more than before')).toBeVisible({ timeout: 30_000 })
  const commit = page.getByRole('button', { name: 'Start trial of generation 2' })
  await expect(page.getByText('The trial can start when you have agreed')).toBeVisible({ timeout: 60_000 })
  await expect(commit).toBeDisabled()
  await web.expectAccessible()
  await page.getByRole('checkbox').check()
  await page.getByRole('button', { name: 'Text', exact: true }).click()
  await expect(page.locator('.removed').first()).toContainText('fuseA: 35')
  await commit.click()

  await expect(page.getByText('Generation 2 is on trial')).toBeVisible({ timeout: 60_000 })
  await web.expectAccessible()
  const confirm = page.getByRole('button', { name: 'Hold to confirm' })
  await expect(confirm).toBeEnabled({ timeout: 90_000 })
  await confirm.focus()
  await page.keyboard.down('Enter')
  await expect(page.getByText('Generation 2 is confirmed.')).toBeVisible({ timeout: 20_000 })
  await page.keyboard.up('Enter')
  expect((await status()).active).toMatchObject({ number: 2, state: 'confirmed' })

  await page.getByRole('button', { name: 'Return to generation 1' }).click()
  await page.getByRole('dialog').getByLabel('Reason').fill('the old fuse is back')
  await page.getByRole('dialog').getByRole('button', { name: 'Return', exact: true }).click()
  // It does not answer while it takes the old files into use.
  const active = async (): Promise<unknown> => (await status().catch(() => undefined))?.active
  await expect.poll(active, { timeout: 60_000 }).toMatchObject({ number: 3, restores: 1 })
})
