import { expect, type Page } from '@playwright/test'
import type { FirstContact, FoundEdge, KnownEdge } from '#contract/desktop.ts'
import { newSignInCode } from './support/service.ts'
import { test, themes, type Web } from './support/web.ts'

const fingerprint = Array.from({ length: 32 }, (_, index) => (index + 16).toString(16).toUpperCase()).join(':')
const id = '0b8f1e1e-8a54-4c0e-9a5d-0f2f3f1d8a01'
const address = 'https://edge-07.local:8443'
const found: FoundEdge = { name: 'Depot Nord', address, id }
const contact: FirstContact = {
  contactId: '5d0f6f8e-52b4-4a53-8f0a-3f7d7a1c9b02',
  address,
  edgeId: id,
  name: 'Depot Nord',
  caFingerprint: fingerprint,
  notAfterMs: Date.UTC(2027, 10, 21),
}
const paired: KnownEdge = { id, name: 'Depot Nord', address, caFingerprints: [fingerprint], token: 'stored' }

/**
 * The page as the desktop app shows it, at the real service. Its preload functions are played here; what is behind them
 * has tests of its own.
 */
async function asDesktop(web: Web, signInCode: string | undefined): Promise<Page> {
  const { page, service } = web
  await page.addInitScript(
    ({ url, code, played }) => {
      const list = (): KnownEdge[] => JSON.parse(sessionStorage.getItem('played') ?? '[]') as KnownEdge[]
      const save = (edges: KnownEdge[]): void => sessionStorage.setItem('played', JSON.stringify(edges))
      const desktop = {
        versions: { electron: '0', chrome: '0' },
        service: async () => ({ phase: 'running', url, signInCode: code, restarts: 0, logPath: '' }),
        onService: () => () => undefined,
        edges: {
          list: async () => list(),
          discover: async () => [played.found],
          addByAddress: async (text: string) =>
            text.startsWith(played.found.address)
              ? { ok: true, value: played.contact }
              : {
                  ok: false,
                  problem: { reason: 'unreachable', message: 'Nobody answers.', action: 'Check the address.' },
                },
          pair: async ({ code: given }: { code: string }) => {
            if (given !== 'ABCD-EFGH-JKMN')
              return {
                ok: false,
                problem: { reason: 'code-refused', message: 'The code is wrong.', action: 'Try again.' },
              }
            save([played.paired])
            return { ok: true, value: played.paired }
          },
          remove: async () => save([]),
          connect: async () => ({
            ok: false,
            problem: { reason: 'changed', message: 'This is not the edge that was paired.', action: 'Pair it again.' },
          }),
        },
      }
      Object.defineProperty(window, 'desktop', { value: desktop })
    },
    { url: service.url, code: signInCode, played: { found, contact, paired } },
  )
  return page
}

test('signs in with the code of the app, and stays signed in over a reload', async ({ web }) => {
  const page = await asDesktop(web, await newSignInCode(web.service.url))
  await page.goto(`${web.service.url}/#/site`)
  await expect(page.locator('main')).toHaveAttribute('data-live', 'true')
  await page.reload()
  await expect(page.locator('main')).toHaveAttribute('data-live', 'true')
})

for (const theme of themes)
  test(`finds an edge, compares its fingerprint, pairs with the code and forgets it (${theme})`, async ({ web }) => {
    const page = await asDesktop(web, await newSignInCode(web.service.url))
    await page.addInitScript((text) => localStorage.setItem('r-ems.preferences', text), JSON.stringify({ theme }))
    await page.goto(`${web.service.url}/#/access/connections`)
    await page.getByLabel('Add by address').fill('nowhere')
    await page.getByRole('button', { name: 'Contact' }).click()
    await expect(page.getByRole('alert')).toContainText('Nobody answers. Check the address.')
    await web.expectAccessible()
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByRole('button', { name: 'Pair with Depot Nord' }).click()
    const dialog = page.getByRole('dialog')
    await expect(dialog).toContainText(fingerprint)
    await web.expectAccessible()
    await page.screenshot({ path: `tests/app/results/web/screens/first-contact-${theme}.png` })
    await dialog.getByLabel('Pairing code').fill('AAAA-AAAA-AAAA')
    await dialog.getByRole('button', { name: 'They are equal: pair' }).click()
    await expect(dialog.getByRole('alert')).toContainText('The code is wrong.')
    await dialog.getByLabel('Pairing code').fill('ABCD-EFGH-JKMN')
    await dialog.getByRole('button', { name: 'They are equal: pair' }).click()
    await expect(dialog).toBeHidden()
    const row = page.getByRole('row', { name: 'Depot Nord' })
    await expect(row).toContainText(fingerprint)
    await row.getByRole('button', { name: 'Connect' }).click()
    await expect(page.getByRole('alert')).toContainText('This is not the edge that was paired. Pair it again.')
    await page.screenshot({ path: `tests/app/results/web/screens/connections-${theme}.png` })
    await web.expectAccessible()
    await row.getByRole('button', { name: 'Remove' }).click()
    await dialog.getByRole('button', { name: 'Remove' }).click()
    await expect(dialog).toBeHidden()
    // Forgotten, it is one of those that announce themselves again.
    await expect(page.getByRole('button', { name: 'Connect to Depot Nord' })).toHaveCount(0)
    await expect(page.getByRole('button', { name: 'Pair with Depot Nord' })).toBeVisible()
  })
