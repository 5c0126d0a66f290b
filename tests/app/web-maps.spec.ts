import { expect } from '@playwright/test'
import { test, themes } from './support/web.ts'

for (const theme of themes)
  test(`point maps in the ${theme} theme: accessible, nothing cut off`, async ({ web }) => {
    const { page } = web
    await web.open('/maps', theme)
    await expect(page.getByRole('heading', { level: 1, name: 'Eastron SDM630' })).toBeVisible()
    const editor = page.getByRole('textbox', { name: 'Map editor' })
    await expect(editor).toContainText('powerW:')
    await expect(page.locator('.map-value .number').first()).toHaveText(/\d/)
    await expect(page.getByRole('region', { name: 'Request plan' })).toBeVisible()
    await page.screenshot({ path: `tests/app/results/web/screens/maps-${theme}.png` })
    await web.expectAccessible()
  })
