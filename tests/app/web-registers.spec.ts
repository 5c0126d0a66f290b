import { expect } from '@playwright/test'
import { readFile } from 'node:fs/promises'
import { type RegisterWatch, registerWatch, snapshotList } from '#contract/workbench-registers.ts'
import { createTestUnit, ramp } from '../drivers/support/test-device.ts'
import { startTestServer, type TestServer } from '../drivers/support/test-server.ts'
import { test, themes, type Web } from './support/web.ts'

/** A device that nobody knows: registers 0 to 299, of which 7 counts the questions. */
async function startDevice(): Promise<TestServer> {
  const server = await startTestServer('tcp', { 1: createTestUnit(ramp(300)) })
  const holding = server.units.get(1)!.holding
  const { respond } = server
  server.respond = (reply) => {
    holding.set(7, (holding.get(7)! + 1) & 0xffff)
    respond(reply)
  }
  return server
}

async function watch(web: Web, url: string): Promise<void> {
  const { page } = web
  await page.getByRole('combobox', { name: 'Unit', exact: true }).selectOption('Another unit')
  await page.getByLabel('Bus', { exact: true }).fill(url)
  await page.getByRole('button', { name: 'Range', exact: true }).click()
  await page.getByLabel('How many').fill('300')
  await page.getByRole('combobox', { name: 'Every' }).selectOption('0.5 s')
  await page.getByRole('button', { name: /^Watch/ }).click()
}

test('watches an unknown unit, and finds the register that was turned', async ({ web }) => {
  await using device = await startDevice()
  const { page } = web
  await web.open('/registers')
  await watch(web, device.url)
  const grid = page.getByRole('grid')
  await expect(grid).toHaveAttribute('aria-rowcount', '301')
  const row = (address: string) => grid.getByRole('row', { name: new RegExp(`^${address} `) })
  await expect(row('0x0005')).toContainText('0005')
  await expect(row('0x0007').locator('path')).toHaveAttribute('d', /^M.*L/)

  // Addresses as everybody writes them.
  await page.getByRole('combobox', { name: 'Addresses' }).selectOption('4xxxx')
  await expect(row('400006')).toBeVisible()
  await page.getByRole('combobox', { name: 'Addresses' }).selectOption('From 1')
  await page.keyboard.press('/')
  await page.keyboard.type('300')
  await expect(grid).toHaveAttribute('aria-rowcount', '2')
  await expect(row('300')).toContainText('012B')
  await page.keyboard.press('Escape')
  await page.getByRole('combobox', { name: 'Addresses' }).selectOption('Hex')

  // All that a register may mean.
  await grid.focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowDown')
  const panel = page.getByRole('complementary', { name: 'The chosen register' })
  await expect(panel.getByRole('button', { name: 'uint32 ABCD' })).toContainText('65\u202F538')
  await expect(panel.getByRole('button', { name: 'uint32 CDAB' })).toContainText('131\u202F073')
  await panel.getByRole('button', { name: 'uint32 CDAB' }).click()
  await expect(row('0x0002')).toContainText('196\u202F610')
  await web.expectAccessible()

  // The knob: a snapshot with its noise, one change, one answer.
  await page.keyboard.press('s')
  await expect(page.getByRole('region', { name: 'Snapshots' }).getByRole('listitem')).toHaveCount(1)
  device.units.get(1)!.holding.set(200, 77)
  await page.keyboard.press('d')
  await expect(page.getByText(/^1 of 300 changed since/)).toBeVisible()
  await expect(page.getByText('1 that moved before are hidden.')).toBeVisible()
  await expect(grid).toHaveAttribute('aria-rowcount', '2')
  await expect(row('0x00C8')).toContainText('00C8')
  await expect(row('0x00C8')).toContainText('004D')
  await web.expectAccessible()
  await page.screenshot({ path: 'tests/app/results/web/screens/registers-changes.png' })
  const [changes] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save the changes as CSV' }).click(),
  ])
  expect(await readFile(await changes.path(), 'utf8')).toContain('3,200,201,400201,0x00C8,200,77,-123,')

  // Frozen values stay, live ones come back.
  await page.keyboard.press('d')
  await page.keyboard.press('f')
  await expect(page.getByText(/^Frozen at/)).toBeVisible()
  const counted = await row('0x0007').textContent()
  const asked = device.seen.length
  await expect.poll(() => device.seen.length).toBeGreaterThan(asked + 6)
  expect(await row('0x0007').textContent()).toBe(counted)
  await page.keyboard.press('f')
  await expect(row('0x0007')).not.toHaveText(counted ?? '')

  // Nothing but reads went out, on one connection, and it is let go of.
  expect(new Set(device.seen.map(({ pdu }) => pdu[0]))).toEqual(new Set([3]))
  expect(device.clients.size).toBe(1)
  await page.getByRole('button', { name: 'Stop' }).click()
  await expect.poll(() => device.clients.size).toBe(0)
  const kept = snapshotList.parse(await web.service.ask('GET', 'api/v1/workbench/snapshots'))
  expect(kept.snapshots[0]).toMatchObject({ registers: 300, moved: 1, unitId: 1 })
})

test('follows a device of the site through its queue, by the names of its map', async ({ web }) => {
  const { page } = web
  await web.open('/registers')
  await page.getByRole('combobox', { name: 'Unit', exact: true }).selectOption({ label: 'Grid meter' })
  await page.getByRole('button', { name: /^Watch \d+/ }).click()
  await expect(page.getByText('through the service, beside its polling')).toBeVisible()
  await expect(page.getByRole('row', { name: /Voltage L1/ }).first()).toContainText(/2\d\d\.\d+ V/)
  await page.screenshot({ path: 'tests/app/results/web/screens/registers-site.png' })
})

test('shows the frames of a bus with what they mean', async ({ web }) => {
  const { page } = web
  await web.open('/frames')
  const table = page.getByRole('table', { name: /^Frames of/ })
  await expect(table.getByRole('row', { name: /FC\d 0x[0-9A-F]{4} × \d+ answer after/ }).first()).toBeVisible()
  await page.keyboard.press(' ')
  await expect(page.getByRole('button', { name: 'Go on' })).toBeVisible()
  await page.keyboard.press('e')
  await expect(page.getByText('No frame matches')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(table).toBeVisible()
  await web.expectAccessible()
  const [file] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('p')])
  expect((await readFile(await file.path())).readUInt32LE(0)).toBe(0x0a0d0d0a)
})

test('a watch that nobody renews is not there for the next one to trip over', async ({ web }) => {
  await using device = await startDevice()
  const body = { bus: device.url, unitId: 1, ranges: [{ fn: 3, address: 0, count: 10 }], everyMs: 250 }
  const started = registerWatch.parse(await web.service.ask<RegisterWatch>('POST', 'api/v1/workbench/watches', body))
  await expect(web.service.ask('POST', 'api/v1/workbench/jobs', { kind: 'units', bus: device.url })).rejects.toThrow(
    /a watch of registers on .* is under way/,
  )
  await web.service.ask('DELETE', `api/v1/workbench/watches/${started.id}`)
  await expect.poll(() => device.clients.size).toBe(0)
})

for (const theme of themes)
  test(`values and frames in the ${theme} theme: accessible, nothing cut off`, async ({ web }) => {
    await using device = await startDevice()
    const { page } = web
    await web.open('/registers', theme)
    await watch(web, device.url)
    await expect(page.getByRole('grid')).toHaveAttribute('aria-rowcount', '301')
    await page.getByRole('row').nth(8).click()
    await expect(page.getByRole('complementary')).toBeVisible()
    await web.expectAccessible()
    await page.screenshot({ path: `tests/app/results/web/screens/registers-${theme}.png` })
    await page.setViewportSize({ width: 1000, height: 720 })
    const overflow = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement
      const main = document.querySelector('main')!
      return [scrollWidth - clientWidth, main.scrollWidth - main.clientWidth]
    })
    expect(overflow).toEqual([0, 0])
    await page.screenshot({ path: `tests/app/results/web/screens/registers-${theme}-1000.png` })
    await page.setViewportSize({ width: 1440, height: 900 })
    await page.goto(`${web.service.url}/#/frames`)
    await expect(page.getByRole('table').getByRole('row').nth(12)).toBeVisible()
    await web.expectAccessible()
    await page.screenshot({ path: `tests/app/results/web/screens/frames-${theme}.png` })
  })
