import { expect } from '@playwright/test'
import { test } from './support/web.ts'

/** Every screen with a word that only German has there. */
const screens = [
  ['', 'Energiefluss'],
  ['bus/meter', 'Punkte filtern'],
  ['limits', 'Wirkung'],
  ['log', 'Nach Schwere filtern'],
  ['access', 'Sitzungen'],
] as const

test('speaks German on every screen, in numbers too, and stays within 1280 by 720', async ({ web }) => {
  test.setTimeout(180_000)
  const { page } = web
  await page.addInitScript(() =>
    localStorage.setItem('r-ems.preferences', JSON.stringify({ language: 'de', theme: 'light' })),
  )
  await web.open('/')
  await page.setViewportSize({ width: 1280, height: 720 })
  for (const [path, word] of screens) {
    await page.goto(`${web.service.url}/#/${path}`)
    await expect(page.locator('main')).toHaveAttribute('data-live', 'true')
    await expect(page.getByText(word).or(page.getByLabel(word)).or(page.getByPlaceholder(word)).first()).toBeVisible()
    await expect(page.getByRole('link', { name: 'Anlage live' })).toBeVisible()
    const overflow = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement
      const main = document.querySelector('main')!
      return [scrollWidth - clientWidth, main.scrollWidth - main.clientWidth]
    })
    expect(overflow, `/${path}`).toEqual([0, 0])
    await web.expectAccessible()
    await page.screenshot({ path: `tests/app/results/web/screens/german-${path.replaceAll('/', '-') || 'site'}.png` })
  }
  await page.goto(`${web.service.url}/#/`)
  await expect(page.locator('main')).toContainText(/\d,\d\d\s*kW/)
})
