import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { createRate, sourceOf } from '../../../service/api/rates.ts'
import { csvField, csvLine } from '../../../service/domain/csv.ts'
import { fakeSources, meter } from './fake-sources.ts'
import { ask, putControl, rawExchange, send, startApi, type TestApi, token } from './start-api.ts'

async function silent(api: TestApi): Promise<Socket> {
  const socket = connect(api.port, '127.0.0.1')
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

describe('rates', () => {
  test('of strangers are bounded per address, and the refusal comes late', async () => {
    const api = await startApi({ limits: { strangerBurst: 5, strangerPerS: 0.001, tarpitMs: 200 } })
    for (let n = 0; n < 5; n += 1) expect((await ask(api, '/api/v1/status', { as: null })).status).toBe(401)
    const startMs = performance.now()
    const refused = await ask(api, '/api/v1/status', { as: null })
    expect(refused.problem()).toMatchObject({ type: 'api.too-many', status: 429 })
    expect(refused.headers['retry-after']).toBe('1')
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(190)
    // Also for what is public or does not exist, but not for who is let in from the same address.
    expect((await ask(api, '/health', { as: null })).status).toBe(429)
    expect((await ask(api, '/api/v1/nothing', { as: null })).status).toBe(429)
    expect((await ask(api, '/api/v1/status')).status).toBe(200)
  })

  test('of a principal are bounded, but control can always be released', async () => {
    const api = await startApi({ limits: { principalBurst: 5, principalPerS: 0.001 } })
    for (let n = 0; n < 5; n += 1) expect((await ask(api, '/api/v1/status')).status).toBe(200)
    expect((await ask(api, '/api/v1/status')).problem().type).toBe('api.too-many')
    for (let n = 0; n < 20; n += 1) expect((await putControl(api)).status).toBe(200)
    // Somebody else has a rate of their own.
    const other = api.opened.consoleCode().code
    const admitted = await send(
      api,
      'POST',
      '/api/v1/session',
      { kind: 'code', code: other, bearer: true },
      { as: null },
    )
    const { token: bearer } = admitted.json() as { token: string }
    expect((await ask(api, '/api/v1/status', { as: bearer })).status).toBe(200)
  })

  test('are remembered for a bounded number of keys', () => {
    const rate = createRate(0.001, 1, 2)
    expect([rate.take('a'), rate.take('a'), rate.take('b'), rate.take('c')]).toEqual([true, false, true, true])
    expect(rate.take('c')).toBe(false)
    expect(rate.take('a')).toBe(true)
  })

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['', ''],
  ])('count %s as %s', (address, source) => {
    expect(sourceOf(address)).toBe(source)
  })
})

describe('connections', () => {
  test('of one address are bounded, and silent ones keep nobody out', async () => {
    const api = await startApi({ limits: { connectionsPerSource: 5 } })
    const held: Socket[] = []
    for (let n = 0; n < 5; n += 1) held.push(await silent(api))
    const gone = new Promise((resolve) => held[0]?.once('close', resolve))
    expect((await ask(api, '/api/v1/status')).status).toBe(200)
    await gone
    expect(held.slice(1).every(({ destroyed }) => !destroyed)).toBe(true)
  })

  test('that make room are cut off late, so that a flood cannot come again at once', async () => {
    const api = await startApi({ limits: { connectionsPerSource: 2, leavingConnections: 2, tarpitMs: 400 } })
    const startMs = performance.now()
    const ended: number[] = []
    for (let n = 0; n < 6; n += 1) (await silent(api)).once('close', () => ended.push(performance.now() - startMs))
    await expect.poll(() => ended.length, { timeout: 3_000, interval: 20 }).toBe(4)
    // Two at once, because as many as may wait were waiting already.
    expect(ended.filter((ms) => ms < 350)).toHaveLength(2)
    expect(ended.filter((ms) => ms >= 390)).toHaveLength(2)
  })

  test('on their way out stay when somebody is let in on them', async () => {
    const api = await startApi({ limits: { connectionsPerSource: 2, tarpitMs: 300 } })
    const late = await silent(api)
    for (let n = 0; n < 4; n += 1) await silent(api)
    const request = `GET /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1:${api.port}\r\nAuthorization: Bearer ${token}\r\n\r\n`
    late.write(request)
    await once(late, 'data')
    await delay(400)
    late.write(request)
    expect(String((await once(late, 'data'))[0])).toMatch(/^HTTP\/1.1 200 /)
  })

  test('of somebody who was let in stay', async () => {
    const api = await startApi({ limits: { connectionsPerSource: 2 } })
    const trusted = await silent(api)
    const request = `GET /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1:${api.port}\r\nAuthorization: Bearer ${token}\r\n\r\n`
    trusted.write(request)
    await once(trusted, 'data')
    for (let n = 0; n < 10; n += 1) await silent(api)
    trusted.write(request)
    expect(String((await once(trusted, 'data'))[0])).toMatch(/^HTTP\/1.1 200 /)
  })
})

describe('clients that do not read', () => {
  const title = 'x'.repeat(400_000)
  const large = { ...meter, points: meter.points.map((point) => ({ ...point, title })) }
  const sixteenMegabytes = fakeSources({ devices: () => Array.from({ length: 20 }, () => large) })

  /** Sends requests for 16 MB each, reads nothing for a while, and then what is left until the end of the connection. */
  async function readLate(api: TestApi, requests: number, lateMs: number): Promise<number> {
    const socket = await silent(api)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.pause()
    socket.write(
      `GET /api/v1/devices HTTP/1.1\r\nHost: 127.0.0.1:${api.port}\r\nAuthorization: Bearer ${token}\r\n\r\n`.repeat(
        requests,
      ),
    )
    // The service runs in this very process: a shorter timer of its own has fired before this one.
    await delay(lateMs)
    let received = 0
    socket.on('data', (chunk: Buffer) => (received += chunk.length))
    socket.resume()
    await closed
    return received
  }

  test('are cut off', async () => {
    const api = await startApi({ sources: sixteenMegabytes, limits: { idleTimeoutMs: 300 } })
    expect(await readLate(api, 1, 1_500)).toBeLessThan(15_000_000)
    expect((await ask(api, '/health')).status).toBe(200)
  })

  test('and ask ahead are cut off at once, before their answers fill the memory', async () => {
    const api = await startApi({ sources: sixteenMegabytes })
    const used = (): number => process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed
    const before = used()
    expect(await readLate(api, 20, 0)).toBeLessThan(80_000_000)
    // All twenty answers together have 320 MB.
    expect(used() - before).toBeLessThan(200_000_000)
  })
})

describe('requests', () => {
  test.each([
    ['chunks and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n'],
    ['chunks twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n'],
    ['an unknown coding', 'Transfer-Encoding: xchunked\r\n'],
    ['a length with a sign', 'Content-Length: +4\r\n'],
    ['a length in hex', 'Content-Length: 0x4\r\n'],
    ['two lengths in one', 'Content-Length: 4, 5\r\n'],
    ['a bare carriage return', 'X: a\rContent-Length: 4\r\n'],
    ['a bare line feed', 'X: a\nContent-Length: 40\n\r\n'],
  ])('smuggled with %s reach nothing', async (_name, headers) => {
    const api = await startApi()
    const smuggled = `PUT /api/v1/control HTTP/1.1\r\nHost: 127.0.0.1:${api.port}\r\nAuthorization: Bearer ${token}\r\n\r\n`
    const head = `POST /health HTTP/1.1\r\nHost: 127.0.0.1:${api.port}\r\n`
    const received = await rawExchange(api, `${head}${headers}\r\n0\r\n\r\n${smuggled}`)
    expect(received).toMatch(/^HTTP\/1.1 4\d\d /)
    expect(received.match(/HTTP\/1.1 /g)).toHaveLength(1)
    expect(api.sources.controlled).toEqual([])
  })

  test.each([
    ['nesting of 33', `{"enabled":${'['.repeat(33)}${']'.repeat(33)},"reason":"x"}`, 'api.malformed'],
    ['nesting of 32 in a wrong place', `{"enabled":${'['.repeat(31)}${']'.repeat(31)},"reason":"why"}`, 'api.invalid'],
    ['brackets in a text', `{"enabled":false,"reason":"${'['.repeat(150)}\\""}`, undefined],
    ['a million keys', `{${Array.from({ length: 6_000 }, (_, n) => `"k${n}":1`).join(',')}}`, 'api.invalid'],
  ])('with %s', async (_name, body, refused) => {
    const api = await startApi()
    const answer = await putControl(api, {}, body)
    if (refused === undefined) expect(answer.status).toBe(200)
    else expect(answer.problem().type).toBe(refused)
    expect(answer.body.length).toBeLessThan(20_000)
  })

  test('of HTTP/2 are not known: there are no streams to open and reset', async () => {
    const api = await startApi()
    const settings = '\0\0\0\u0004\0\0\0\0\0'
    const received = await rawExchange(api, `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settings}`)
    expect(received).toMatch(/^HTTP\/1\.1 400 /)
    const upgrade = `GET /health HTTP/1.1\r\nHost: 127.0.0.1:${api.port}\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`
    expect(await rawExchange(api, upgrade)).toMatch(/^HTTP\/1\.1 200 /)
  })

  test.each([
    ['one letter', 'a'],
    ['pairs', 'ab'],
    ['spaces', ' '],
    ['separators', '-.'],
    ['brackets', '[{'],
    ['digits and a sign', '1e'],
    ['a combining mark', 'e\u0301'],
  ])('of long texts of %s take no time to match', async (_name, piece) => {
    const api = await startApi()
    const long = `${piece.repeat(20_000 / piece.length)}!`
    const inAddress = encodeURIComponent(long.slice(0, 300))
    const inHeader = `${long.slice(0, 12_000).replaceAll(/[^\x20-\x7E]/g, 'x')}!`
    const user = { name: long, role: 'viewer', password: long }
    const startMs = performance.now()
    await send(api, 'POST', '/api/v1/users', user)
    await send(api, 'POST', '/api/v1/users', { ...user, name: 'anna' })
    await send(api, 'POST', '/api/v1/tokens', { purpose: long, role: long })
    await send(api, 'POST', '/api/v1/pair', { code: long, clientName: long })
    await send(api, 'POST', '/api/v1/session', { kind: 'code', code: long })
    await ask(api, `/api/v1/devices/${inAddress}`)
    await ask(api, `/api/v1/measurements?device=${inAddress}&metric=${inAddress}&from=${inAddress}`)
    for (const name of ['cookie', 'authorization', 'host', 'origin', 'sec-websocket-protocol', 'accept'])
      await ask(api, '/api/v1/status', { headers: { [name]: inHeader } })
    // Thirteen requests; a pattern that backtracks would take minutes for one.
    expect(performance.now() - startMs).toBeLessThan(10_000)
  })

  test('assign only what is theirs to assign', async () => {
    const api = await startApi()
    const user = { name: 'anna', role: 'viewer', password: 'four words that fit' }
    for (const extra of [{ id: 'x' }, { hash: 'x' }, { createdAtMs: 1 }, { isAdmin: true }, { lastSignInAtMs: 1 }])
      expect((await send(api, 'POST', '/api/v1/users', { ...user, ...extra })).problem().type).toBe('api.invalid')
    const made = await send(api, 'POST', '/api/v1/users', user)
    const { id } = made.json() as { id: string }
    expect(made.body).not.toMatch(/hash|scrypt/)
    for (const extra of [{ name: 'root' }, { hash: 'x' }, { password: 'four other words here' }])
      expect((await send(api, 'PATCH', `/api/v1/users/${id}`, { role: 'viewer', ...extra })).status).toBe(400)
    for (const extra of [{ expiresAtMs: 9e15 }, { digest: 'x' }, { days: 100_000 }, { createdBy: 'root' }])
      expect((await send(api, 'POST', '/api/v1/tokens', { purpose: 'p', role: 'viewer', ...extra })).status).toBe(400)
  })

  test('lead nowhere else: no redirect leaves the service', async () => {
    const api = await startApi()
    for (const path of [
      '/docs',
      '//evil.example',
      '/docs//evil.example',
      '/\\evil.example',
      '/?next=https://evil.example',
      '/docs?url=https://evil.example',
    ]) {
      const { status, headers } = await ask(api, path, { headers: { accept: 'text/html' } })
      if (status >= 300 && status < 400) expect(headers.location).toMatch(/^\.?\/(?!\/)/)
      else expect(headers.location).toBeUndefined()
    }
  })

  test('name no address for the service to call: there is nothing to forge requests with', async () => {
    const api = await startApi()
    const document = z
      .object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())), components: z.unknown() })
      .parse((await ask(api, '/api/v1/openapi.json')).json())
    // The bus routes take registers, and no bus but one that the service holds already. The workbench is made for asking
    // devices at addresses that an installer names: it speaks nothing but Modbus requests that read, whoever answers.
    // First contact with an edge sends the TLS greeting and nothing else; from then on only its pinned certificate is spoken to.
    // The address in the handover report is a street.
    const others = Object.entries(document.paths).filter(
      ([path]) => !/^\/api\/v1\/(bus\/|workbench\/|edges\/contacts$|handover\/draft$)/.test(path),
    )
    const inputs = others.flatMap(([, methods]) =>
      Object.values(methods).map((operation) => {
        const { requestBody, parameters } = z
          .object({ requestBody: z.unknown().optional(), parameters: z.unknown().optional() })
          .parse(operation)
        return JSON.stringify([requestBody, parameters])
      }),
    )
    // Whoever adds the first such field adds the checks for it: addresses resolved once, private ones refused.
    expect(inputs.join('\n')).not.toMatch(
      /"(?:\w*(?:url|uri|host|endpoint|webhook|callback|address)\w*)":|"format":"ur[il]"/i,
    )
    const read = { bus: 'tcp://127.0.0.1:9', unitId: 1, request: { fn: 3, address: 0, count: 1 } }
    expect((await send(api, 'POST', '/api/v1/bus/read', read)).problem().type).toBe('bus.unknown')
  })
})

describe('texts from outside', () => {
  test.each(['\r\nforged line', '\u001B[2J', '\u0000', '\u2028', '{"level":50}'])(
    '%j forge no log and no journal',
    async (text) => {
      const api = await startApi()
      await send(api, 'POST', '/api/v1/session', { kind: 'password', name: text, password: text }, { as: null })
      await send(api, 'POST', '/api/v1/tokens', { purpose: `x${text}x`, role: 'viewer' })
      await ask(api, `/api/v1/devices/${encodeURIComponent(text)}`)
      for (const line of api.logged.join('').split('\n').filter(Boolean)) expect(() => JSON.parse(line)).not.toThrow()
      // oxlint-disable-next-line no-control-regex -- they are what must not be there
      expect(api.audited.map(({ detail, principal }) => detail + principal).join()).not.toMatch(/[\u0000-\u001F\u2028]/)
    },
  )

  test.each([
    ['=1+1', `"'=1+1"`],
    ['+1', `"'+1"`],
    ['-1+cmd', `"'-1+cmd"`],
    ['@SUM(A1)', `"'@SUM(A1)"`],
    ['\t=1', `"'\t=1"`],
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['say "x"', '"say ""x"""'],
    ['two\r\nlines', '"two\r\nlines"'],
    [-5, '-5'],
    [undefined, ''],
  ])('%j is %s in a CSV file', (value, field) => {
    expect(csvField(value)).toBe(field)
    expect(csvLine([value, 1])).toBe(`${field},1\r\n`)
  })
})
