import { expect as impatient, type Locator, type Page } from '@playwright/test'
import { mapDocument } from '#contract/map-editor.ts'
import { test, themes, type Web } from './support/web.ts'

// Each of them types, and waits for the next values of a device several times.
test.describe.configure({ timeout: 180_000 })
const expect = impatient.configure({ timeout: 30_000 })

const meter = 'api/v1/workbench/maps/eastron/sdm630'
const editorOf = (page: Page): Locator => page.getByRole('textbox', { name: 'Map editor' })

/** The value beside a line, by what the line says. */
async function valueBeside(page: Page, point: string): Promise<string> {
  const line = page.locator('.cm-line', { hasText: new RegExp(`^\\s*${point.replace('.', '\\.')}:`) })
  const box = await line.boundingBox()
  if (!box) return ''
  const value = await page.locator('.map-value').evaluateAll(
    (all, y) =>
      all.flatMap((one) => {
        const { top, bottom } = one.getBoundingClientRect()
        return top <= y && bottom >= y ? [one.querySelector('.number')?.textContent ?? ''] : []
      })[0] ?? '',
    box.y + 8,
  )
  return value
}

/** Puts the cursor behind a text of the editor. */
async function cursorBehind(page: Page, words: string): Promise<void> {
  await editorOf(page).focus()
  await page.keyboard.press('Control+F')
  const field = page.getByRole('textbox', { name: 'Find' })
  await field.fill('')
  await field.pressSequentially(words)
  await field.press('Enter')
  await field.press('Escape')
  await page.keyboard.press('ArrowRight')
}

/** Back to what came with R-EMS, whatever a test has left. */
async function restore({ service }: Web): Promise<void> {
  const { revision, state } = mapDocument.parse(await service.ask('GET', meter))
  if (state !== 'shipped') await service.ask('DELETE', `${meter}?base=${revision}`)
}
test.beforeEach(({ web }) => restore(web))
test.afterEach(({ web }) => restore(web))

test('edits a map beside its live values, cures an error by key, and saves it into use', async ({ web }) => {
  const { page, service } = web
  await service.ask('PUT', 'api/v1/control', { enabled: false, dryRun: false, reason: 'maps are edited' })
  await web.open('/maps/eastron/sdm630')
  const voltage = (): Promise<number> => valueBeside(page, 'voltageV.l1').then(Number)
  await expect.poll(voltage).toBeGreaterThan(200)

  // The value changes on the very same line, from the bytes that are there, before anything is saved.
  await cursorBehind(page, 'voltageV.l1: { address: 0')
  await page.keyboard.type(', scale: 0.1')
  await expect.poll(voltage).toBeLessThan(30)
  expect(await voltage()).toBeGreaterThan(20)
  const panel = page.getByRole('complementary', { name: 'About this map' })
  await expect(panel).toContainText('voltageV.l1.scale')
  await expect(panel.getByRole('heading', { name: /^Line \d+, voltageV\.l1/ })).toBeVisible()
  await expect(page.getByText('Not saved yet')).toBeVisible()

  // Another order of the bytes by key, and back by undo.
  await page.keyboard.press('Alt+ArrowDown')
  await expect(editorOf(page)).toContainText('scale: 0.1, pollGroup: fast, confidence: cited, wordOrder: little }')
  await expect.poll(() => valueBeside(page, 'voltageV.l1')).not.toMatch(/^2\d/)
  await page.keyboard.press('Control+Z')
  await expect.poll(voltage).toBeGreaterThan(20)

  // An error: the last good values stay, the row names the cure, one key applies it.
  await cursorBehind(page, 'voltageV.l2: { addres')
  await page.keyboard.press('Backspace')
  await expect(page.getByText(/Unknown key "addres?s"; did you mean "address"\?/)).toBeVisible()
  await expect(page.getByText('1 error')).toBeVisible()
  expect(await voltage()).toBeGreaterThan(20)
  await page.screenshot({ path: 'tests/app/results/web/screens/maps-problem.png' })
  await web.expectAccessible()
  await page.keyboard.press('Control+S')
  await expect(page.getByText('Draft: devices keep the last good map')).toBeVisible()
  await page.keyboard.press('F8')
  await page.keyboard.press('Control+.')
  await expect(page.getByText(/did you mean "address"/)).toBeHidden()

  // Saved: the devices use it at once, because control is off.
  await page.keyboard.press('Control+S')
  await expect(page.getByText('In use', { exact: true })).toBeVisible()
  await expect(page.getByRole('button', { name: /^Eastron SDM630/ })).toContainText('edited')
  await expect.poll(async () => mapDocument.parse(await service.ask('GET', meter)).text).toContain('scale: 0.1')

  // Line by line, then back to what was shipped; under control that is staged.
  await page.keyboard.press('Control+D')
  const difference = page.getByRole('dialog', { name: 'Difference to the shipped map' })
  await expect(difference.getByRole('row')).toHaveCount(10)
  await page.keyboard.press('Escape')
  await service.ask('PUT', 'api/v1/control', { enabled: true, dryRun: false, reason: 'the test goes on' })
  await panel.getByRole('button', { name: 'Back to shipped' }).click()
  await page.keyboard.press('Control+S')
  await expect(page.getByText('Staged until control is enabled again')).toBeVisible()
  await page.screenshot({ path: 'tests/app/results/web/screens/maps-staged.png' })
  await service.ask('PUT', 'api/v1/control', { enabled: true, dryRun: false, reason: 'confirmed' })

  // What was replaced is kept, and comes back into the editor.
  await page.getByRole('button', { name: 'Earlier texts' }).click()
  await page.getByRole('menuitem').first().click()
  await page
    .getByRole('dialog', { name: /^Text until/ })
    .getByRole('button', { name: 'Put it into the editor' })
    .click()
  await expect(editorOf(page)).toContainText('scale: 0.1')
})

test('two people edit one map: the second is told, and keeps what was typed', async ({ web }) => {
  const { page, service } = web
  await web.open('/maps/eastron/sdm630')
  await cursorBehind(page, 'frequencyHz: { address: 70')
  await page.keyboard.type(', note: mine')
  const { text, revision } = mapDocument.parse(await service.ask('GET', meter))
  await service.ask('PUT', meter, {
    text: text.replace('address: 60 }', 'address: 60, note: theirs }'),
    base: revision,
  })
  await page.keyboard.press('Control+S')
  await expect(page.getByText('Somebody else has saved this map meanwhile.')).toBeVisible()
  await page.getByRole('button', { name: 'Compare' }).click()
  await expect(page.getByRole('dialog', { name: 'Theirs and yours' })).toContainText('note: theirs')
  await page.keyboard.press('Escape')

  // A crash now: the text is back, and so is the conflict.
  await page.reload()
  await expect(editorOf(page)).toContainText('note: mine')
  await expect(page.getByText('Somebody else has saved this map meanwhile.')).toBeVisible()
  await page.getByRole('button', { name: 'Take theirs' }).click()
  await expect(editorOf(page)).toContainText('note: theirs')
  await editorOf(page).focus()
  await page.keyboard.press('Control+Z')
  await expect(editorOf(page)).toContainText('note: mine')
  await page.keyboard.press('Control+S')
  await expect(page.getByText('Not saved yet')).toBeHidden()
  expect(mapDocument.parse(await service.ask('GET', meter)).text).toContain('note: mine')
})

test('imports a table, shows what it reads now, and runs nothing of it', async ({ web }) => {
  const { page } = web
  await web.open('/maps')
  await page.getByRole('button', { name: 'Import' }).click()
  const dialog = page.getByRole('dialog', { name: 'Import a map' })
  const rows = [
    'address\tname\ttype\tfunction\tunit\tnote',
    '0\tvoltage L1 <img src=x onerror=alert(1)>\tfloat32\tinput\tV\t<script>alert(1)</script>',
  ]
  await dialog.getByLabel('Or paste a table').fill(rows.join('\n'))
  await dialog.getByLabel('Or paste a table').blur()
  await expect(dialog.getByText('1 point found')).toBeVisible()
  await dialog.getByLabel('Maker').fill('<b>Evil</b>')
  await dialog.getByLabel('Model').fill('M-1')
  await page.screenshot({ path: 'tests/app/results/web/screens/maps-import.png' })
  await web.expectAccessible()
  await dialog.getByRole('button', { name: 'Open in the editor' }).click()
  await expect(page.getByText('pointmaps/b-evil-b/m-1.yaml')).toBeVisible()
  await expect(editorOf(page)).toContainText('address: 0')
  // Before it is saved, any device of the site can be held against it.
  await page.getByLabel('Live from').selectOption('Grid meter')
  await expect.poll(() => page.locator('.map-value .number').first().textContent()).toMatch(/^2\d\d\.\d$/)
  expect(await page.locator('.map-problem').count()).toBe(0)
})

test('a register becomes a point of the map of its unit with one key', async ({ web }) => {
  const { page } = web
  await web.open('/registers')
  await page.getByRole('combobox', { name: 'Unit', exact: true }).selectOption({ label: 'Grid meter' })
  await page.getByRole('button', { name: /^Watch \d+/ }).click()
  const grid = page.getByRole('grid')
  await expect(page.getByRole('row', { name: /Voltage L1/ }).first()).toContainText(/2\d\d\.\d+ V/)
  await grid.focus()
  await page.keyboard.press('Home')
  await expect(page.getByRole('complementary', { name: 'The chosen register' })).toContainText('Serial')
  await page.keyboard.press('b')
  await expect(page.getByRole('heading', { level: 1, name: 'Eastron SDM630' })).toBeVisible()
  await expect(page.getByRole('heading', { name: /^Line \d+, serial/ })).toBeVisible()
})

test('a text of 100,000 characters stays usable', async ({ web }) => {
  const { page, service } = web
  const points = Array.from(
    { length: 1200 },
    (_, index) => `  vendor.thing${index}: { address: ${index}, type: uint16, note: number ${index} of many points }\n`,
  )
  const text = `format: 1\nmaker: Test\nmodel: Large\nkind: meter\ndefaults: { function: input }\npoints:\n${points.join('')}`
  expect(text.length).toBeGreaterThan(80_000)
  await service.ask('PUT', 'api/v1/workbench/maps/test/large', { text, base: '' })
  await web.open('/maps/test/large')
  await expect(page.getByText('All 1200 points')).toBeVisible()
  await cursorBehind(page, 'vendor.thing1100: { addres')
  await page.keyboard.press('Backspace')
  await expect(page.getByText('1 error')).toBeVisible()
  await page.keyboard.press('Control+.')
  await expect(page.getByText('1 error')).toBeHidden()
  // Only what is seen is drawn.
  expect(await page.locator('.cm-line').count()).toBeLessThan(120)
  const { revision } = mapDocument.parse(await service.ask('GET', 'api/v1/workbench/maps/test/large'))
  await service.ask('DELETE', `api/v1/workbench/maps/test/large?base=${revision}`)
})

for (const theme of themes)
  test(`point maps in the ${theme} theme: accessible, nothing cut off`, async ({ web }) => {
    const { page } = web
    await web.open('/maps', theme)
    await expect(page.getByRole('heading', { level: 1, name: 'Eastron SDM630' })).toBeVisible()
    await expect(editorOf(page)).toContainText('powerW:')
    await expect(page.locator('.map-value .number').first()).toHaveText(/\d/)
    await expect(page.getByRole('region', { name: 'Request plan' })).toContainText('ms')
    await page.screenshot({ path: `tests/app/results/web/screens/maps-${theme}.png` })
    await web.expectAccessible()
    await page.setViewportSize({ width: 1280, height: 720 })
    await expect(page.getByRole('button', { name: 'Save Ctrl S' })).toBeInViewport()
    await page.screenshot({ path: `tests/app/results/web/screens/maps-${theme}-small.png` })
  })

test('in German, with the list and the panel as wide as its words', async ({ web }) => {
  const { page } = web
  await page.addInitScript(() =>
    localStorage.setItem('r-ems.preferences', JSON.stringify({ language: 'de', theme: 'light' })),
  )
  await web.open('/maps')
  await expect(page.getByRole('textbox', { name: 'Karteneditor' })).toContainText('powerW:')
  await expect(page.getByRole('heading', { name: 'Warum wir es glauben' })).toBeVisible()
  await page.screenshot({ path: 'tests/app/results/web/screens/maps-de.png' })
  await page.getByRole('button', { name: 'Neue Karte' }).click()
  await expect(page.getByRole('dialog', { name: 'Neue Karte' })).toBeVisible()
  await web.expectAccessible()
  await page.screenshot({ path: 'tests/app/results/web/screens/maps-de-new.png' })
})
