import { expect, type Page } from '@playwright/test'
import { test, themes } from './support/web.ts'

const shots = 'tests/app/results/web/screens'
const panel = (page: Page, name: string) => page.getByRole('region', { name, exact: true })
const rowOf = (page: Page, title: string) => page.getByRole('row').filter({ hasText: title })

/** Holds the button until it has acted. */
async function arm(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Hold to arm for 15 min' }).focus()
  await page.keyboard.down('Enter')
  await expect(page.getByRole('button', { name: /^Armed/ })).toBeVisible()
  await page.keyboard.up('Enter')
}

/** A reading that is late on a busy machine lets the service refuse it; then it is started again, as a person would. */
async function startByKey(page: Page, title: string): Promise<void> {
  await expect(async () => {
    await page.keyboard.press('Enter')
    await expect(rowOf(page, title)).toContainText('Running', { timeout: 4_000 })
  }).toPass({ timeout: 40_000 })
}

/** Back to what other tests expect. */
async function disarm(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Armed/ }).click()
  await page.getByRole('button', { name: /back|release/i }).click()
}

test('locks what writes until somebody is armed, says what it would do, and puts back what was aborted', async ({
  web,
}) => {
  test.setTimeout(120_000)
  await web.open('/checks')
  const { page } = web
  const step = rowOf(page, 'Battery follows a step')
  await expect(step).toContainText('Arm to run')
  await step.click()
  const check = panel(page, 'Battery follows a step')
  await expect(check).toContainText(/Writes setPowerW .* to Battery, then puts back what it found/)
  await expect(check).toContainText('Grid connection: fuse L1')
  await web.expectAccessible()

  await arm(page)
  await expect(step).toContainText('To do')
  await startByKey(page, 'Battery follows a step')
  await expect(check.getByRole('img', { name: /^Trace of Battery/ })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(check).toContainText('Interrupted')
  await expect(check).toContainText(/Aborted\..* has aborted it/)
  await expect(step).toContainText('Interrupted')
  await web.expectAccessible()

  // Nobody edits a finding; it can be taken as it is, with a reason.
  await check.getByRole('button', { name: 'Accept as it is' }).click()
  await page.getByLabel('Reason').fill('seen at the device')
  await page.getByRole('dialog').getByRole('button', { name: 'Accept as it is' }).click()
  await expect(check).toContainText(/Accepted by .*: seen at the device/)
  await disarm(page)
})

test('shows a step with what was measured on it, in all themes and in German', async ({ web }) => {
  test.setTimeout(180_000)
  await web.open('/checks')
  const { page } = web
  const step = rowOf(page, 'Battery follows a step')
  await step.click()
  await arm(page)
  const check = panel(page, 'Battery follows a step')
  // What else moves on this site may disturb a check, which then says so; it is repeated.
  await expect(async () => {
    await check.getByRole('button', { name: /^(Run|Repeat)/ }).click()
    await expect(step).toContainText('Running')
    await expect(step).toContainText('Passed', { timeout: 60_000 })
  }).toPass({ timeout: 150_000 })
  await expect(check.getByText(/^dead time [\d.]+ s$/)).toBeVisible()
  await expect(check.getByText(/^settled [\d.]+ s$/)).toBeVisible()
  await expect(check).toContainText('Put back')
  for (const theme of themes) {
    await web.open('/checks', theme)
    await page.reload()
    await rowOf(page, 'Battery follows a step').click()
    await expect(check.getByText(/^dead time/)).toBeVisible()
    await web.expectAccessible()
    await page.screenshot({ path: `${shots}/checks-${theme}.png` })
    for (const width of [1280, 1000]) {
      await page.setViewportSize({ width, height: 720 })
      const overflow = await page.evaluate(() => {
        const main = document.querySelector('main')!
        return [
          document.documentElement.scrollWidth - document.documentElement.clientWidth,
          main.scrollWidth - main.clientWidth,
        ]
      })
      expect(overflow, `${width}`).toEqual([0, 0])
    }
    await page.screenshot({ path: `${shots}/checks-${theme}-1000.png` })
    await page.setViewportSize({ width: 1440, height: 900 })
  }
  await page.addInitScript(() =>
    localStorage.setItem('r-ems.preferences', JSON.stringify({ language: 'de', theme: 'light' })),
  )
  await page.reload()
  await rowOf(page, 'Battery folgt einem Sprung').click()
  await expect(page.getByText(/^Totzeit [\d,]+ s$/)).toBeVisible()
  await expect(page.getByRole('heading', { name: 'Wenn R-EMS ausfällt' })).toBeVisible()
  await web.expectAccessible()
  await page.screenshot({ path: `${shots}/checks-german.png` })
})

test('runs by keyboard what only reads, and says what else is missing', async ({ web }) => {
  await web.open('/checks')
  const { page } = web
  await expect(rowOf(page, 'Grid meter answers')).toBeVisible()
  await page.keyboard.press('ArrowDown')
  await expect(page.locator('tr[aria-current]')).toHaveCount(1)
  await rowOf(page, 'Grid meter answers').click()
  await startByKey(page, 'Grid meter answers')
  await page.keyboard.press('Escape')
  await expect(rowOf(page, 'Grid meter answers')).toContainText('Interrupted')
  await expect(rowOf(page, 'Grid meter: phase order')).toContainText('No load to switch')
  await page.keyboard.press('Control+Enter')
  await expect(page.getByRole('dialog')).toContainText('checks run one after the other')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)
})
