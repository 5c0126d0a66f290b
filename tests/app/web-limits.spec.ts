import { expect } from '@playwright/test'
import { test, themes } from './support/web.ts'

test('shows the effect of a changed limit before it counts, and takes each loosening confirmed', async ({ web }) => {
  await web.open('/limits')
  const { page } = web
  const discharge = page.getByLabel('Discharge power limit')
  await expect(discharge).toHaveValue('6')
  await page.getByLabel('Charge power limit', { exact: true }).fill('0.4')
  await expect(page.locator('.effect')).toContainText(/becomes−0\.4\d*\s*kW|No setpoint changes now/)
  await expect(page.getByText('This allows more than before')).toHaveCount(0)

  await page.getByLabel('Fuse per phase').fill('63')
  await expect(page.getByText('This allows more than before')).toBeVisible()
  await page.getByLabel('Reason').fill('new main fuse')
  const apply = page.getByRole('button', { name: 'Apply 2 changes' })
  await expect(apply).toBeDisabled()
  await page.getByRole('checkbox').check()
  await web.expectAccessible()
  await apply.click()
  await expect(page.locator('main').getByRole('status')).toContainText('2 limits are changed.')
  await expect(page.getByLabel('Fuse per phase')).toHaveValue('63')

  // Back to what it was, so that other tests find the site as it is delivered.
  await page.getByLabel('Fuse per phase').fill('35')
  await page.getByLabel('Charge power limit', { exact: true }).fill('6')
  await page.getByLabel('Reason').fill('back again')
  await page.getByRole('checkbox').check()
  await page.getByRole('button', { name: 'Apply 2 changes' }).click()
  await expect(page.getByLabel('Fuse per phase')).toHaveValue('35')
})

test('says at once what is wrong with a number, and takes it back', async ({ web }) => {
  await web.open('/limits')
  const { page } = web
  const reserve = page.getByLabel('Reserve')
  await reserve.fill('150')
  await expect(page.getByRole('alert')).toContainText('0 to 100 %')
  await reserve.fill('lots')
  await expect(page.getByRole('alert')).toContainText('Type a number')
  await page.keyboard.press('Control+z')
  await expect(page.getByRole('alert')).toContainText('0 to 100 %')
  await reserve.press('Escape')
  await expect(reserve).toHaveValue('15')
  // A reserve above what the battery is charged up to fits the field and not the site.
  await reserve.fill('99')
  await expect(page.locator('.effect').getByRole('alert')).toContainText(/reserve|charge up to/i)
})

test('arms when the button is held, and only then', async ({ web }) => {
  await web.open('/site')
  const { page } = web
  await page.getByRole('button', { name: 'Observe' }).click()
  await page.getByLabel('Reason').fill('try the battery')
  const hold = page.getByRole('button', { name: 'Hold to arm for 5 min' })
  await hold.click()
  await expect(page.getByRole('button', { name: /^Armed/ })).toHaveCount(0)
  await hold.focus()
  await page.keyboard.down('Enter')
  await expect(page.getByRole('button', { name: /^Armed [45]:\d\d$/ })).toBeVisible()
  await page.keyboard.up('Enter')
  await web.expectAccessible()
  await page.getByRole('button', { name: 'Release now' }).click()
  await expect(page.getByRole('button', { name: 'Hold to arm for 5 min' })).toBeVisible()
})

for (const theme of themes)
  test(`limits are accessible in the ${theme} theme`, async ({ web }) => {
    await web.open('/limits', theme)
    await web.page.getByLabel('Fuse per phase').fill('63')
    await expect(web.page.getByText('This allows more than before')).toBeVisible()
    await web.expectAccessible()
    await web.page.screenshot({ path: `tests/app/results/limits-${theme}.png` })
  })
