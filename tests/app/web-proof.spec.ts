import { expect } from '@playwright/test'
import { createTestUnit, ramp } from '../drivers/support/test-device.ts'
import { startTestServer } from '../drivers/support/test-server.ts'
import { test, themes, type Web } from './support/web.ts'

const shoot = (web: Web, name: string) =>
  web.page.screenshot({ path: `tests/app/results/web/screens/proof-${name}.png` })

test('finds the register behind a turned knob, and what it may hold', async ({ web }) => {
  // Ten seconds of baseline, and as much again until the answer is sure, on a machine that may be slow.
  test.setTimeout(240_000)
  await using device = await startTestServer('tcp', { 1: createTestUnit(ramp(60)) })
  const { holding } = device.units.get(1)!
  for (let address = 0; address < 60; address++) holding.set(address, 0)
  holding.set(20, 420)
  // Three phases, one of them with noise.
  holding.set(30, 2301)
  holding.set(31, 2312)
  holding.set(32, 2298)
  const { respond } = device
  let asked = 0
  device.respond = (reply) => {
    asked++
    holding.set(7, 500 + (asked % 5))
    holding.set(30, 2301 + (asked % 3))
    respond(reply)
  }
  const { page } = web
  await web.open('/registers')
  await expect(page.getByRole('combobox', { name: 'Unit', exact: true })).toBeVisible({ timeout: 30_000 })
  await page.keyboard.press('k')
  const wizard = page.getByRole('complementary', { name: 'Turned the knob' })
  await expect(wizard.getByText('Watch registers first', { exact: false })).toBeVisible()
  await page.getByRole('combobox', { name: 'Unit', exact: true }).selectOption('Another unit')
  await page.getByLabel('Bus', { exact: true }).fill(device.url)
  await page.getByRole('button', { name: 'Range', exact: true }).click()
  await page.getByLabel('How many').fill('60')
  await page.getByRole('combobox', { name: 'Every' }).selectOption('0.5 s')
  await page.getByRole('button', { name: /^Watch/ }).click()
  await expect(wizard.getByText(/^Leave the device alone for/)).toBeVisible()
  await shoot(web, 'baseline')
  const turned = wizard.getByRole('button', { name: /^I have changed it/ })
  await expect(turned).toBeDisabled()
  await expect(turned).toBeEnabled({ timeout: 30_000 })
  await wizard.getByLabel('Value before').fill('forty-two')
  await expect(wizard.getByRole('alert')).toContainText('Enter a number')
  await wizard.getByLabel('Value before').fill('42,0')
  await wizard.getByLabel('Value after').fill('45')
  await web.expectAccessible()
  await turned.click()
  await expect(wizard.getByText(/^Watching for/)).toBeVisible()
  holding.set(20, 450)
  const first = wizard.getByRole('listitem').filter({ hasText: '0x0014' })
  await expect(first).toContainText('420 → 450')
  await expect(first).toContainText('Exact at × 0.1')
  await expect(wizard.getByText(/2 values also moved before the turn/)).toBeVisible()
  await web.expectAccessible()
  await shoot(web, 'culprit')
  await first.getByRole('button').click()
  await page.getByRole('button', { name: 'Close the wizard' }).click()

  // The chosen register is the culprit; what another one holds is one key away.
  const panel = page.getByRole('complementary', { name: 'The chosen register' })
  await expect(panel).toContainText('0014')
  await page.getByRole('row', { name: /^0x001E / }).click()
  await page.keyboard.press('t')
  const types = panel.getByRole('region', { name: 'What may begin here' })
  await expect(types.getByRole('listitem').first()).toContainText('uint16')
  await expect(types.getByRole('listitem').first()).toContainText('lies where a mains voltage does')
  await expect(types.getByText(/^From \d+ readings/)).toBeVisible()
  await web.expectAccessible()
  await shoot(web, 'types')
  // Only reads went out.
  expect(new Set(device.seen.map(({ pdu }) => pdu[0]))).toEqual(new Set([3]))
})

test('shows on every screen what is verified, and takes a proof back and gives it again', async ({ web }) => {
  test.slow()
  const { page } = web
  await web.open('/bus/battery/powerW')
  const chip = page.getByRole('button', { name: /^\d+ of \d+ verified/ })
  await expect(chip).toHaveText('3 of 3 verified')
  const panel = page.getByRole('complementary').filter({ hasText: 'Why we believe it' })
  const sign = panel.getByRole('listitem').filter({ has: page.getByText('Sign', { exact: true }) })
  await expect(sign).toContainText('Verified here')
  await sign.getByRole('button', { name: 'Take back' }).click()
  await sign.getByRole('button', { name: 'Hold to take back' }).hover()
  await page.mouse.down()
  await expect(chip).toHaveText('2 of 3 verified')
  await page.mouse.up()
  await expect(sign).toContainText('Automatic control waits for it')
  await chip.click()
  await expect(page.getByText('Automatic control waits for these:')).toBeVisible()
  await page.keyboard.press('Escape')
  await sign.getByRole('button', { name: 'Verify' }).click()
  const hold = sign.getByRole('button', { name: 'Hold to verify' })
  await expect(hold).toBeDisabled()
  await sign.getByLabel('How you have proven it').fill('charged it, the meter followed')
  await web.expectAccessible()
  await shoot(web, 'why')
  await hold.hover()
  await page.mouse.down()
  await expect(sign).toContainText('charged it, the meter followed')
  await page.mouse.up()
  await expect(chip).toHaveText('3 of 3 verified')
  await page.keyboard.press('1')
  await expect(chip).toBeVisible()
})

for (const theme of themes) {
  test(`the knob wizard and the reasons in the ${theme} theme: accessible, nothing cut off`, async ({ web }) => {
    test.slow()
    const { page } = web
    await page.setViewportSize({ width: 1280, height: 720 })
    await web.open('/bus/meter/powerW', theme)
    const why = page.getByRole('complementary').filter({ hasText: 'Why we believe it' })
    await expect(why.getByText('Sum of the phases', { exact: false })).toBeVisible()
    await web.expectAccessible()
    await shoot(web, `why-${theme}`)
    await page.goto(`${web.service.url}/#/listen`)
    await expect(page.getByLabel('Port to listen to')).toBeVisible({ timeout: 30_000 })
    await page.keyboard.press('k')
    await expect(page.getByText('Start listening first', { exact: false })).toBeVisible()
    await web.expectAccessible()
    await shoot(web, `knob-${theme}`)
  })
}
