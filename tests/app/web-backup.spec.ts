import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from '@playwright/test'
import { signIn, startSite } from './support/service.ts'
import { test, themes } from './support/web.ts'

const passphrase = 'lantern orbit velvet cactus'
const site = `version: 2
name: Depot Nord
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: 35, meter: meter } }]
devices:
  - { id: meter, name: Meter, role: grid-meter, map: eastron/sdm630, connection: 'tcp://127.0.0.1:9' }
`

test('explains itself where nothing can be restored, in every theme', async ({ web }) => {
  for (const theme of themes) {
    await web.open('/backup', theme)
    await expect(web.page.getByText('The demo site is part of the program.')).toBeVisible()
    await web.expectAccessible()
  }
})

test('downloads a backup, and new hardware becomes the edge of it, without control until the old one is gone', async ({
  page,
}) => {
  // Two services, three starts.
  test.setTimeout(90_000)
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-web-backup-'))
  await using cleaning = { [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }) }
  expect(cleaning).toBeDefined()
  writeFileSync(join(folder, 'site.yaml'), site)
  const file = join(folder, 'depot.backup')
  {
    await using old = await startSite(['--config', folder])
    await signIn(page, old.url)
    await page.goto(`${old.url}/#/backup`)
    await page.getByLabel('Passphrase', { exact: true }).fill(passphrase)
    await page.getByLabel('The same again').fill('something else altogether')
    await page.getByRole('button', { name: 'Download backup' }).click()
    await expect(page.getByRole('alert')).toContainText('The two passphrases are not the same.')
    await page.getByLabel('The same again').fill(passphrase)
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download backup' }).click(),
    ])
    expect(download.suggestedFilename()).toMatch(/^r-ems-\d{4}-\d\d-\d\d\.backup$/)
    await download.saveAs(file)
    expect(readFileSync(file, 'utf8')).toMatch(/^R-EMS-BACKUP\n/)
  }
  const empty = mkdtempSync(join(folder, 'empty-'))
  await using twin = await startSite(['--config', empty])
  await signIn(page, twin.url)
  await page.goto(`${twin.url}/#/backup`)
  await page.locator('input[type=file]').setInputFiles(file)
  const restore = page.getByRole('button', { name: 'Hold to restore' })
  await expect(restore).toBeDisabled()
  await page.getByLabel('Passphrase of the backup').fill('not the right one')
  await restore.focus()
  await page.keyboard.down('Enter')
  await expect(page.getByRole('alert')).toContainText('The passphrase is not that of this backup.')
  await page.keyboard.up('Enter')
  await page.getByLabel('Passphrase of the backup').fill(passphrase)
  await restore.focus()
  await page.keyboard.down('Enter')
  await expect(page.getByText('This machine becomes "Depot Nord"')).toBeVisible()
  await page.keyboard.up('Enter')

  await expect
    .poll(
      () =>
        twin.ask<{ site: string }>('GET', 'api/v1/status').then(
          ({ site }) => site,
          () => '',
        ),
      { timeout: 20_000 },
    )
    .toBe('Depot Nord')
  await signIn(page, twin.url)
  await page.reload()
  await expect(page.getByText('This edge stands in for another one')).toBeVisible()
  await page.getByRole('button', { name: 'The old edge is gone …' }).click()
  await page.getByLabel('How do you know?').fill('taken out of the cabinet')
  await page.getByRole('button', { name: 'It is gone' }).click()
  await expect(page.getByText('This edge stands in for another one')).toHaveCount(0)
})
