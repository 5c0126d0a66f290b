import { expect } from '@playwright/test'
import { createTestUnit, ramp } from '../drivers/support/test-device.ts'
import { startTestServer } from '../drivers/support/test-server.ts'
import { test, themes } from './support/web.ts'

test('shows how the buses answer, asks a unit for its counters and compares before and after', async ({ web }) => {
  const { page } = web
  await web.open('/health')
  const unit = page.getByRole('article').first()
  await expect(unit.getByRole('img', { name: /^Answer times: fastest/ })).toBeVisible()
  await expect(unit.getByRole('img', { name: /requests failed in the last/ })).toBeVisible()
  await expect(page.getByText('In order').first()).toBeVisible()

  // The simulated devices have no function 8, and say so.
  await unit.getByRole('button', { name: 'Ask its counters' }).click()
  await expect(unit.getByText('Not all of them: illegal function.')).toBeVisible()

  const compare = page.getByRole('region', { name: 'Change one thing.' })
  await expect(compare).toContainText(/Before\d+ of .* failed/)
  await page.keyboard.press('r')
  await expect(compare).toContainText(/After0 of \d+ failed \(0\.0 %\)/)
  await web.expectAccessible()
})

test('says what the numbers suggest, with the numbers', async ({ web }) => {
  // An adapter that hears itself, behind a gateway.
  await using device = await startTestServer('rtutcp', { 1: createTestUnit(ramp(100)) })
  device.respond = ({ request, honest, send }) => send(Buffer.concat([request.frame, honest]))
  const { page } = web
  await web.open('/health')
  const watch = {
    bus: device.url,
    unitId: 1,
    ranges: [{ fn: 3, address: 0, count: 20 }],
    everyMs: 500,
  }
  const { id } = await web.service.ask<{ id: string }>('POST', '/api/v1/workbench/watches', watch)
  const bus = page.getByRole('button', { name: device.url })
  await bus.click()
  await expect(page.getByText('This suggests that the adapter hears itself.')).toBeVisible()
  await expect(page.getByText(/^.*\d+ of \d+ requests came back before the answer\./)).toBeVisible()
  for (const theme of themes) {
    await page.evaluate((name) => document.documentElement.setAttribute('data-theme', name), theme)
    await web.expectAccessible()
    await page.screenshot({ path: `tests/app/results/web/screens/health-${theme}.png` })
  }
  await web.service.ask('DELETE', `/api/v1/workbench/watches/${id}`)
  await expect(bus).toHaveCount(0)
})
