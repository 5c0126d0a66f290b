import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ask, rawExchange, startApi, type TestApi } from './start-api.ts'

const page = { headers: { accept: 'text/html,application/xhtml+xml' } }

/** A folder with a built UI, and a secret beside it. */
async function builtUi(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'r-ems-ui-'))
  onTestFinished(() => rm(parent, { recursive: true }))
  const folder = join(parent, 'renderer')
  await mkdir(join(folder, 'assets'), { recursive: true })
  await writeFile(join(parent, 'secret.txt'), 'api-token')
  await writeFile(join(folder, '.hidden.js'), 'api-token')
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>R-EMS</title>')
  await writeFile(join(folder, 'assets/index-abc123.js'), 'export {}')
  return folder
}

const startUi = async (): Promise<TestApi> => startApi({ rendererFolder: await builtUi() })

test('the page and its files are served with their types and lifetimes', async () => {
  const api = await startUi()
  for (const path of ['/', '/index.html', '/?theme=dark']) {
    const answer = await ask(api, path)
    expect(answer).toMatchObject({ status: 200, body: '<!doctype html><title>R-EMS</title>' })
    expect(answer.headers['content-type']).toMatch(/^text\/html/)
    expect(answer.headers['cache-control']).toBe('no-cache')
  }
  const script = await ask(api, '/assets/index-abc123.js')
  expect(script).toMatchObject({ status: 200, body: 'export {}' })
  expect(script.headers['content-type']).toMatch(/javascript/)
  expect(script.headers['cache-control']).toContain('immutable')
  const etag = script.headers.etag ?? ''
  expect((await ask(api, '/assets/index-abc123.js', { headers: { 'if-none-match': etag } })).status).toBe(304)
})

test('addresses of screens get the page, missing files do not', async () => {
  const api = await startUi()
  for (const path of ['/bus', '/bus/meter', '/log?severity=error'])
    expect((await ask(api, path, page)).body).toContain('R-EMS')
  expect((await ask(api, '/bus')).problem().type).toBe('api.not-found')
  expect((await ask(api, '/missing.js', page)).problem().type).toBe('api.not-found')
  expect((await ask(api, '/assets/', page)).problem().type).toBe('api.not-found')
  expect((await ask(api, '/api/v1/nothing', page)).problem().type).toBe('api.not-found')
})

test.each([
  '/../secret.txt',
  '/assets/../../secret.txt',
  '/%2e%2e/secret.txt',
  '/%2e%2e%2fsecret.txt',
  '/..%2fsecret.txt',
  '/%252e%252e%252fsecret.txt',
  '/..\\secret.txt',
  '/..%5csecret.txt',
  '/assets/..%5c..%5csecret.txt',
  '/....//secret.txt',
  '//secret.txt',
  '///etc/passwd',
  '/%2fetc%2fpasswd',
  '/assets/index-abc123.js%00.html',
  '/.hidden.js',
  '/assets/./index-abc123.js',
  '/%c0%ae%c0%ae/secret.txt',
  '/file:///etc/passwd',
  '/C:/windows/win.ini',
  `/${'a/'.repeat(900)}secret.txt`,
  '/docs/static/../../../../package.json',
  '/docs/static/%2e%2e/%2e%2e/package.json',
  '/docs/..%2f..%2fpackage.json',
])('nothing outside the folder is reached by %s', async (path) => {
  const api = await startUi()
  // Written by hand: a client would tidy the path up.
  const received = await rawExchange(
    api,
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${api.port}\r\nConnection: close\r\n\r\n`,
  )
  expect(received).toMatch(/^HTTP\/1\.1 4\d\d /)
  expect(received).not.toMatch(/api-token|root:|"dependencies"/)
})

test('without a build, a page says how to make one', async () => {
  const missing = join(await builtUi(), 'not-yet')
  for (const api of [await startApi(), await startApi({ rendererFolder: missing })]) {
    const answer = await ask(api, '/', page)
    expect(answer.status).toBe(503)
    expect(answer.headers['content-type']).toMatch(/^text\/html/)
    expect(answer.body).toContain('npm run build')
    expect((await ask(api, '/assets/index.js')).problem().type).toBe('api.not-found')
  }
})

test('a build that comes later is found', async () => {
  const folder = join(await builtUi(), 'later')
  const api = await startApi({ rendererFolder: folder })
  expect((await ask(api, '/')).status).toBe(503)
  await mkdir(folder)
  await writeFile(join(folder, 'index.html'), 'built')
  expect(await ask(api, '/')).toMatchObject({ status: 200, body: 'built' })
})
