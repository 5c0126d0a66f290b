import { expect, type Page } from '@playwright/test'
import { newSignInCode, signIn, startService } from './support/service.ts'
import { test, themes, type Web } from './support/web.ts'

const password = 'lantern orbit velvet cactus'
let made = 0

/** A user of the test's own. */
async function addUser({ service }: Web, role: string): Promise<string> {
  const name = `${role}-${process.pid}-${(made += 1)}`
  await service.ask('POST', 'api/v1/users', { name, role, password })
  return name
}

async function fillSignIn(page: Page, name: string, secret = password): Promise<void> {
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password').fill(secret)
  await page.keyboard.press('Enter')
}

const isLive = (page: Page) => expect(page.locator('main')).toHaveAttribute('data-live', 'true')

test('asks who it is, with fields that a password manager knows, and says what is wrong', async ({ web }) => {
  const { page } = web
  await page.goto(`${web.service.url}/#/log`)
  const name = page.getByLabel('Name')
  await expect(name).toBeFocused()
  await expect(name).toHaveAttribute('autocomplete', 'username')
  await expect(page.getByLabel('Password')).toHaveAttribute('autocomplete', 'current-password')
  await expect(page.getByRole('navigation')).toHaveCount(0)
  await fillSignIn(page, 'nobody', 'not the right one')
  await expect(page.getByRole('alert')).toContainText('The name or the password is wrong.')
  await expect(page.getByLabel('Password')).toBeFocused()
  await expect(page.getByLabel('Password')).toHaveValue('')
})

test('signs in with the keyboard alone, back to where one was, and out again', async ({ web }) => {
  const { page } = web
  const user = await addUser(web, 'viewer')
  await page.goto(`${web.service.url}/#/bus/meter`)
  await expect(page.getByLabel('Name')).toBeFocused()
  await page.keyboard.type(user)
  await page.keyboard.press('Tab')
  await page.keyboard.type(password)
  await page.keyboard.press('Enter')
  await isLive(page)
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Grid meter')
  await page.getByRole('button', { name: `Signed in as ${user} Viewer` }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await page.reload()
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
})

test('signs in with a link once, and says so when it is used again', async ({ web }) => {
  const { page, service } = web
  const link = `${service.url}/#/sign-in?code=${await newSignInCode(service.url)}`
  await page.goto(link)
  await isLive(page)
  await expect(page).toHaveURL(`${service.url}/#/site`)
  await page.context().clearCookies()
  await page.goto('about:blank')
  await page.goto(link)
  await expect(page.getByRole('alert')).toContainText('This sign-in code is wrong, was used or has expired.')
  await expect(page).toHaveURL(`${service.url}/#/site`)
  await page.goto(`${service.url}/#/sign-in?code=${await newSignInCode(service.url)}`)
  await isLive(page)
  await expect(page).toHaveURL(`${service.url}/#/site`)
})

test('shows the sign-in when the session is ended from elsewhere', async ({ web }) => {
  const { page, service } = web
  const user = await addUser(web, 'viewer')
  await page.goto(`${service.url}/#/log`)
  await fillSignIn(page, user)
  await isLive(page)
  const { sessions } = await service.ask<{ sessions: { id: string; principal: { name: string } }[] }>(
    'GET',
    'api/v1/sessions',
  )
  const own = sessions.find(({ principal }) => principal.name === user)
  await service.ask('DELETE', `api/v1/sessions/${own?.id}`)
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible({ timeout: 25_000 })
  await fillSignIn(page, user)
  await isLive(page)
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Log')
})

test('makes the first admin with the pairing code', async ({ web }) => {
  const { page } = web
  await using fresh = await startService()
  const { code } = await fresh.ask<{ code: string }>('POST', 'api/v1/pair/window', {})
  await page.goto(`${fresh.url}/#/access/users`)
  await expect(page.getByRole('heading', { name: 'Pair with this edge' })).toBeVisible()
  await web.expectAccessible()
  await page.screenshot({ path: 'tests/app/results/web/screens/pair.png' })
  await page.getByLabel('Pairing code').fill('0000-0000-0000')
  await page.getByLabel('Your user name').fill('anna')
  await page.getByLabel('New password').fill('aaaaaaaaaaaaaaa')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('alert')).toBeVisible()
  await page.getByLabel('Pairing code').fill(code.toLowerCase())
  await page.getByLabel('New password').fill(password)
  await page.keyboard.press('Enter')
  await isLive(page)
  await expect(page.getByRole('row', { name: 'anna' })).toContainText('Admin')
})

test('adds a user, changes the role and the password, and removes the account', async ({ web }) => {
  const { page } = web
  await web.open('/access/users')
  const user = `m.okafor-${process.pid}`
  await page.getByRole('button', { name: 'Add user' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill(user)
  await dialog.getByLabel('New password').fill('password1234')
  await dialog.getByRole('button', { name: 'Add' }).click()
  await expect(dialog.getByRole('alert')).toContainText('one of the commonest passwords')
  await web.expectAccessible()
  await dialog.getByLabel('New password').fill(password)
  await dialog.getByLabel('Operator').check()
  await dialog.getByRole('button', { name: 'Add' }).click()
  await expect(dialog).toBeHidden()
  const row = page.getByRole('row', { name: user })
  await expect(row).toContainText('Operator')
  await row.getByRole('button', { name: 'Change the role' }).click()
  await dialog.getByLabel('Installer').check()
  await dialog.getByRole('button', { name: 'Change role' }).click()
  await expect(dialog).toBeHidden()
  await expect(row).toContainText('Installer')
  await row.getByRole('button', { name: 'Set a new password' }).click()
  await dialog.getByLabel('New password').fill(`${password} again`)
  await dialog.getByRole('button', { name: 'Set password' }).click()
  await expect(dialog).toBeHidden()
  await row.getByRole('button', { name: 'Remove' }).click()
  await dialog.getByRole('button', { name: 'Remove' }).click()
  await expect(dialog).toBeHidden()
  await expect(row).toBeHidden()
})

test('makes a token whose secret is shown once and works, and revokes it', async ({ web }) => {
  const { page, service } = web
  await web.open('/access/tokens')
  const purpose = `report ${process.pid}`
  await page.getByRole('button', { name: 'New token' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Purpose').fill(purpose)
  await dialog.getByLabel('Valid for days').fill('7')
  await dialog.getByRole('button', { name: 'Make token' }).click()
  const secret = await dialog.getByLabel('Token', { exact: true }).inputValue()
  await web.expectAccessible()
  await page.screenshot({ path: 'tests/app/results/web/screens/token.png' })
  const authorization = `Bearer ${secret}`
  expect((await fetch(`${service.url}/api/v1/session`, { headers: { authorization } })).status).toBe(200)
  await dialog.getByRole('button', { name: 'I have kept it' }).click()
  await expect(dialog).toBeHidden()
  expect(await page.content()).not.toContain(secret)
  await page.reload()
  const row = page.getByRole('row', { name: purpose })
  await expect(row).toContainText(/ago/)
  await row.getByRole('button', { name: 'Revoke' }).click()
  await dialog.getByRole('button', { name: 'Revoke' }).click()
  await expect(dialog).toBeHidden()
  await expect(row).toBeHidden()
  expect((await fetch(`${service.url}/api/v1/session`, { headers: { authorization } })).status).toBe(401)
})

test('shows the own sessions and ends another one, and changes the own password', async ({ web, browser }) => {
  const { page, service } = web
  const user = await addUser(web, 'operator')
  const elsewhere = await (await browser.newContext()).newPage()
  for (const one of [elsewhere, page]) {
    await one.goto(`${service.url}/#/access`)
    await fillSignIn(one, user)
    await isLive(one)
  }
  await expect(page.getByRole('row', { name: 'this window' })).toContainText('Chrome')
  await page.getByRole('button', { name: `Sign out this session of ${user}` }).click()
  await expect(page.getByRole('button', { name: `Sign out this session of ${user}` })).toBeHidden()
  await elsewhere.reload()
  await expect(elsewhere.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await elsewhere.context().close()
  await page.getByRole('button', { name: 'Change password' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Current password').fill('not the right one')
  await dialog.getByLabel('New password').fill(`${password} again`)
  await dialog.getByRole('button', { name: 'Change password' }).click()
  await expect(dialog.getByRole('alert')).toContainText('The current password is wrong.')
  await web.expectAccessible()
  await dialog.getByLabel('Current password').fill(password)
  await dialog.getByRole('button', { name: 'Change password' }).click()
  await expect(dialog).toBeHidden()
  await isLive(page)
})

test('shows what a viewer may not do, and who may', async ({ web }) => {
  const { page, service } = web
  const user = await addUser(web, 'viewer')
  await page.goto(`${service.url}/#/access/users`)
  await fillSignIn(page, user)
  for (const tab of ['Users', 'API tokens']) {
    await page.getByRole('link', { name: tab }).click()
    await expect(page.getByText('Only somebody with the role Admin may see and change this.')).toBeVisible()
    await expect(page.getByText(`You are signed in as ${user} with the role Viewer.`)).toBeVisible()
    await expect(page.getByRole('button', { name: /Add user|New token|Open pairing/ })).toHaveCount(0)
  }
})

for (const theme of themes)
  test(`lists the certificates of a service on the network, and until when they are valid (${theme})`, async ({
    web,
  }) => {
    const { page } = web
    await using secure = await startService(0, ['--listen', '127.0.0.1:0'])
    const { caFingerprint } = await secure.ask<{ caFingerprint: string }>('GET', 'api/v1/trust')
    await page.addInitScript((text) => localStorage.setItem('r-ems.preferences', text), JSON.stringify({ theme }))
    await signIn(page, secure.url)
    await page.goto(`${secure.url}/#/access/certificates`)
    const root = page.getByRole('row', { name: 'Root CA' })
    await expect(root).toContainText(caFingerprint)
    await expect(root).toContainText(/20\d\d-\d\d-\d\d/)
    await expect(page.getByRole('row', { name: 'This device' })).toContainText('127.0.0.1')
    await web.expectAccessible()
    await page.screenshot({ path: `tests/app/results/web/screens/certificates-${theme}.png` })
  })

for (const theme of themes)
  test(`sign-in and the parts of access are accessible, nothing cut off (${theme})`, async ({ web }) => {
    const { page } = web
    await addUser(web, 'installer')
    await web.service.ask('POST', 'api/v1/tokens', { purpose: `Monthly report ${theme}`, role: 'viewer' })
    const views = [
      ['sessions', /this window/],
      ['users', /installer-/],
      ['tokens', /Monthly report/],
      ['certificates', /--listen/],
    ] as const
    for (const [tab, ready] of views) {
      await web.open(`/access/${tab}`, theme)
      await expect(page.getByText(ready).first()).toBeVisible()
      await web.expectAccessible()
      for (const width of [1440, 900]) {
        await page.setViewportSize({ width, height: 800 })
        const overflow = await page.evaluate(() => {
          const content = document.querySelector('.content')!
          return content.scrollWidth - content.clientWidth
        })
        expect(overflow, `${tab} at ${width}`).toBe(0)
        await page.screenshot({ path: `tests/app/results/web/screens/access-${tab}-${theme}-${width}.png` })
      }
    }
    await page.context().clearCookies()
    await page.setViewportSize({ width: 768, height: 1024 })
    await page.reload()
    await expect(page.getByLabel('Name')).toBeFocused()
    await web.expectAccessible()
    await page.screenshot({ path: `tests/app/results/web/screens/sign-in-${theme}.png` })
  })
