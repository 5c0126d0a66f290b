import { expect, type Page } from '@playwright/test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PairWindow } from '#contract/access.ts'
import { test } from './support/desktop.ts'
import { type RunningService, startService } from './support/service.ts'

/** The connection manager against a service of another address, over HTTPS; only this machine is used. */

const idle = join(import.meta.dirname, 'support/service-that-idles.mjs')
const edge = (port = 0) => startService(0, ['--listen', `127.0.0.2:${port}`])

const openConnections = (page: Page) =>
  page.evaluate(() => {
    location.hash = '#/access/connections'
  })

async function codeOf(service: RunningService): Promise<string> {
  return (await service.ask<PairWindow>('POST', 'api/v1/pair/window', { newCode: true })).code
}

test('meets an edge, compares, pairs, shows it, and refuses another in its place', async ({ launch }) => {
  let port: number
  const { app, page, userData } = await launch()
  await expect(page.locator('main')).toHaveAttribute('data-live', 'true', { timeout: 15_000 })
  {
    await using first = await edge()
    const url = first.secureUrl ?? ''
    const { host } = new URL(url)
    port = Number(new URL(url).port)
    const { caFingerprint } = await first.ask<{ caFingerprint: string }>('GET', 'api/v1/trust')
    const reach = () =>
      page.evaluate(
        (at) =>
          fetch(at).then(
            ({ status }) => status,
            () => 'refused',
          ),
        `${url}/health`,
      )
    // Not before somebody has paired with it.
    expect(await reach()).toBe('refused')

    await openConnections(page)
    await page.getByLabel('Add by address').fill(host)
    await page.getByRole('button', { name: 'Contact' }).click()
    const dialog = page.getByRole('dialog')
    await expect(dialog).toContainText(caFingerprint)
    await dialog.getByLabel('Pairing code').fill('AAAA-AAAA-AAAA')
    await dialog.getByRole('button', { name: 'They are equal: pair' }).click()
    await expect(dialog.getByRole('alert')).toContainText('did not accept the pairing code')
    await dialog.getByLabel('Pairing code').fill(await codeOf(first))
    await dialog.getByRole('button', { name: 'They are equal: pair' }).click()
    await expect(dialog).toBeHidden()
    expect(await reach()).toBe('refused')

    await page.getByRole('button', { name: 'Connect to' }).click()
    await expect(page.getByRole('status', { name: host })).toBeVisible()
    await expect(page.locator('main')).toHaveAttribute('data-live', 'true')
    expect(await reach()).toBe(200)
    // The token stays in the main process and in the memory of the page.
    const [token] = (await first.ask<{ tokens: { purpose: string }[] }>('GET', 'api/v1/tokens')).tokens
    expect(token?.purpose).toContain('R-EMS app')
    const kept = await page.evaluate(() => [localStorage, sessionStorage].flatMap((storage) => Object.values(storage)))
    expect(JSON.stringify(kept)).not.toContain('rems_')
    expect(readFileSync(join(userData, 'edges.json'), 'utf8')).not.toContain('rems_')
    await page.evaluate(() => {
      location.hash = '#/bus'
    })
    await expect(page.getByRole('tree')).toContainText('127.0.0.1')
    await first.kill()
  }
  await expect(page.locator('main')).toHaveAttribute('data-live', 'false', { timeout: 20_000 })

  // Another device, or somebody who took its address.
  await using other = await edge(port)
  expect(other.secureUrl).toContain(`:${port}`)
  const refused = page.waitForEvent('requestfailed', (request) => request.url().startsWith('https://127.0.0.2:'))
  expect((await refused).failure()?.errorText).toMatch(/^net::ERR_/)
  await expect(page.locator('main')).toHaveAttribute('data-live', 'false')
  await page.reload()
  // The window is back at this computer, and says why.
  await expect(page.locator('main')).toHaveAttribute('data-live', 'true', { timeout: 15_000 })
  await openConnections(page)
  await expect(page.getByRole('alert')).toContainText('comes from a CA that is not the one of this edge')
  await page.getByRole('button', { name: 'Connect to' }).click()
  await expect(page.getByRole('alert')).toContainText('remove it here and pair again')
  expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1)
})

test('says what is wrong with an address', async ({ launch, appFolder }) => {
  const { page } = await launch(appFolder(idle))
  const problem = (address: string) =>
    page.evaluate(async (text) => {
      const answer = await window.desktop?.edges.addByAddress(text)
      return answer && !answer.ok ? answer.problem.reason : 'ok'
    }, address)
  expect(await problem('http://127.0.0.2')).toBe('address-invalid')
  expect(await problem('not an address')).toBe('address-invalid')
  expect(await problem('127.0.0.2:9')).toBe('unreachable')
})
