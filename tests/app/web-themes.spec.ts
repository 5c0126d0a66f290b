import { gzipSync } from 'node:zlib'
import { expect, type Response } from '@playwright/test'
import { test, themes } from './support/web.ts'

const views = [
  ['site', '/site', /^Cycle /],
  ['bus', '/bus/meter/powerW', /^Last 15 minutes/],
  ['log', '/log', /shown$/],
] as const

for (const theme of themes)
  for (const [name, path, ready] of views)
    test(`${name} in the ${theme} theme: accessible, nothing cut off, no scroll bar of the page`, async ({ web }) => {
      await web.open(path, theme)
      const { page } = web
      await expect(page.locator('html')).toHaveAttribute('data-theme', theme)
      await expect(page.getByText(ready).first()).toBeVisible()
      await web.expectAccessible()
      await page.screenshot({ path: `tests/app/results/web/screens/${name}-${theme}.png` })
      for (const [width, height] of [
        [1280, 720],
        [900, 720],
      ] as const) {
        await page.setViewportSize({ width, height })
        const overflow = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement
          const main = document.querySelector('main')!
          return [scrollWidth - clientWidth, main.scrollWidth - main.clientWidth]
        })
        expect(overflow, `${width} x ${height}`).toEqual([0, 0])
        await page.screenshot({ path: `tests/app/results/web/screens/${name}-${theme}-${width}.png` })
      }
    })

test('the first load of the page is below 200 kB of compressed code', async ({ web }) => {
  const scripts: Response[] = []
  web.page.on('response', (response) => {
    if (response.url().endsWith('.js')) scripts.push(response)
  })
  await web.open('/site')
  // What is loaded later is not part of the first load, and may still be under way when the test ends.
  const bodies = await Promise.all(scripts.map((script) => script.body()))
  const total = bodies.reduce((sum, body) => sum + gzipSync(body).length, 0)
  expect(total).toBeGreaterThan(50_000)
  expect(total).toBeLessThan(200_000)
})
