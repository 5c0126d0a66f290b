import { describe, expect, test } from 'vitest'
import { EdgeError } from '#contract/errors.ts'
import { defaultLimits } from '../../../service/api/limits.ts'
import { fakeSources } from './fake-sources.ts'
import { ask, putControl, rawExchange, startApi, token } from './start-api.ts'

describe('access', () => {
  test('the token is not logged', async () => {
    const api = await startApi()
    await putControl(api)
    await putControl(api, { authorization: `Bearer ${token}y` })
    expect(api.logged.join('')).toContain('api.token-wrong')
    expect(api.logged.join('')).not.toContain(token)
  })
})

describe('host', () => {
  test.each(['127.0.0.1:PORT', 'localhost:PORT', 'LOCALHOST:PORT', '[::1]:PORT'])('%s is ours', async (host) => {
    const api = await startApi()
    expect((await ask(api, '/health', { headers: { host: host.replace('PORT', String(api.port)) } })).status).toBe(200)
  })

  test.each([
    'evil.example:PORT',
    'evil.example',
    '127.0.0.1',
    '127.0.0.1:1',
    '127.0.0.1:PORT0',
    '127.0.0.2:PORT',
    '127.1:PORT',
    '0.0.0.0:PORT',
    '2130706433:PORT',
    '[::ffff:127.0.0.1]:PORT',
    'localhost.:PORT',
    'localhost.evil.example:PORT',
    '127.0.0.1:PORT@evil.example',
    '',
  ])('"%s" is refused', async (host) => {
    const api = await startApi()
    for (const path of ['/health', '/', '/docs/', '/nothing', '/api/v1/live']) {
      const answer = await ask(api, path, { headers: { host: host.replace('PORT', String(api.port)) } })
      expect(answer.problem()).toMatchObject({ type: 'api.host-refused', status: 421 })
    }
  })

  test('none, two, or one in the request line are refused', async () => {
    const api = await startApi()
    const own = `Host: 127.0.0.1:${api.port}\r\n`
    const end = 'Connection: close\r\n\r\n'
    expect(await rawExchange(api, `GET /health HTTP/1.1\r\n${end}`)).toMatch(/^HTTP\/1.1 421 /)
    expect(await rawExchange(api, `GET /health HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1.1 421 /)
    expect(await rawExchange(api, `GET /health HTTP/1.1\r\n${own}Host: evil.example\r\n${end}`)).toMatch(/ 421 /)
    expect(await rawExchange(api, `GET http://evil.example/health HTTP/1.1\r\n${own}${end}`)).toMatch(/^HTTP\/1.1 400 /)
    expect(await rawExchange(api, `OPTIONS * HTTP/1.1\r\n${own}${end}`)).toMatch(/^HTTP\/1.1 400 /)
    expect(await rawExchange(api, `GET /health HTTP/1.1\r\n${own}${end}`)).toMatch(/^HTTP\/1.1 200 /)
  })
})

describe('origin', () => {
  const foreign = [
    'null',
    'https://evil.example',
    'http://127.0.0.1',
    'app://r-ems.evil',
    'app://r-emsx',
    'file://',
    '*',
  ]

  test.each(foreign)('%s is refused for reads and writes', async (origin) => {
    const api = await startApi()
    const read = await ask(api, '/health', { headers: { origin } })
    expect(read.problem()).toMatchObject({ type: 'api.origin-refused', status: 403 })
    expect(read.headers['access-control-allow-origin']).toBeUndefined()
    expect((await putControl(api, { origin })).problem().type).toBe('api.origin-refused')
    expect(api.sources.controlled).toEqual([])
  })

  test('of another name or port of this machine is refused', async () => {
    const api = await startApi()
    for (const origin of [`http://localhost:${api.port}`, `https://127.0.0.1:${api.port}`, 'http://127.0.0.1:1'])
      expect((await putControl(api, { origin })).problem().type).toBe('api.origin-refused')
  })

  test('of the page itself is accepted, without CORS headers', async () => {
    const api = await startApi()
    const answer = await putControl(api, { origin: api.url, 'sec-fetch-site': 'same-origin' })
    expect(answer.status).toBe(200)
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  })

  test('of the desktop app may read', async () => {
    const api = await startApi()
    const origin = 'app://r-ems'
    const read = await ask(api, '/health', { headers: { origin, 'sec-fetch-site': 'cross-site' } })
    expect(read.status).toBe(200)
    expect(read.headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'Origin' })
    const refused = await ask(api, '/api/v1/devices/nobody', { headers: { origin } })
    expect(refused.headers['access-control-allow-origin']).toBe(origin)
  })

  test('preflights are answered for the desktop app only', async () => {
    const api = await startApi()
    const preflight = {
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization',
      'access-control-request-private-network': 'true',
    }
    const allowed = await ask(api, '/api/v1/status', {
      method: 'OPTIONS',
      headers: { origin: 'app://r-ems', ...preflight },
    })
    expect(allowed.status).toBe(204)
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': 'app://r-ems',
      'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': 'authorization, content-type, x-r-ems',
      'access-control-allow-private-network': 'true',
    })
    expect(allowed.headers['access-control-allow-credentials']).toBeUndefined()
    const refused = await ask(api, '/api/v1/status', {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', ...preflight },
    })
    expect(refused.status).toBe(403)
    expect(refused.headers['access-control-allow-methods']).toBeUndefined()
    expect((await ask(api, '/api/v1/status', { method: 'OPTIONS' })).status).toBe(405)
  })

  test.each(['cross-site', 'same-site', 'nonsense'])('a write without one from %s is refused', async (site) => {
    const api = await startApi()
    expect((await putControl(api, { 'sec-fetch-site': site })).problem().type).toBe('api.origin-refused')
    // A link from another page may open the user interface.
    expect((await ask(api, '/health', { headers: { 'sec-fetch-site': site } })).status).toBe(200)
    expect((await putControl(api, { 'sec-fetch-site': 'none' })).status).toBe(200)
  })
})

describe('bodies', () => {
  const json = '{"enabled":false,"reason":"maintenance"}'

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    '',
  ])('of type "%s" are refused', async (type) => {
    const api = await startApi()
    expect((await putControl(api, { 'content-type': type })).problem()).toMatchObject({
      type: 'api.media-refused',
      status: 415,
    })
  })

  test('without a type are refused, with a charset accepted', async () => {
    const api = await startApi()
    const headers = { authorization: `Bearer ${token}` }
    const bare = await ask(api, '/api/v1/control', { method: 'PUT', headers, body: json })
    expect(bare.problem().type).toBe('api.media-refused')
    expect((await putControl(api, { 'content-type': 'application/json; charset=utf-8' })).status).toBe(200)
    expect((await ask(api, '/api/v1/control', { method: 'PUT', headers })).problem().type).toBe('api.invalid')
  })

  test('that are compressed are refused', async () => {
    const api = await startApi()
    expect((await putControl(api, { 'content-encoding': 'gzip' })).problem().type).toBe('api.media-refused')
  })

  test('above 64 KiB are refused, announced or not', async () => {
    const api = await startApi()
    const large = JSON.stringify({ enabled: true, reason: 'x'.repeat(65_536) })
    expect((await putControl(api, {}, large)).problem()).toMatchObject({ type: 'api.too-large', status: 413 })
    const head = `PUT /api/v1/control HTTP/1.1\r\nHost: 127.0.0.1:${api.port}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`
    // Refused by the announcement alone.
    expect(await rawExchange(api, `${head}Content-Length: 70000\r\nConnection: close\r\n\r\n`)).toMatch(/ 413 /)
    const chunk = `${(70_000).toString(16)}\r\n${'x'.repeat(70_000)}\r\n0\r\n\r\n`
    expect(await rawExchange(api, `${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunk}`)).toMatch(
      / 413 /,
    )
    const full = JSON.stringify({ enabled: true, reason: 'x'.repeat(65_000) })
    expect((await putControl(api, {}, full)).problem().type).toBe('api.invalid')
  })

  test.each([
    ['not JSON', '{"enabled":'],
    ['__proto__', '{"enabled":false,"reason":"maintenance","__proto__":{"admin":true}}'],
    ['constructor.prototype', '{"enabled":false,"reason":"maintenance","constructor":{"prototype":{"admin":true}}}'],
    ['an escaped __proto__', '{"enabled":false,"reason":"maintenance","\\u005f_proto__":{"admin":true}}'],
    ['deep nesting', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
    ['no UTF-8', '\u0000'],
  ])('with %s are refused', async (_name, body) => {
    const api = await startApi()
    expect((await putControl(api, {}, body)).problem()).toMatchObject({ status: 400 })
    expect(api.sources.controlled).toEqual([])
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false)
  })
})

describe('requests', () => {
  test('unknown addresses are problems, whatever they accept', async () => {
    const api = await startApi()
    for (const path of [
      '/api',
      '/api/',
      '/api/v1',
      '/api/v1/nothing',
      '/api/v2/status',
      '/api/v1/status/',
      '/API/v1/x.js',
    ])
      expect((await ask(api, path, { headers: { accept: 'text/html' } })).status, path).toBe(404)
    expect((await ask(api, '/api/v1/nothing')).problem()).toMatchObject({ type: 'api.not-found', status: 404 })
    expect((await ask(api, '/api/v1/nothing', { method: 'POST' })).problem().type).toBe('api.not-found')
  })

  test.each([
    ['POST', '/health', 'GET, HEAD'],
    ['DELETE', '/api/v1/devices/meter', 'GET, HEAD'],
    ['GET', '/api/v1/control', 'PUT'],
    ['PATCH', '/api/v1/control', 'PUT'],
    ['HEAD', '/api/v1/live', 'GET'],
    ['POST', '/', 'GET, HEAD'],
    ['TRACE', '/health', 'GET, HEAD'],
    ['PROPFIND', '/health', 'GET, HEAD'],
  ])('%s %s is refused with what is allowed', async (method, path, allowed) => {
    const api = await startApi()
    const answer = await ask(api, path, { method, headers: { 'content-type': 'text/plain' } })
    expect(answer.status).toBe(405)
    expect(answer.headers['allow']).toBe(allowed)
    if (method !== 'HEAD') expect(answer.problem().type).toBe('api.method-refused')
  })

  test('with a broken or long address are refused', async () => {
    const api = await startApi()
    expect((await ask(api, '/%zz')).problem()).toMatchObject({ type: 'api.malformed', status: 400 })
    expect((await ask(api, '/api/v1/devices/%e0%a4%a')).problem().type).toBe('api.malformed')
    expect((await ask(api, `/health?${'x'.repeat(2_050)}`)).problem()).toMatchObject({
      type: 'api.url-too-long',
      status: 414,
    })
    expect((await ask(api, `/api/v1/devices/${'x'.repeat(150)}`)).problem().type).toBe('api.not-found')
  })

  test('with too many headers are refused', async () => {
    const api = await startApi()
    const answer = await ask(api, '/health', { headers: { cookie: 'x'.repeat(17_000) } })
    expect(answer.problem()).toMatchObject({ type: 'api.headers-too-large', status: 431 })
    expect(answer.headers['x-content-type-options']).toBe('nosniff')
  })

  test.each([
    ['garbage', 'hello\r\n\r\n'],
    [
      'a length and chunks',
      'POST /health HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two lengths', 'POST /health HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
    ['a bare line feed', 'GET /health HTTP/1.1\nHost: HOST\n\n'],
    ['a folded header', 'GET /health HTTP/1.1\r\nHost: HOST\r\nX: a\r\n b\r\nY z\r\n\r\n'],
    ['a space before the colon', 'GET /health HTTP/1.1\r\nHost : HOST\r\n\r\n'],
    ['a NUL in a header', 'GET /health HTTP/1.1\r\nHost: HOST\r\nX: a\u0000b\r\n\r\n'],
  ])('with %s get 400 and the connection ends', async (_name, bytes) => {
    const api = await startApi()
    const received = await rawExchange(api, bytes.replace('HOST', `127.0.0.1:${api.port}`))
    expect(received).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/)
    expect(received).toContain('application/problem+json')
    expect(received.match(/HTTP\/1.1/g)).toHaveLength(1)
  })

  test('that come too slowly are ended', async () => {
    const limits = { headersTimeoutMs: 100, requestTimeoutMs: 200, timeoutCheckMs: 50 }
    const api = await startApi({ limits })
    const received = await rawExchange(api, 'GET /health HTTP/1.1\r\nHost: 127.0.0.1')
    expect(received).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/)
    const head = `PUT /api/v1/control HTTP/1.1\r\nHost: 127.0.0.1:${api.port}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{`
    expect(await rawExchange(api, head)).toMatch(/408/)
    expect(defaultLimits).toMatchObject({ headersTimeoutMs: 10_000, requestTimeoutMs: 30_000, bodyBytes: 65_536 })
  })

  test('idle connections are closed, and at the bound the oldest silent one makes room', async () => {
    const api = await startApi({ limits: { idleTimeoutMs: 60_000, connections: 2 } })
    const first = rawExchange(api, '')
    const second = rawExchange(api, '')
    const third = await ask(api, '/health')
    expect(third.status).toBe(200)
    expect(await first).toBe('')
    const quick = await startApi({ limits: { idleTimeoutMs: 150 } })
    expect(await rawExchange(quick, '')).toBe('')
    void second
  })
})

describe('errors', () => {
  test('tell nothing about the inside', async () => {
    const secret = new Error('ENOENT /var/lib/r-ems/data.sqlite in better-sqlite3 13.2.0')
    const fail = (): never => {
      throw secret
    }
    const folder = async (): Promise<never> => {
      throw new EdgeError('storage.folder', '/var/lib/r-ems is not writable', { cause: secret })
    }
    const api = await startApi({ sources: fakeSources({ status: fail, events: folder, metrics: fail }) })
    for (const path of ['/api/v1/status', '/metrics']) {
      const answer = await ask(api, path)
      expect(answer.problem()).toEqual({
        type: 'api.internal',
        title: 'Internal Server Error',
        status: 500,
        action: 'See the service log.',
      })
    }
    const full = await ask(api, '/api/v1/events')
    expect(full.problem()).toMatchObject({ type: 'storage.folder', status: 503 })
    expect(full.body).not.toContain('/var/lib')
    expect(api.logged.join('')).toContain('better-sqlite3')
  })

  test('and answers carry the security headers and no server name', async () => {
    const api = await startApi()
    for (const path of [
      '/health',
      '/',
      '/nothing.js',
      '/api/v1/nothing',
      '/%zz',
      '/metrics',
      '/docs/',
      '/api/v1/live',
    ]) {
      const { headers } = await ask(api, path)
      expect(headers, path).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      })
      const policy = headers['content-security-policy']
      expect(policy).toMatch(/default-src 'self'/)
      expect(policy).toMatch(/frame-ancestors 'none'/)
      expect(policy).not.toMatch(/unsafe|https?:|\*/)
      expect(headers['server']).toBeUndefined()
      expect(headers['x-powered-by']).toBeUndefined()
    }
  })
})
