import fc from 'fast-check'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve, sep } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentSecurityPolicy, createAppHandler, resolveAppFile } from '../../../main/app-protocol.ts'

let outside: string
let root: string

beforeAll(() => {
  outside = mkdtempSync(join(tmpdir(), 'r-ems-app-'))
  root = join(outside, 'renderer')
  mkdirSync(join(root, 'assets'), { recursive: true })
  writeFileSync(join(root, 'index.html'), '<!doctype html><title>R-EMS</title>')
  writeFileSync(join(root, 'assets/index-B_2x.js'), 'export {}')
  writeFileSync(join(root, '.env.js'), 'secret')
  writeFileSync(join(outside, 'secret.js'), 'secret')
})
afterAll(() => rmSync(outside, { recursive: true, force: true }))

const get = (path: string, method = 'GET') => createAppHandler(root)(new Request(`app://r-ems${path}`, { method }))

describe('app://r-ems', () => {
  it('serves the page with its policy', async () => {
    const response = await get('/')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('content-security-policy')).toBe(contentSecurityPolicy)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await response.text()).toContain('R-EMS')
  })

  it('serves the files of the build with their media type', async () => {
    const response = await get('/assets/index-B_2x.js')
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    expect(await response.text()).toBe('export {}')
  })

  it.each([
    '/../secret.js',
    '/%2e%2e/secret.js',
    '/..%2fsecret.js',
    '/..%5csecret.js',
    '/assets/..%2f..%2fsecret.js',
    '/assets//index-B_2x.js',
    '/.env.js',
    '/%2eenv.js',
    '/C:/secret.js',
    '/secret.js%00.html',
    '/assets/',
    '/assets',
    '/missing.js',
    '/index.html/x.js',
    '/page.toString',
  ])('has no %s', async (path) => {
    const response = await get(path)
    expect(response.status).toBe(404)
    expect(await response.text()).not.toContain('secret')
  })

  it('names no file outside the folder, whatever the address', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('..', '%2e%2e', '%2f', '\\', '.js'))),
        (parts) => {
          const file = resolveAppFile(root, `app://r-ems/${parts.join('/')}`)
          expect(file === undefined || resolve(file).startsWith(root + sep)).toBe(true)
        },
      ),
    )
  })

  it('answers only for its own host and only to GET', async () => {
    expect(resolveAppFile(root, 'app://other/index.html')).toBeUndefined()
    expect((await get('/', 'POST')).status).toBe(405)
  })

  it('says in words that the user interface is missing', async () => {
    const response = await createAppHandler(join(outside, 'nothing'))(new Request('app://r-ems/'))
    expect(response.status).toBe(500)
    expect(await response.text()).toContain('Install the app again')
  })
})

describe('the policy', () => {
  it('loads only the app’s own files and talks to this machine, and to others over TLS only', () => {
    expect(contentSecurityPolicy).toContain("default-src 'none'")
    const connect = 'connect-src http://127.0.0.1:* ws://127.0.0.1:* https: wss:'
    expect(contentSecurityPolicy.split('; ')).toContain(connect)
    expect(contentSecurityPolicy.replace(connect, '')).not.toMatch(/unsafe|https?:|wss?:|data:|blob:| \*/)
  })
})
