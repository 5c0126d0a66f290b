import { expect } from '@playwright/test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { AcceptedDevice, Workbench } from '#contract/workbench.ts'
import { announceDevices } from '../drivers/support/announcing-devices.ts'
import { hasSocat } from '../drivers/support/pty.ts'
import { type Dump, pymodbusMissing, startPymodbus } from '../drivers/support/pymodbus.ts'
import { openBusLine } from './support/bus-line.ts'
import { test, themes, type Web } from './support/web.ts'

const dumps = resolve(import.meta.dirname, '../../../shared/data/registers')
const missing = existsSync(dumps) ? pymodbusMissing : `${dumps} is missing`
const dump = (name: string): Dump => JSON.parse(readFileSync(join(dumps, `${name}.json`), 'utf8')) as Dump
const shots = resolve(import.meta.dirname, 'results/workbench')

test.skip(!hasSocat, 'socat is not installed')
test.describe.configure({ mode: 'serial' })

/** A picture of what a person sees now, to be looked at. */
const shoot = (web: Web, name: string): Promise<unknown> => web.page.screenshot({ path: join(shots, `${name}.png`) })

async function addPort(web: Web, path: string): Promise<void> {
  const { page } = web
  await page.keyboard.press('Control+k')
  await page.keyboard.type('add a port')
  await page.keyboard.press('Enter')
  await page.getByRole('textbox', { name: 'Path' }).fill(path)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog')).toBeHidden()
}

test.describe('the first five minutes', () => {
  test.skip(missing !== undefined, missing)

  test('lead from an unknown line to devices that are accepted, on the keyboard alone', async ({ web }, info) => {
    test.setTimeout(180_000)
    const startedMs = Date.now()
    await using line = await openBusLine({ baud: 38_400, parity: 'none', stopBits: 1 })
    const inverter = { ...dump('sunspec-fixture-test_inverter_1'), unit_id: 1 }
    for (const device of [inverter, dump('goodwe-GW8K_DT'), dump('goodwe-GEH10_1U_10')]) await line.device(device)
    const adapter = await line.adapter('usb')
    await web.open('/scan')
    const { page } = web
    await expect(page.getByText('Read only')).toBeVisible()
    await addPort(web, adapter.path)
    await expect(page.getByText('was not scanned yet')).toBeVisible()
    await shoot(web, 'scan-empty')

    const scanMs = Date.now()
    await page.keyboard.press('s')
    await expect(page.getByText('listening').first()).toBeVisible()
    await expect(page.getByText('2 good answers')).toBeVisible({ timeout: 30_000 })
    const settingsMs = Date.now() - scanMs
    await expect(page.getByRole('grid', { name: 'Units found' })).toBeVisible()
    await shoot(web, 'scan-running')
    const rows = page.getByRole('grid', { name: 'Units found' }).locator('tbody tr')
    const done = page.locator('.time').getByText('Done')
    await expect(done).toBeVisible({ timeout: 60_000 })
    const doneMs = Date.now() - scanMs
    await expect(rows).toHaveCount(3)
    await expect(rows.nth(1)).toContainText('goodwe/dt')
    await expect(rows.nth(2)).toContainText('goodwe/geh')
    await expect(page.getByRole('img', { name: /Identified 3/ })).toBeVisible()
    await shoot(web, 'scan-done')
    await web.expectAccessible()

    await rows.first().focus()
    for (let row = 0; row < 3; row++) {
      await page.keyboard.press('Enter')
      await expect(rows.nth(row)).toContainText('Accepted')
      await page.keyboard.press('ArrowDown')
    }
    await expect(page.getByRole('complementary', { name: 'Devices found' }).getByRole('listitem')).toHaveCount(3)
    await shoot(web, 'scan-accepted')

    const { folder, found } = await web.service.ask<Workbench>('GET', 'api/v1/workbench')
    expect(found.map(({ unitId, map }: AcceptedDevice) => [unitId, map])).toEqual([
      [1, 'sunspec/inverter'],
      [127, 'goodwe/dt'],
      [247, 'goodwe/geh'],
    ])
    expect(readFileSync(join(folder, 'devices-found.yaml'), 'utf8')).toContain('map: goodwe/dt')
    expect(readdirSync(join(folder, 'jobs'))).toHaveLength(1)
    const times = `settings found after ${settingsMs} ms, all of it after ${doneMs} ms, accepted after ${Date.now() - startedMs} ms`
    info.annotations.push({ type: 'time', description: times })
    process.stdout.write(`${times}\n`)
    expect(settingsMs).toBeLessThan(30_000)
  })
})

test('stops a scan when another client is heard, and listens instead without sending a byte', async ({ web }) => {
  test.skip(missing !== undefined, missing)
  test.setTimeout(90_000)
  await using line = await openBusLine({ baud: 9600, parity: 'none', stopBits: 1 })
  await line.device(dump('goodwe-GW8K_DT'))
  line.client([[127, 3, 0x75, 0x31, 0, 40]], 700)
  const adapter = await line.adapter('usb')
  await web.open('/scan')
  const { page } = web
  await addPort(web, adapter.path)
  await page.keyboard.press('s')
  await expect(page.getByText('Another client is polling this bus.')).toBeVisible({ timeout: 15_000 })
  expect(adapter.sent()).toBe(0)
  await shoot(web, 'scan-foreign')
  await web.expectAccessible()

  await page.keyboard.press('l')
  await expect(page).toHaveURL(/#\/listen/)
  await page.keyboard.press('l')
  await expect(page.locator('.strip').getByText('Listen only')).toBeVisible()
  const map = page.getByRole('region', { name: 'Map' })
  await expect(map.getByText('unit 127 · FC03')).toBeVisible({ timeout: 30_000 })
  await expect(map.getByText(/every 7\d\d ms/)).toBeVisible({ timeout: 15_000 })
  await expect(page.locator('.sent')).toHaveText('0 bytes sent by us')
  await shoot(web, 'listen-running')
  await web.expectAccessible()
  expect(adapter.sent()).toBe(0)

  const download = page.waitForEvent('download')
  await page.keyboard.press('p')
  const file = await (await download).path()
  expect(readFileSync(file).readUInt32BE(0)).toBe(0x0a0d0d0a)
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: 'Stop' })).toBeHidden()

  // The recorded file says the same again.
  await page
    .getByLabel('Open a capture')
    .last()
    .setInputFiles({
      name: 'heard.pcapng',
      mimeType: 'application/octet-stream',
      buffer: readFileSync(file),
    })
  await expect(page.getByText('Recorded')).toBeVisible()
  await expect(page.getByRole('region', { name: 'Map' }).getByText('unit 127 · FC03')).toBeVisible()
  expect(adapter.sent()).toBe(0)
})

test('finds devices on the network, after the warning was read', async ({ web }) => {
  test.skip(missing !== undefined, missing)
  await using peer = await startPymodbus(dump('goodwe-GEH10_1U_10'))
  await using _ = announceDevices([
    { instance: 'Hybrid 10', service: '_http._tcp', address: '127.0.0.1', port: 80 },
    { instance: 'Logger', service: '_modbus._tcp', address: '127.0.0.5', port: 1502 },
  ])
  await web.open('/scan/network')
  const { page } = web
  const begin = page.getByRole('button', { name: 'Scan the network' })
  await expect(begin).toBeDisabled()
  await page.getByRole('textbox', { name: 'Range' }).fill('127.0.0.0/29')
  await page.getByRole('textbox', { name: 'Ports' }).fill(new URL(peer.url).port)
  await page.getByLabel('I have read this').check()
  await begin.click()
  const row = page.getByRole('grid', { name: 'Units found' }).locator('tbody tr').first()
  await expect(row).toContainText('goodwe/geh', { timeout: 30_000 })
  await expect(page.locator('.time').getByText('Done')).toBeVisible({ timeout: 30_000 })
  await row.getByRole('button', { name: 'Accept unit 247' }).click()
  await expect(row).toContainText('Accepted')
  const endpoints = page.locator('.endpoints li')
  await expect(endpoints.filter({ hasText: '127.0.0.1:' })).toContainText('announces itself as Hybrid 10 (_http._tcp)')
  await expect(endpoints.filter({ hasText: '127.0.0.5:1502' })).toContainText(
    'announces itself as Logger (_modbus._tcp)',
  )
  await web.expectAccessible()
  await shoot(web, 'network-done')

  // Behind a gateway units can have any ID: all are asked, until that is stopped.
  await page.getByRole('button', { name: /^Ask all unit IDs of 127/ }).click()
  await expect(page.locator('.endpoints .state')).toContainText(/\d+ of 249 known/)
  const { jobs } = await web.service.ask<Workbench>('GET', 'api/v1/workbench')
  await web.service.ask('POST', `api/v1/workbench/jobs/${jobs[0]?.id}/stop`)
  await expect(page.locator('.endpoints .state')).toBeHidden()

  // Too much at once is refused in a sentence, and nothing is asked.
  await page.getByLabel('Range').fill('10.0.0.0/8')
  await begin.click()
  await expect(page.getByRole('alert')).toContainText('at most 256')
})

for (const theme of themes)
  test(`scan, network and listen mode in the ${theme} theme: accessible, nothing cut off`, async ({ web }) => {
    await web.open('/scan', theme)
    const { page } = web
    const paths: readonly (readonly [string, string])[] = [
      ['scan', '#/scan'],
      ['network', '#/scan/network'],
      ['listen', '#/listen'],
    ]
    for (const [name, path] of paths) {
      await page.goto(`${web.service.url}/${path}`)
      await expect(page.locator('main')).toHaveAttribute('data-live', 'true')
      if (name === 'scan') await page.locator('.port-choice').nth(1).click()
      await page.setViewportSize({ width: 1440, height: 900 })
      await expect(page.getByText('Read only')).toBeVisible()
      await web.expectAccessible()
      await shoot(web, `${name}-${theme}`)
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
        expect(overflow, `${name} at ${width} x ${height}`).toEqual([0, 0])
        await shoot(web, `${name}-${theme}-${width}`)
      }
    }
  })

test('speaks German where that is chosen, and remembers it', async ({ web }) => {
  await web.open('/scan')
  const { page } = web
  await page.keyboard.press('Control+k')
  await page.keyboard.type('deutsch')
  await page.keyboard.press('Enter')
  await expect(page.getByText('Nur lesen').first()).toBeVisible()
  await page.reload()
  await expect(page.getByRole('link', { name: 'Mithören' })).toBeVisible()
  await expect(page.locator('html')).toHaveAttribute('lang', 'de')
  await web.expectAccessible()
})

test('offers what can be done in the command palette, and nothing that cannot', async ({ web }) => {
  await web.open('/scan')
  const { page } = web
  await page.keyboard.press('Control+k')
  const options = page.getByRole('option')
  await expect(options.filter({ hasText: 'Devices on the network' })).toBeVisible()
  await expect(options.filter({ hasText: 'Stop' })).toHaveCount(0)
  await page.keyboard.type('open listen')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/#\/listen/)
  await expect(page.getByRole('link', { name: 'Bus & devices' })).toHaveAttribute('aria-current', 'page')
})
