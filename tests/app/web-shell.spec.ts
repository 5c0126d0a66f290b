import { expect } from '@playwright/test'
import { newSignInCode, signIn, startService } from './support/service.ts'
import { test, themes } from './support/web.ts'

test('goes from screen to screen with number keys', async ({ web }) => {
  await web.open('/site')
  for (const [key, name] of [
    ['2', 'Bus & devices'],
    ['3', 'Point maps'],
    ['4', 'Limits'],
    ['5', 'Checks'],
    ['6', 'Log'],
    ['7', 'Handover'],
    ['8', 'Settings'],
    ['1', 'Site live'],
  ] as const) {
    await web.page.keyboard.press(key)
    const rail = web.page.getByRole('navigation', { name: 'Screens' })
    await expect(rail.getByRole('link', { name })).toHaveAttribute('aria-current', 'page')
  }
})

test('reaches every control with Tab and shows where the focus is', async ({ web }) => {
  await web.open('/bus/meter')
  const { page } = web
  const reached: string[] = []
  for (let index = 0; index < 40; index += 1) {
    await page.keyboard.press('Tab')
    const focus = await page.evaluate(() => {
      const element = document.activeElement
      if (!element || element === document.body) return undefined
      const ring = element.closest('.filter') ?? element
      const { outlineStyle, outlineWidth } = getComputedStyle(ring)
      return {
        name: element.getAttribute('aria-label') ?? element.textContent?.trim() ?? '',
        outlineStyle,
        outlineWidth,
      }
    })
    if (!focus) break
    reached.push(focus.name)
    expect(focus.outlineStyle, focus.name).not.toBe('none')
    expect(Number.parseFloat(focus.outlineWidth), focus.name).toBeGreaterThanOrEqual(2)
  }
  for (const part of ['Skip to content', 'Theme', 'Site live', 'Points of Grid meter', 'fault'])
    expect(
      reached.some((name) => name.includes(part)),
      `${part} in ${reached.join(' | ')}`,
    ).toBe(true)
})

test('goes to a device and switches the theme from the command palette', async ({ web }) => {
  await web.open('/site')
  const { page } = web
  await page.keyboard.press('Control+k')
  await page.keyboard.type('batt')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Battery')
  await page.keyboard.press('Control+k')
  await web.expectAccessible()
  await page.keyboard.type('theme dark')
  await page.keyboard.press('Enter')
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await page.keyboard.press('Control+k')
  await page.keyboard.type('no such thing')
  await expect(page.getByText('Nothing matches “no such thing”.')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toBeHidden()
})

test('follows the theme of the system until one is chosen, then keeps it', async ({ web }) => {
  const { page } = web
  await page.emulateMedia({ colorScheme: 'dark' })
  await web.open('/site')
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await page.emulateMedia({ colorScheme: 'light' })
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light')
  await page.getByRole('button', { name: 'Theme' }).click()
  await page.getByRole('menuitemradio', { name: 'Field, for bright sun' }).click()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'field')
  await page.reload()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'field')
})

test('lists the shortcuts', async ({ web }) => {
  await web.open('/site')
  await web.page.keyboard.press('?')
  await expect(web.page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible()
  await web.expectAccessible()
  await web.page.keyboard.press('Escape')
  await expect(web.page.getByRole('dialog')).toBeHidden()
})

test('says why control is as it is', async ({ web }) => {
  await web.open('/site')
  await web.page.getByRole('button', { name: 'Control enabled' }).click()
  const popover = web.page.getByRole('dialog', { name: 'Control enabled' })
  await expect(popover).toContainText('Setpoints are written to the devices.')
  await expect(popover.locator('p').last()).not.toBeEmpty()
})

test('lists what is wrong with what to do, and leads to the device', async ({ web }) => {
  await web.rewriteFrames((message) => {
    if (message.type !== 'status') return message
    const fault = {
      code: 'device.silent',
      severity: 'warning' as const,
      message: 'Battery does not answer.',
      action: 'Check power, cable and address of the device.',
      deviceId: 'battery',
      sinceMs: Date.now() - 60_000,
    }
    return { ...message, data: { ...message.data, faults: [fault] } }
  })
  await web.open('/site')
  const { page } = web
  await page.getByRole('button', { name: '1 fault' }).click()
  await expect(page.getByText('Check power, cable and address of the device.')).toBeVisible()
  await web.expectAccessible()
  await page.getByRole('link', { name: 'Open Battery' }).click()
  await expect(page).toHaveURL(/bus\/battery/)
})

test('stands still for who wants no motion', async ({ web }) => {
  await web.page.emulateMedia({ reducedMotion: 'reduce' })
  await web.open('/site')
  const marks = web.page.locator('.marks').first()
  await expect(marks).toBeAttached()
  expect(await marks.evaluate((element) => getComputedStyle(element).animationName)).toBe('none')
})

for (const theme of themes)
  test(`marks everything as old when the service is gone, and comes back by itself (${theme})`, async ({ web }) => {
    const { page } = web
    const first = await startService()
    const saved = JSON.stringify({ theme })
    await page.addInitScript((text) => localStorage.setItem('r-ems.preferences', text), saved)
    await signIn(page, first.url)
    await page.goto(`${first.url}/#/site`)
    // There must be a value that can grow old.
    await expect(page.locator('article.grid .power')).toHaveText(/\d/)
    await first.kill()
    const banner = page.getByRole('alert')
    await expect(banner).toContainText(/No answer from the service since \d\d:\d\d:\d\d/)
    await expect(banner).toContainText('Values on screen are old.')
    await expect(page.locator('.cycle')).toHaveText(/Old values, of \d\d:\d\d:\d\d/)
    await expect(page.locator('article.grid .power')).toHaveText(/\d/)
    await web.expectAccessible()
    await page.screenshot({ path: `tests/app/results/web/screens/offline-${theme}.png` })
    await using again = await startService(first.port)
    // Sessions end with the service that gave them.
    await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible({ timeout: 20_000 })
    await page.goto(`${again.url}/#/sign-in?code=${await newSignInCode(again.url)}`)
    await expect(banner).toBeHidden()
    await expect(page.getByText(/^Cycle /)).toBeVisible()
  })
