import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from '@playwright/test'
import type { LicenseState } from '#contract/license.ts'
import { createLicenseKeys, issueLicense } from '../../service/license/issue-license.ts'
import { signIn, startSite } from './support/service.ts'
import { test, themes } from './support/web.ts'

const site = `version: 2
name: Depot
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: 35, meter: meter } }]
devices:
  - { id: meter, name: Meter, role: grid-meter, map: eastron/sdm630, connection: 'tcp://127.0.0.1:9' }
  - id: battery
    name: Battery
    role: battery
    map: r-ems/demo-battery
    connection: 'tcp://127.0.0.1:9'
    battery: { maxChargeW: 5000, maxDischargeW: 5000 }
`

test('says what needs a licence and what does not, in every theme and in German', async ({ web }) => {
  const { page } = web
  for (const theme of themes) {
    await web.open('/license', theme)
    await expect(page.getByText('No licence is loaded. Commissioning, simulation and safety need none.')).toBeVisible()
    await expect(page.getByRole('listitem').filter({ hasText: 'Economic control' })).toContainText('Allowed')
    await expect(page.getByRole('listitem').filter({ hasText: 'Redundancy' })).toContainText('Off')
    await web.expectAccessible()
  }
  await page.addInitScript(() => localStorage.setItem('r-ems.preferences', JSON.stringify({ language: 'de' })))
  await page.reload()
  await expect(page.getByRole('listitem').filter({ hasText: 'Redundanz' })).toContainText('Braucht eine Lizenz')
})

test('refuses what is no licence with its reason, and keeps what was typed', async ({ web }) => {
  const { page } = web
  await web.open('/license')
  const text = page.getByLabel('Text of the licence')
  const load = page.getByRole('button', { name: 'Load licence' })
  await expect(load).toBeDisabled()
  await text.fill('no licence at all')
  await load.click()
  await expect(page.getByRole('alert')).toContainText('one line without spaces or line breaks')
  await expect(text).toHaveValue('no licence at all')
  await page.locator('input[type=file]').setInputFiles({
    name: 'photo.lic',
    mimeType: 'text/plain',
    buffer: Buffer.alloc(20_000, 'A'),
  })
  await expect(page.getByRole('alert')).toContainText('photo.lic is larger than any licence.')
})

test('loads a licence from a file at once, shows it, and removes it', async ({ page }) => {
  const vendor = createLicenseKeys('web-tests')
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-web-license-'))
  writeFileSync(join(folder, 'site.yaml'), site)
  writeFileSync(join(folder, 'keys.json'), JSON.stringify([vendor.key]))
  const environment = { R_EMS_LICENSE_KEYS: join(folder, 'keys.json') }
  await using service = await startSite(['--config', join(folder, 'site.yaml')], 0, [], environment)
  rmSync(folder, { recursive: true, force: true })
  const { edgeId } = await service.ask<LicenseState>('GET', 'api/v1/license')
  await signIn(page, service.url)
  await page.goto(`${service.url}/#/license`)
  const economic = page.getByRole('listitem').filter({ hasText: 'Economic control' })
  await expect(economic).toContainText('Off')
  const { text } = issueLicense(
    {
      format: 'r-ems-license-1',
      id: 'HALDEN-0042',
      owner: 'Halden Energy Services',
      keyId: 'web-tests',
      issuedAt: '2026-01-01T00:00:00Z',
      notBefore: '2026-01-01T00:00:00Z',
      expiresAt: '2090-01-01T00:00:00Z',
      edges: [edgeId],
      features: ['economic-control'],
      limits: { devices: 25, chargePoints: 12 },
    },
    vendor.privatePem,
  )
  await page.locator('input[type=file]').setInputFiles({
    name: 'halden.lic',
    mimeType: 'text/plain',
    buffer: Buffer.from(`${text}\n`),
  })
  await expect(page.getByText('The licence is loaded and counts at once.')).toBeVisible()
  await expect(economic).toContainText('Allowed')
  await expect(page.getByText('Halden Energy Services')).toBeVisible()
  await expect(page.getByText('2 of 25')).toBeVisible()
  await page.getByRole('button', { name: 'Remove' }).click()
  const dialog = page.getByRole('dialog', { name: 'Remove the licence HALDEN-0042?' })
  await dialog.getByRole('button', { name: 'Remove' }).click()
  await expect(economic).toContainText('Off')
})
