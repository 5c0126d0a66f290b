import { expect } from '@playwright/test'
import { type Device, device as deviceSchema } from '#contract/api.ts'
import { ledger } from '#contract/manual-write.ts'
import { test, themes } from './support/web.ts'

test('writes one command: before and after, the bytes, a hold, and the way back', async ({ web }) => {
  const { page, service } = web
  // Automatic control decides over the battery; a person writes where it does not.
  const inverter: Device = deviceSchema.parse(await service.ask('GET', '/api/v1/devices/inverter'))
  const point = inverter.points.find(({ function: fn }) => fn !== undefined)!
  await web.open(`/bus/inverter/${point.name}`)
  const part = page.getByRole('region', { name: 'Write by hand' })
  await expect(part).toContainText('Nobody has written to this device by hand.')

  await page.keyboard.press('w')
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('New value').fill('80')
  await expect(dialog.getByText('On the wire')).toBeVisible()
  const hold = dialog.getByRole('button', { name: 'Hold to write' })
  await expect(hold).toBeDisabled()
  for (const theme of themes) {
    await page.evaluate((name) => document.documentElement.setAttribute('data-theme', name), theme)
    await web.expectAccessible()
    await page.screenshot({ path: `tests/app/results/web/screens/write-${theme}.png` })
  }
  await dialog.getByLabel('Why you write by hand').fill('a test of writing')
  await dialog.getByRole('button', { name: 'Arm for 5 min' }).click()
  await expect(hold).toBeEnabled()
  const bytes = (await dialog.locator('.bytes').first().textContent())!.replaceAll(' ', '').toLowerCase()
  await hold.focus()
  await page.keyboard.down('Enter')
  await expect(dialog.getByRole('status')).toContainText(/Confirmed\.|Written\./)
  await page.keyboard.up('Enter')
  await dialog.getByRole('button', { name: 'Close' }).last().click()

  const undo = part.getByRole('button', { name: /^Put back/ })
  await expect(undo).toBeVisible()
  const { entries } = ledger.parse(await service.ask('GET', '/api/v1/bus/ledger'))
  expect(entries[0]).toMatchObject({ deviceId: 'inverter', value: 80 })
  // But for the number that every request has of its own.
  expect(entries[0]!.frames[0]!.slice(4)).toBe(bytes.slice(4))

  // Taking it back is looked at and held like any other write.
  await undo.click()
  await expect(dialog.getByLabel('New value')).toHaveValue(String(entries[0]!.before))
  await expect(hold).toBeEnabled()
  await page.screenshot({ path: 'tests/app/results/web/screens/write-undo.png' })
})
