import { expect } from '@playwright/test'
import { test } from './support/web.ts'

test('shows each device of the tree with its points as they are on the wire', async ({ web }) => {
  await web.open('/bus')
  const { page } = web
  const items = page.getByRole('treeitem')
  await expect(items.first()).toHaveAttribute('aria-selected', 'true')
  // Control needs the sign of the meter, and nothing of the weather.
  await expect(items.filter({ hasText: 'Grid meter' })).toContainText(/[01] of 1 verified/)
  await expect(items.filter({ hasText: 'Weather mast' })).not.toContainText('verified')
  for (const name of await items.locator('.name').allTextContents()) {
    await items.filter({ hasText: name }).click()
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(name)
    await expect(
      page
        .getByRole('grid', { name: `Points of ${name}` })
        .getByRole('row')
        .nth(2),
    ).toBeVisible()
  }
})

test('is worked with the keyboard alone', async ({ web }) => {
  await web.open('/bus/meter')
  const { page } = web
  const grid = page.getByRole('grid')
  await page.getByRole('treeitem', { selected: true }).focus()
  await page.keyboard.press('ArrowDown')
  await expect(page).not.toHaveURL(/bus\/meter/)
  await page.keyboard.press('Home')
  await expect(page).toHaveURL(/bus\/meter$/)
  await expect(grid.locator('.point[role=row]').first()).toBeVisible()
  await page.keyboard.press('/')
  await page.keyboard.type('frequ')
  await expect(grid.locator('.point[role=row]')).toHaveCount(1)
  await page.keyboard.press('Escape')
  await expect(page.getByLabel('Filter points')).toHaveValue('')
  await grid.focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowDown')
  const selected = grid.locator('[aria-selected=true]')
  await expect(selected).toHaveCount(1)
  await expect(grid).toHaveAttribute('aria-activedescendant', (await selected.getAttribute('id')) ?? 'none')
  await expect(page.getByRole('complementary', { name: 'Point' })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('complementary', { name: 'Point' })).toBeHidden()
})

test('shows addresses as hexadecimal or decimal, and remembers it', async ({ web }) => {
  await web.open('/bus/meter')
  const { page } = web
  const address = page.getByRole('grid').locator('.point[role=row] .address').first()
  await expect(address).toHaveText(/^0x[0-9A-F]{4}$/)
  await page.keyboard.press('h')
  await expect(address).toHaveText(/^\d+$/)
  await page.reload()
  await expect(address).toHaveText(/^\d+$/)
})

test('opens one point from its address: value, bytes and mapping agree with the wire', async ({ web }) => {
  await web.open('/bus/meter/frequencyHz')
  const { page } = web
  const panel = page.getByRole('complementary', { name: 'Point' })
  await expect(panel.locator('.big')).toHaveText(/^(49|50)\.\d\dHz$/)
  await expect(panel.getByText('Input register, FC04')).toBeVisible()
  const bytes = (await panel.locator('.words .mono').allTextContents()).map((byte) => Number.parseInt(byte, 16))
  const hertz = new DataView(Uint8Array.from(bytes).buffer).getFloat32(0)
  expect(Number.parseFloat((await panel.locator('.big b').textContent()) ?? '')).toBeCloseTo(hertz, 1)
  await expect(panel.getByRole('img', { name: /over the last 15 minutes/ }).locator('canvas')).toBeVisible()
})

test('keeps a stale value with its age, and shows a bad one as a dash with the reason', async ({ web }) => {
  await web.rewriteFrames((message) => {
    if (message.type !== 'device' || message.data.id !== 'meter') return message
    const points = message.data.points.map((point) => {
      if (point.name === 'frequencyHz' && point.reading)
        return { ...point, reading: { ...point.reading, quality: 'stale' as const, atMs: Date.now() - 41_000 } }
      if (point.name === 'voltageV.l1')
        return {
          ...point,
          reading: { quality: 'bad' as const, reason: 'illegal data address', value: 0, atMs: Date.now() },
        }
      return point
    })
    return { ...message, data: { ...message.data, points } }
  })
  await web.open('/bus/meter')
  const row = (title: string) => web.page.locator('.point[role=row]', { hasText: title })
  await expect(row('Frequency')).toContainText(/(49|50)\.\d\d.*4\d s.*Stale/)
  await expect(row('Voltage L1').first()).toContainText('—')
  await expect(row('Voltage L1').first()).toContainText('Illegal data address')
  await expect(row('Voltage L1').first().locator('.value')).toHaveText('—')
  await web.page.getByRole('button', { name: /Not good 2/ }).click()
  await expect(web.page.locator('.point[role=row]')).toHaveCount(2)
  await web.expectAccessible()
})

test('holds ten thousand points with few rows in the page', async ({ web }) => {
  await web.rewriteFrames((message) => {
    if (message.type !== 'device') return message
    const points = Array.from({ length: 10_000 }, (_, index) => ({
      name: `register${index}`,
      title: `Register ${index}`,
      unit: '',
      address: index,
      function: 'holding' as const,
      type: 'uint16',
      pollGroup: 'fast',
      reading: { value: index, quality: 'good' as const, atMs: Date.now(), raw: [index] },
    }))
    return { ...message, data: { ...message.data, points } }
  })
  await web.open('/bus/meter')
  const grid = web.page.getByRole('grid')
  await expect(grid).toHaveAttribute('aria-rowcount', '10002')
  await grid.focus()
  await web.page.keyboard.press('End')
  await expect(grid.locator('[aria-selected=true]')).toContainText('Register 9999')
  await expect(grid.locator('[aria-selected=true]')).toBeInViewport()
  expect(await grid.getByRole('row').count()).toBeLessThan(90)
})

test('says what to do about a device that is not on this site', async ({ web }) => {
  await web.open('/bus/nowhere')
  await expect(web.page.getByText('There is no device “nowhere” on this site.')).toBeVisible()
})
