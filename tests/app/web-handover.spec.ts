import { expect } from '@playwright/test'
import type { HandoverDraft } from '#contract/handover.ts'
import { test, themes, type Web } from './support/web.ts'

// One draft for all of them.
test.describe.configure({ mode: 'serial', timeout: 90_000 })

const draftOf = ({ service }: Web): Promise<HandoverDraft> => service.ask('GET', 'api/v1/handover/draft')
const shoot = ({ page }: Web, name: string) =>
  page.screenshot({ path: `tests/app/results/web/screens/handover-${name}.png` })
const address = ({ page }: Web) => page.getByLabel('Address of the site', { exact: true })
const saved = ({ page }: Web) => expect(page.getByRole('status').filter({ hasText: /^Saved$/ })).toBeVisible()

test('keeps what is typed, undoes it, and tells of somebody who was faster', async ({ web }) => {
  const { page, service } = web
  await web.open('/handover')
  await address(web).fill('Am Depot 1')
  await saved(web)
  expect((await draftOf(web)).address).toBe('Am Depot 1')
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(address(web)).toHaveValue('')
  await expect.poll(async () => (await draftOf(web)).address).toBe('')
  await address(web).fill('Am Depot 2')
  await expect.poll(async () => (await draftOf(web)).address).toBe('Am Depot 2')

  await service.ask('PUT', 'api/v1/handover/draft', { ...(await draftOf(web)), customer: 'Theirs' })
  await address(web).fill('Am Depot 3')
  await expect(page.getByText('Somebody else has changed the report.')).toBeVisible()
  await web.expectAccessible()
  expect((await draftOf(web)).address).toBe('Am Depot 2')
  await page.getByRole('button', { name: 'Keep mine' }).click()
  await expect.poll(async () => draftOf(web)).toMatchObject({ address: 'Am Depot 3', customer: '' })
  await service.ask('PUT', 'api/v1/handover/draft', { ...(await draftOf(web)), customer: 'Theirs again' })
  await address(web).fill('Am Depot 4')
  await page.getByRole('button', { name: 'Take theirs' }).click()
  await expect(address(web)).toHaveValue('Am Depot 3')
  await expect(page.getByLabel('Customer', { exact: true })).toHaveValue('Theirs again')
})

test('refuses a logo that is none, and shows the page with what was typed as text', async ({ web }) => {
  const { page } = web
  await web.open('/handover')
  const choose = (name: string, mimeType: string, buffer: Buffer) =>
    page.locator('input[type=file]').setInputFiles({ name, mimeType, buffer })
  await choose('logo.svg', 'image/svg+xml', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'))
  await expect(page.getByRole('alert')).toContainText('This is no PNG or JPEG')
  await choose('logo.png', 'image/png', Buffer.alloc(230_000))
  await expect(page.getByRole('alert')).toContainText('This is no PNG or JPEG')
  await choose('logo.png', 'image/png', Buffer.from('not a picture'))
  await expect(page.getByRole('alert')).toContainText('This is no PNG or JPEG')
  await choose('logo.png', 'image/png', await page.screenshot({ clip: { x: 0, y: 0, width: 300, height: 60 } }))
  await expect(page.getByRole('alert')).toHaveCount(0)
  await expect(page.getByRole('img', { name: 'Logo' })).toHaveAttribute('width', '160')
  await page.getByLabel('Customer', { exact: true }).fill('<img src=x onerror=alert(1)>')
  await page.getByLabel('Remarks').fill('First line\nSecond line')
  await saved(web)
  await page.getByLabel('Remarks').blur()
  await page.keyboard.press('p')
  const preview = page.getByRole('region', { name: 'Preview' })
  await expect(preview.getByText('<img src=x onerror=alert(1)>')).toBeVisible()
  await expect(preview.getByText('Not executed').first()).toBeVisible()
  await expect(preview.locator('canvas')).toHaveAttribute('width', '200')
  await expect(preview.getByRole('heading', { level: 1 })).toHaveCSS('font-size', '24px')
  await expect(preview.locator('header')).toHaveCSS('display', 'flex')
  await web.expectAccessible()
  await shoot(web, 'preview')
  await page.keyboard.press('p')
  await expect(address(web)).toBeVisible()
})

for (const [theme, language] of [...themes.map((name) => [name, 'en'] as const), ['light', 'de'] as const])
  test(`is accessible in the ${theme} theme, ${language}`, async ({ web }) => {
    const { page, service } = web
    const draft: HandoverDraft = {
      ...(await draftOf(web)),
      language,
      address: 'Am Depot 1, 20095 Hamburg',
      customer: 'Depot Nord GmbH',
      company: 'Elektro Okafor',
      people: [
        { role: 'Commissioning engineer', name: 'M. Okafor', company: 'Elektro Okafor' },
        { role: 'Operator', name: 'J. Lindqvist', company: 'Depot Nord GmbH' },
      ],
      openPoints: [{ text: 'Seal the meter', who: 'Grid operator' }],
    }
    await service.ask('PUT', 'api/v1/handover/draft', draft)
    await page.setViewportSize({ width: 1280, height: 720 })
    const preferences = JSON.stringify({ theme, language })
    await page.addInitScript((text) => localStorage.setItem('r-ems.preferences', text), preferences)
    await web.open('/handover')
    await expect(page.getByRole('textbox').nth(5)).toBeVisible()
    await expect(page.locator('main').getByRole('listitem').nth(10)).toBeVisible()
    await web.expectAccessible()
    await shoot(web, `${theme}-${language}`)
    await page.getByRole('button', { name: language === 'de' ? 'Unterschreiben' : 'Sign', exact: true }).click()
    await expect(page.getByRole('dialog').getByRole('checkbox').first()).toBeVisible()
    await web.expectAccessible()
    await shoot(web, `sign-${theme}-${language}`)
  })
