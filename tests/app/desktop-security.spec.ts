import { expect, type Page } from '@playwright/test'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { parse } from 'yaml'
import { projectFolder, test, type DesktopApp } from './support/desktop.ts'

/** The twenty items of Electron's security checklist, in its order, on the running app. */

const idle = join(import.meta.dirname, 'support/service-that-idles.mjs')
const mainBundle = () => readFileSync(join(projectFolder, 'out/main/index.cjs'), 'utf8')

let desktop: DesktopApp
let other: Server | undefined
let otherUrl: string
let otherRequests: string[]

test.beforeEach(async ({ launch, appFolder }) => {
  otherRequests = []
  const server = createServer((request, response) => {
    otherRequests.push(request.url ?? '')
    response.end('another program on this machine')
  })
  other = server
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  otherUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  desktop = await launch(appFolder(idle))
})
test.afterEach(() => {
  other?.close()
})

const preferences = (): Promise<Record<string, unknown>> =>
  desktop.app.evaluate(({ BrowserWindow }) => {
    const [window] = BrowserWindow.getAllWindows()
    // Not part of the typed interface: what the window really got.
    const contents = window?.webContents as unknown as { getLastWebPreferences(): Record<string, unknown> }
    return contents.getLastWebPreferences()
  })

/** Runs something that the policy must refuse and gives the directive that refused it. */
const violation = (page: Page, provoke: string): Promise<string> =>
  page.evaluate(
    (script) =>
      new Promise<string>((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), {
          once: true,
        })
        const element = document.createElement('template')
        element.innerHTML = script
        document.body.append(element.content)
      }),
    provoke,
  )

test('1: loads only its own content and talks only to this machine', async () => {
  const { page } = desktop
  const seen: string[] = []
  page.on('request', (request) => seen.push(request.url()))
  await page.reload()
  await page.waitForLoadState('load')
  expect(seen.length).toBeGreaterThan(1)
  expect(seen.filter((url) => !/^(app:\/\/r-ems\/|http:\/\/127\.0\.0\.1:\d+\/)/.test(url))).toEqual([])
  const refused = await page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), {
          once: true,
        })
        fetch('http://198.51.100.1/').catch(() => undefined)
      }),
  )
  expect(refused).toBe('connect-src')
  // An edge that is not connected is refused before a connection is made.
  const blocked = page.waitForEvent('requestfailed', (request) => request.url() === 'https://198.51.100.1/')
  const answered = await page.evaluate(() =>
    fetch('https://198.51.100.1/', { signal: AbortSignal.timeout(2_000) }).then(
      () => 'answered',
      (error: Error) => error.name,
    ),
  )
  expect(answered).toBe('TypeError')
  expect((await blocked).failure()?.errorText).toBe('net::ERR_BLOCKED_BY_CLIENT')
})

test('2: gives the page no Node.js', async () => {
  const found = await desktop.page.evaluate(() =>
    ['require', 'process', 'module', 'Buffer', 'global', '__dirname', 'electron'].filter((name) => name in globalThis),
  )
  expect(found).toEqual([])
  expect(await preferences()).toMatchObject({ nodeIntegration: false })
})

test('3: keeps the preload script in a world of its own', async () => {
  expect(await preferences()).toMatchObject({ contextIsolation: true })
  // What the preload script gives is made anew in the page's world: none of its own objects, and so no way back, come over.
  const realms = await desktop.page.evaluate(() => ({
    object: Object.getPrototypeOf(window.desktop) === Object.prototype,
    call: Object.getPrototypeOf(window.desktop?.service) === Function.prototype,
    answer: window.desktop?.service() instanceof Promise,
  }))
  expect(realms).toEqual({ object: true, call: true, answer: true })
})

test('4: runs the page in the sandbox', async () => {
  expect(await preferences()).toMatchObject({ sandbox: true })
})

test('5: grants no permission', async () => {
  const { page } = desktop
  const answers = await page.evaluate(async () => {
    const names = ['geolocation', 'notifications', 'camera', 'microphone', 'midi', 'clipboard-read'] as PermissionName[]
    const states = await Promise.all(names.map(async (name) => (await navigator.permissions.query({ name })).state))
    const position = await new Promise<string>((resolve) =>
      navigator.geolocation.getCurrentPosition(
        () => resolve('granted'),
        (error) => resolve(error.code === error.PERMISSION_DENIED ? 'denied' : 'failed'),
      ),
    )
    return { states, position, notification: await Notification.requestPermission() }
  })
  expect(new Set(answers.states)).toEqual(new Set(['denied']))
  expect(answers).toMatchObject({ position: 'denied', notification: 'denied' })
})

test('6: keeps the same-origin policy', async () => {
  expect(await preferences()).toMatchObject({ webSecurity: true })
  const read = await desktop.page.evaluate(
    (url) =>
      fetch(url).then(
        (response) => response.text(),
        () => 'refused',
      ),
    otherUrl,
  )
  expect(read).toBe('refused')
})

test('7: has a policy that stops foreign and inline content', async () => {
  const { app, page } = desktop
  const policy = await app.evaluate(async ({ net }) =>
    (await net.fetch('app://r-ems/')).headers.get('content-security-policy'),
  )
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toContain('unsafe')
  expect(await violation(page, '<img src="x.png" onerror="globalThis.owned = true">')).toBe('script-src-attr')
  expect(await violation(page, '<img src="https://198.51.100.1/x.png">')).toBe('img-src')
  expect(await violation(page, `<iframe src="${otherUrl}"></iframe>`)).toBe('frame-src')
  expect(await page.evaluate(() => 'owned' in globalThis)).toBe(false)
  // Later, because the policy does not hold for what a debugger runs itself.
  const evaluated = await page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        setTimeout(() => {
          try {
            resolve(typeof Reflect.construct(Function, ['return 1']))
          } catch (error) {
            resolve((error as Error).name)
          }
        })
      }),
  )
  expect(evaluated).toBe('EvalError')
})

test('8, 9, 10: switches no insecure or experimental feature on', async () => {
  expect(await preferences()).toMatchObject({ allowRunningInsecureContent: false, experimentalFeatures: false })
  expect((await preferences())['enableBlinkFeatures'] ?? '').toBe('')
  const switches = await desktop.app.evaluate(({ app }) =>
    [
      'allow-running-insecure-content',
      'enable-blink-features',
      'enable-experimental-web-platform-features',
      'disable-web-security',
    ].filter((name) => app.commandLine.hasSwitch(name)),
  )
  expect(switches).toEqual([])
})

test('11: has no webview, so none that allows pop-ups', async () => {
  expect(await preferences()).toMatchObject({ webviewTag: false })
  const isPlain = await desktop.page.evaluate(() => !('loadURL' in document.createElement('webview')))
  expect(isPlain).toBe(true)
  for (const file of readdirSync(join(projectFolder, 'out/renderer/assets')).filter((name) => name.endsWith('.js')))
    expect(readFileSync(join(projectFolder, 'out/renderer/assets', file), 'utf8')).not.toContain('allowpopups')
})

test('12: attaches no webview even where one could be made', async () => {
  const prevented = await desktop.app.evaluate(async ({ BrowserWindow }) => {
    const window = new BrowserWindow({ show: false, webPreferences: { webviewTag: true } })
    const asked = new Promise<boolean>((resolve) =>
      window.webContents.on('will-attach-webview', (event) => resolve(event.defaultPrevented)),
    )
    await window.loadURL('data:text/html,<webview src="data:text/html,inside"></webview>')
    const answer = await asked
    window.destroy()
    return answer
  })
  expect(prevented).toBe(true)
})

test('13: stays on its own page', async () => {
  const { app, page } = desktop
  await app.evaluate(({ BrowserWindow }) => {
    const tried: string[] = []
    Object.assign(globalThis, { tried })
    const [window] = BrowserWindow.getAllWindows()
    window?.webContents.on('will-frame-navigate', (event) => {
      tried.push(`${new URL(event.url).protocol} ${event.defaultPrevented ? 'prevented' : 'allowed'}`)
    })
  })
  const tried = () => app.evaluate(() => (globalThis as unknown as { tried: string[] }).tried)
  const leave = (target: string) =>
    page.evaluate((url) => {
      setTimeout(() => location.assign(url))
    }, target)
  await leave('https://198.51.100.1/')
  await expect.poll(tried).toEqual(['https: prevented'])
  await leave(otherUrl)
  await expect.poll(tried).toEqual(['https: prevented', 'http: prevented'])
  // A file is refused by Chromium itself, before the app is asked.
  const refusal = page.waitForEvent('console', (message) => message.text().includes('file:///etc/passwd'))
  await leave('file:///etc/passwd')
  await refusal
  expect(page.url()).toMatch(/^app:\/\/r-ems\/#/)
  expect(otherRequests).toEqual([])
})

test('14, 15: opens no window and hands no address to the system', async () => {
  const { app, page } = desktop
  await app.evaluate(({ shell }) => {
    const calls: string[] = []
    Object.assign(globalThis, { openedOutside: calls })
    shell.openExternal = async (url) => {
      calls.push(url)
    }
  })
  const opened = await page.evaluate(
    (urls) => urls.map((url) => window.open(url, '_blank') !== null),
    [otherUrl, 'app://r-ems/', 'mailto:someone@example.com', 'javascript:1', 'smb://198.51.100.1/share'],
  )
  expect(opened).toEqual([false, false, false, false, false])
  const left = await app.evaluate(({ BrowserWindow }) => ({
    windows: BrowserWindow.getAllWindows().length,
    outside: (globalThis as unknown as { openedOutside: string[] }).openedOutside,
  }))
  expect(left).toEqual({ windows: 1, outside: [] })
  expect(otherRequests).toEqual([])
  expect(mainBundle()).not.toContain('openExternal')
})

test('16: pins one Electron, of a version with the known fixes', () => {
  const manifest = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  // Exact, and above 41.0.0, which fixed the last advisories about origins and messages known here.
  const pinned = /^(\d+)\.\d+\.\d+$/.exec(manifest.devDependencies['electron'] ?? '')
  expect(Number(pinned?.[1])).toBeGreaterThanOrEqual(45)
})

test('17: answers only its own page', async () => {
  const answer = await desktop.app.evaluate(async ({ app, BrowserWindow }) => {
    const preload = `${app.getAppPath()}/out/preload/index.cjs`
    const window = new BrowserWindow({
      show: false,
      webPreferences: { preload, sandbox: true, contextIsolation: true },
    })
    await window.loadURL('data:text/html,a stranger')
    const said: unknown = await window.webContents.executeJavaScript(
      'desktop.service().then(() => "answered", (error) => String(error))',
    )
    window.destroy()
    return said
  })
  expect(answer).toContain('refused')
  expect(await desktop.service()).toMatchObject({ logPath: expect.any(String) })
})

test('18: comes from its own scheme, not from files', async () => {
  expect(desktop.page.url()).toMatch(/^app:\/\/r-ems\//)
  expect(await desktop.page.evaluate(() => location.origin)).toBe('app://r-ems')
  expect(mainBundle()).not.toMatch(/loadFile|file:\/\//)
})

test('19: declares the fuses of the packaged program', () => {
  const packaging = parse(readFileSync(join(projectFolder, 'build/electron-builder.yml'), 'utf8')) as {
    electronFuses: Record<string, boolean>
  }
  expect(packaging.electronFuses).toEqual({
    runAsNode: false,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    enableEmbeddedAsarIntegrityValidation: true,
    onlyLoadAppFromAsar: true,
    enableCookieEncryption: true,
    grantFileProtocolExtraPrivileges: false,
    loadBrowserProcessSpecificV8Snapshot: false,
  })
})

test('20: exposes four named things to the page, and no event of Electron', async () => {
  const surface = await desktop.page.evaluate(() => ({
    names: Object.keys(window.desktop ?? {}).toSorted(),
    versions: Object.keys(window.desktop?.versions ?? {}).toSorted(),
    edges: Object.keys(window.desktop?.edges ?? {}).toSorted(),
    frozen: Object.isFrozen(window.desktop),
  }))
  expect(surface).toEqual({
    names: ['edges', 'onService', 'service', 'versions'],
    versions: ['chrome', 'electron'],
    edges: ['addByAddress', 'connect', 'discover', 'list', 'pair', 'remove'],
    frozen: true,
  })
  const heard = desktop.page.evaluate(
    () =>
      new Promise<string[]>((resolve) => {
        window.desktop?.onService((...received: unknown[]) =>
          resolve(
            received.map((value) =>
              Object.keys(value as object)
                .toSorted()
                .join(),
            ),
          ),
        )
      }),
  )
  await desktop.app.evaluate(({ BrowserWindow }) => {
    const [window] = BrowserWindow.getAllWindows()
    window?.webContents.send('desktop:service-changed', { phase: 'starting' })
  })
  expect(await heard).toEqual(['phase'])
})
