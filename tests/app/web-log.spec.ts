import { expect } from '@playwright/test'
import type { SiteEvent } from '#contract/api.ts'
import { test, type Web } from './support/web.ts'

const severities = ['info', 'warning', 'error'] as const
const eventOf = (id: number): SiteEvent => ({
  id,
  atMs: Date.UTC(2026, 10, 21, 9) + id * 1000,
  severity: severities[id % 3] ?? 'info',
  code: 'test.event',
  message: `Event number ${id}`,
  ...(id % 2 === 0 && { deviceId: 'battery' }),
})

/** A long log, answered as the service does: newest first, filtered, in pages. */
async function longLog({ page }: Web, count: number): Promise<void> {
  await page.route('**/api/v1/events?*', (route) => {
    const query = new URL(route.request().url()).searchParams
    const before = Number(query.get('before') ?? count + 1)
    const events = Array.from({ length: Math.max(0, before - 1) }, (_, index) => eventOf(before - 1 - index))
      .filter(({ severity }) => query.get('severity') === null || query.get('severity') === severity)
      .filter(({ deviceId }) => query.get('device') === null || query.get('device') === deviceId)
      .slice(0, Number(query.get('limit') ?? 100))
    return route.fulfill({ json: { events } })
  })
}

test('shows what the service has recorded', async ({ web }) => {
  await web.open('/log')
  await expect(web.page.getByRole('table').getByRole('row', { name: /runs "Demo site"/ })).toBeVisible()
})

test('loads older events until the oldest, with few rows in the page', async ({ web }) => {
  await longLog(web, 250)
  await web.open('/log')
  const { page } = web
  const table = page.getByRole('table')
  await expect(page.getByText('100 events shown')).toBeVisible()
  for (const shown of ['200 events shown', '250 events shown']) {
    await table.focus()
    await page.keyboard.press('End')
    await page.getByRole('button', { name: 'Load older' }).click()
    await expect(page.getByText(shown)).toBeVisible()
  }
  await table.focus()
  await page.keyboard.press('End')
  await expect(page.getByText('Event number 1', { exact: false }).last()).toBeVisible()
  await expect(page.getByText('This is the oldest event.')).toBeVisible()
  expect(await table.getByRole('row').count()).toBeLessThan(90)
})

test('filters by severity and device', async ({ web }) => {
  await longLog(web, 60)
  await web.open('/log')
  const { page } = web
  await page.getByRole('button', { name: 'Error' }).click()
  await expect(page.getByText('20 events shown')).toBeVisible()
  await page.getByLabel('Device').selectOption('battery')
  await expect(page.getByText('10 events shown')).toBeVisible()
  await expect(page.getByRole('row').nth(1)).toContainText('Error')
  await expect(page.getByRole('row').nth(1)).toContainText('Battery')
})

test('adds events as they happen, without moving the text that is being read', async ({ web }) => {
  await longLog(web, 250)
  await web.rewriteFrames((message) => message)
  await web.open('/log')
  const { page } = web
  await expect(page.getByText('Event number 250')).toBeVisible()
  web.send({ type: 'event', data: eventOf(251) })
  await expect(page.getByRole('row').nth(1)).toContainText('Event number 251')
  const reading = page.getByText('Event number 220')
  await page.getByRole('table').hover()
  await expect(async () => {
    await page.mouse.wheel(0, 200)
    await expect(reading).toBeInViewport({ timeout: 200 })
  }).toPass()
  const before = await reading.boundingBox()
  web.send({ type: 'event', data: eventOf(252) })
  await expect(page.getByRole('button', { name: '1 new event' })).toBeVisible()
  expect(Math.abs(((await reading.boundingBox())?.y ?? 0) - (before?.y ?? 0))).toBeLessThan(2)
  await page.getByRole('button', { name: '1 new event' }).click()
  await expect(page.getByText('Event number 252')).toBeInViewport()
})

test('says what went wrong when the log cannot be loaded, and tries again', async ({ web }) => {
  let refused = true
  await web.page.route('**/api/v1/events?*', (route) =>
    refused
      ? route.fulfill({
          status: 503,
          json: { type: 'storage.full', title: 'No room left', status: 503, detail: 'the disk is full' },
        })
      : route.continue(),
  )
  await web.open('/log')
  await expect(web.page.getByText('The log could not be loaded: the disk is full')).toBeVisible()
  refused = false
  await web.page.getByRole('button', { name: 'Try again' }).click()
  await expect(web.page.getByRole('table')).toBeVisible()
})
