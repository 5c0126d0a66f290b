import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import type { SignedIn } from '#contract/access.ts'
import type { Clock } from '../../../service/domain/clock.ts'
import { type Answer, ask, putControl, send, startApi, type TestApi, token } from './start-api.ts'

const password = 'four words that fit'

/** A clock that only goes when it is told to. */
function handClock(): Clock & { pass(ms: number): void } {
  let ms = 1_772_366_400_000
  return {
    nowMs: () => ms,
    monotonicMs: () => ms,
    sleep: async () => undefined,
    pass(by) {
      ms += by
    },
  }
}

async function withUser(
  role = 'operator',
  clock = handClock(),
): Promise<TestApi & { clock: ReturnType<typeof handClock> }> {
  const api = await startApi({ clock, limits: { livePingMs: 30 } })
  expect((await send(api, 'POST', '/api/v1/users', { name: 'anna', role, password })).status).toBe(201)
  return { ...api, clock }
}

const signIn = (api: TestApi, body: object = {}, headers: Record<string, string> = {}): Promise<Answer> =>
  send(api, 'POST', '/api/v1/session', { kind: 'password', name: 'anna', password, ...body }, { as: null, headers })

function cookieOf(answer: Answer): string {
  return answer.headers['set-cookie']?.[0]?.split(';', 1)[0] ?? ''
}

const page = (api: TestApi, cookie: string): Record<string, string> => ({ cookie, origin: api.url, 'x-r-ems': '1' })

describe('sign-in', () => {
  test('sets a cookie that no script and no other site can use', async () => {
    const api = await withUser()
    const answer = await signIn(api)
    expect(answer.status).toBe(200)
    expect(answer.headers['set-cookie']).toEqual([
      expect.stringMatching(new RegExp(`^r-ems-${api.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`)),
    ])
    const cookie = cookieOf(answer)
    expect(answer.json()).not.toHaveProperty('token')
    expect((await ask(api, '/api/v1/status', { headers: { cookie } })).status).toBe(200)
    const me = (await ask(api, '/api/v1/session', { headers: { cookie } })).json()
    expect(me).toMatchObject({
      principal: { kind: 'user', name: 'anna', role: 'operator' },
      session: { current: true },
    })
  })

  test('gives a token instead where asked, and a live socket takes a ticket for it once', async () => {
    const api = await withUser()
    const { token: bearer = '' } = (await signIn(api, { bearer: true })).json() as SignedIn
    expect((await ask(api, '/api/v1/status', { as: bearer })).status).toBe(200)
    const { ticket } = (await ask(api, '/api/v1/session/live-ticket', { method: 'POST', as: bearer })).json() as {
      ticket: string
    }
    const open = (): WebSocket =>
      new WebSocket(`${api.url.replace('http', 'ws')}/api/v1/live`, ['r-ems.live', `ticket.${ticket}`])
    const socket = open()
    onTestFinished(() => socket.terminate())
    await once(socket, 'open')
    expect(socket.protocol).toBe('r-ems.live')
    const second = open()
    second.on('error', () => {})
    const [, response] = (await once(second, 'unexpected-response')) as [unknown, { statusCode: number }]
    expect(response.statusCode).toBe(401)
    // A ticket opens a socket, nothing else.
    const other = await ask(api, '/api/v1/session/live-ticket', { method: 'POST', as: bearer })
    const headers = { 'sec-websocket-protocol': `ticket.${(other.json() as { ticket: string }).ticket}` }
    expect((await ask(api, '/api/v1/status', { headers, as: null })).status).toBe(401)
  })

  test('makes a new session each time and ends the one it came with', async () => {
    const api = await withUser()
    const first = cookieOf(await signIn(api))
    const second = cookieOf(await signIn(api, {}, { cookie: first, origin: api.url }))
    expect(second).not.toBe(first)
    expect((await ask(api, '/api/v1/status', { headers: { cookie: first } })).problem().type).toBe(
      'access.session-ended',
    )
    expect((await ask(api, '/api/v1/status', { headers: { cookie: second } })).status).toBe(200)
    // A session that somebody else has chosen is not taken over.
    const planted = `r-ems-${api.port}=planted`
    expect(cookieOf(await signIn(api, {}, { cookie: planted, origin: api.url }))).not.toBe(planted)
  })

  test('refuses wrong name and wrong password with the same words, and takes as long', async () => {
    const api = await withUser()
    const wrong = await signIn(api, { password: 'not this one at all' })
    const unknown = await signIn(api, { name: 'nobody' })
    expect(wrong.status).toBe(401)
    expect(unknown.body).toBe(wrong.body)
    expect(unknown.headers['set-cookie']).toBeUndefined()
  })

  test('waits longer with every failure, per account and per address, and opens again', async () => {
    const api = await withUser()
    for (let n = 0; n < 5; n += 1) expect((await signIn(api, { password: 'wrong' })).status).toBe(401)
    const locked = await signIn(api)
    expect(locked.problem()).toMatchObject({ type: 'access.locked', status: 429 })
    expect(locked.headers['retry-after']).toBe('1')
    // An unknown name locks in the same way.
    for (let n = 0; n < 5; n += 1) await signIn(api, { name: 'nobody', password: 'wrong' })
    expect((await signIn(api, { name: 'nobody' })).problem().type).toBe('access.locked')
    api.clock.pass(1_001)
    expect((await signIn(api, { password: 'wrong' })).status).toBe(401)
    expect((await signIn(api)).headers['retry-after']).toBe('2')
    api.clock.pass(60_000)
    expect((await signIn(api)).status).toBe(200)
    expect((await signIn(api)).status).toBe(200)
  })

  test('many at once are no more guesses than one after the other', async () => {
    const api = await withUser()
    const answers = await Promise.all(Array.from({ length: 8 }, () => signIn(api, { password: 'wrong' })))
    expect(answers.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(5)
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(3)
  })

  test('a lock-out never keeps control from being released', async () => {
    const api = await withUser()
    const cookie = cookieOf(await signIn(api))
    for (let n = 0; n < 12; n += 1) await signIn(api, { password: 'wrong' })
    expect((await signIn(api)).problem().type).toBe('access.locked')
    expect((await putControl(api)).status).toBe(200)
    const { authorization: _a, ...headers } = { authorization: '', ...page(api, cookie) }
    const released = await send(api, 'PUT', '/api/v1/control', { enabled: false, reason: 'on site' }, { headers })
    expect(released.status).toBe(200)
    expect(api.sources.controlled.map(({ principal }) => principal.name)).toEqual(['API token', 'anna'])
  })

  test('with a one-time code works once, within ten minutes', async () => {
    const api = await withUser()
    const { code } = api.opened.consoleCode()
    const use = (): Promise<Answer> => send(api, 'POST', '/api/v1/session', { kind: 'code', code }, { as: null })
    expect((await use()).json()).toMatchObject({ session: { principal: { kind: 'console', role: 'admin' } } })
    expect((await use()).problem().type).toBe('access.code-wrong')
    const late = api.opened.consoleCode().code
    api.clock.pass(10 * 60_000)
    const answer = await send(api, 'POST', '/api/v1/session', { kind: 'code', code: late }, { as: null })
    expect(answer.problem().type).toBe('access.code-wrong')
  })
})

describe('sessions', () => {
  test('end when idle for 15 minutes and after 12 hours', async () => {
    const api = await withUser()
    const cookie = cookieOf(await signIn(api))
    const alive = async (): Promise<boolean> =>
      (await ask(api, '/api/v1/status', { headers: { cookie } })).status === 200
    api.clock.pass(15 * 60_000 - 1)
    expect(await alive()).toBe(true)
    for (let n = 0; n < 47; n += 1) {
      api.clock.pass(15 * 60_000 - 1)
      expect(await alive()).toBe(true)
    }
    api.clock.pass(48)
    expect(await alive()).toBe(false)
    const idle = cookieOf(await signIn(api))
    api.clock.pass(15 * 60_000)
    expect((await ask(api, '/api/v1/status', { headers: { cookie: idle } })).problem().type).toBe(
      'access.session-ended',
    )
  })

  test('are listed and ended from elsewhere, and their live sockets close', async () => {
    const api = await withUser()
    const cookie = cookieOf(await signIn(api))
    const socket = new WebSocket(`${api.url.replace('http', 'ws')}/api/v1/live`, {
      headers: { cookie, origin: api.url },
    })
    await once(socket, 'open')
    const closed = once(socket, 'close')
    const { sessions } = (await ask(api, '/api/v1/sessions')).json() as {
      sessions: { id: string; principal: object }[]
    }
    expect(sessions).toMatchObject([{ principal: { name: 'anna' }, address: '127.0.0.1', current: false }])
    expect((await ask(api, `/api/v1/sessions/${sessions[0]?.id}`, { method: 'DELETE' })).status).toBe(204)
    expect((await ask(api, '/api/v1/status', { headers: { cookie } })).problem().type).toBe('access.session-ended')
    expect((await closed)[0]).toBe(4401)
  })

  test('lose their rights at once with role, password, user or token', async () => {
    const api = await withUser('admin')
    const users = async (): Promise<{ id: string; name: string }[]> =>
      ((await ask(api, '/api/v1/users')).json() as { users: { id: string; name: string }[] }).users
    await send(api, 'POST', '/api/v1/users', { name: 'chief', role: 'admin', password })
    const id = (await users()).find(({ name }) => name === 'anna')?.id
    const cookie = cookieOf(await signIn(api))
    const may = async (path: string): Promise<number> => (await ask(api, path, { headers: { cookie } })).status
    expect(await may('/api/v1/users')).toBe(200)
    await send(api, 'PATCH', `/api/v1/users/${id}`, { role: 'viewer' })
    expect(await may('/api/v1/users')).toBe(403)
    expect(await may('/api/v1/status')).toBe(200)
    await send(api, 'PUT', `/api/v1/users/${id}/password`, { password: 'another four words' })
    expect(await may('/api/v1/status')).toBe(401)
    expect((await signIn(api)).status).toBe(401)
    const again = cookieOf(await signIn(api, { password: 'another four words' }))
    expect((await ask(api, `/api/v1/users/${id}`, { method: 'DELETE' })).status).toBe(204)
    expect((await ask(api, '/api/v1/status', { headers: { cookie: again } })).status).toBe(401)

    const made = (await send(api, 'POST', '/api/v1/tokens', { purpose: 'meter reading', role: 'viewer' })).json()
    const { token: secret, info } = made as { token: string; info: { id: string } }
    expect(secret).toMatch(/^rems_[\w-]{43}$/)
    expect((await ask(api, '/api/v1/status', { as: secret })).status).toBe(200)
    const { tokens } = (await ask(api, '/api/v1/tokens')).json() as { tokens: object[] }
    expect(tokens).toMatchObject([{ purpose: 'meter reading', lastUsedAtMs: api.clock.nowMs() }])
    expect(JSON.stringify(tokens)).not.toContain(secret)
    api.clock.pass(90 * 86_400_000)
    expect((await ask(api, '/api/v1/status', { as: secret })).problem().type).toBe('api.token-wrong')
    expect((await ask(api, `/api/v1/tokens/${info.id}`, { method: 'DELETE' })).status).toBe(204)
  })

  test('end with their own sign-out', async () => {
    const api = await withUser()
    const cookie = cookieOf(await signIn(api))
    const out = await ask(api, '/api/v1/session', { method: 'DELETE', headers: page(api, cookie) })
    expect(out.status).toBe(204)
    expect(out.headers['set-cookie']?.[0]).toContain('Max-Age=0')
    expect((await ask(api, '/api/v1/status', { headers: { cookie } })).status).toBe(401)
  })

  test('the own password changes with the current one only, and ends the other sessions', async () => {
    const api = await withUser()
    const [here, there] = [cookieOf(await signIn(api)), cookieOf(await signIn(api))]
    const change = (current: string, next: string): Promise<Answer> =>
      send(api, 'PUT', '/api/v1/session/password', { current, password: next }, { headers: page(api, here) })
    expect((await change('wrong', 'another four words')).problem().type).toBe('access.wrong')
    expect((await change(password, 'password1234')).problem().type).toBe('access.password-weak')
    expect((await change(password, 'another four words')).status).toBe(204)
    expect((await ask(api, '/api/v1/status', { headers: { cookie: here } })).status).toBe(200)
    expect((await ask(api, '/api/v1/status', { headers: { cookie: there } })).status).toBe(401)
  })
})

describe('a session cookie', () => {
  const body = { enabled: false, reason: 'test' }
  test.each([
    ['no origin', { 'x-r-ems': '1' }],
    ['no header of the page', { origin: 'OWN' }],
    ['another origin', { origin: 'https://evil.example', 'x-r-ems': '1' }],
    ['another port of this machine', { origin: 'http://127.0.0.1:1', 'x-r-ems': '1' }],
    ['the origin null', { origin: 'null', 'x-r-ems': '1' }],
    ['a cross-site request', { 'sec-fetch-site': 'cross-site', 'x-r-ems': '1' }],
    ['a same-site request', { 'sec-fetch-site': 'same-site', 'x-r-ems': '1' }],
  ] as [string, Record<string, string>][])('changes nothing with %s', async (_name, headers) => {
    const api = await withUser()
    const cookie = cookieOf(await signIn(api))
    const sent = Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, v === 'OWN' ? api.url : v]))
    const answer = await send(api, 'PUT', '/api/v1/control', body, { headers: { cookie, ...sent } })
    expect(answer.problem().type).toBe('api.origin-refused')
    expect(api.sources.controlled).toEqual([])
    expect((await send(api, 'PUT', '/api/v1/control', body, { headers: page(api, cookie) })).status).toBe(200)
  })

  test('opens no live socket without the origin of the page', async () => {
    const api = await withUser()
    const cookie = cookieOf(await signIn(api))
    const socket = new WebSocket(`${api.url.replace('http', 'ws')}/api/v1/live`, { headers: { cookie } })
    socket.on('error', () => {})
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }]
    expect(response.statusCode).toBe(403)
  })
})

describe('pairing', () => {
  const code = async (api: TestApi): Promise<string> =>
    (await readFile(join(api.folder, 'pairing-code'), 'utf8')).trim()
  const pairAdmin = (api: TestApi, given: string, name = 'chief'): Promise<Answer> =>
    send(api, 'POST', '/api/v1/pair/admin', { code: given, name, password }, { as: null })

  test('makes the first admin with the code of the device, once', async () => {
    const api = await startApi()
    expect((await ask(api, '/api/v1/pair', { as: null })).json()).toEqual({ open: true, firstAdmin: true })
    expect((await stat(join(api.folder, 'pairing-code'))).mode & 0o777).toBe(0o600)
    const right = await code(api)
    expect(right).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/)
    expect((await pairAdmin(api, 'AAAA-BBBB-CCCC')).problem().type).toBe('access.code-wrong')
    expect(
      (
        await send(
          api,
          'POST',
          '/api/v1/pair/admin',
          { code: right, name: 'chief', password: 'administrator1' },
          { as: null },
        )
      ).problem().type,
    ).toBe('access.password-weak')
    // As a person types it.
    const paired = await pairAdmin(api, right.toLowerCase().replaceAll('-', ' '))
    expect(paired.json()).toMatchObject({ session: { principal: { name: 'chief', role: 'admin' } } })
    expect((await ask(api, '/api/v1/users', { headers: { cookie: cookieOf(paired) } })).status).toBe(200)
    expect((await pairAdmin(api, right, 'second')).problem().type).toBe('access.pairing-closed')
    expect((await ask(api, '/api/v1/pair', { as: null })).json()).toEqual({ open: false, firstAdmin: false })
  })

  test('a name that is taken does not use the code up', async () => {
    const api = await withUser()
    expect((await pairAdmin(api, await code(api), 'anna')).problem().type).toBe('access.name-taken')
    expect((await pairAdmin(api, await code(api))).status).toBe(200)
  })

  test('gives an app a token', async () => {
    const api = await startApi()
    const body = { code: await code(api), clientName: 'Laptop of Anna' }
    const { token: secret } = (await send(api, 'POST', '/api/v1/pair', body, { as: null })).json() as { token: string }
    expect((await ask(api, '/api/v1/session', { as: secret })).json()).toMatchObject({
      principal: { kind: 'token', role: 'admin', name: 'token "paired: Laptop of Anna"' },
    })
  })

  test('closes after 15 minutes, after many wrong codes, and opens for an admin with a new code', async () => {
    const clock = handClock()
    const api = await startApi({ clock })
    clock.pass(15 * 60_000)
    expect((await pairAdmin(api, await code(api))).problem()).toMatchObject({
      type: 'access.pairing-closed',
      status: 403,
    })
    const old = await code(api)
    const opened = (await send(api, 'POST', '/api/v1/pair/window', { newCode: true })).json() as { code: string }
    expect(opened.code).toBe(await code(api))
    expect((await pairAdmin(api, old)).problem().type).toBe('access.code-wrong')
    for (let n = 0; n < 40; n += 1) {
      await pairAdmin(api, 'AAAA-BBBB-CCCC')
      clock.pass(1_000)
    }
    expect((await pairAdmin(api, opened.code)).status).toBe(429)
  })
})

describe('the journal', () => {
  test('tells who came, who was refused and what was changed, from where, without secrets', async () => {
    const api = await withUser()
    const cookie = cookieOf(await signIn(api))
    await signIn(api, { password: 'a wrong one here' })
    await signIn(api, { name: 'my secret passphrase', password: 'x' })
    await ask(api, '/api/v1/users', { headers: { cookie } })
    const { token: made } = (
      await send(api, 'POST', '/api/v1/tokens', { purpose: 'scraper', role: 'viewer' })
    ).json() as { token: string }
    const entries = api.audited.map(({ principal, outcome, detail }) => [principal, outcome, detail])
    expect(entries).toEqual([
      ['API token (127.0.0.1)', 'done', 'added user "anna" as operator'],
      ['anna (127.0.0.1)', 'done', 'signed in with a password'],
      ['anna (127.0.0.1)', 'refused', 'wrong name or password'],
      ['an unknown user (127.0.0.1)', 'refused', 'wrong name or password'],
      ['anna (127.0.0.1)', 'refused', 'GET /api/v1/users needs the role admin'],
      ['API token (127.0.0.1)', 'done', 'made a token for viewer: scraper'],
    ])
    const text = JSON.stringify([api.audited, api.logged])
    for (const secret of [
      password,
      made,
      cookie.split('=')[1] ?? '',
      token,
      'my secret passphrase',
      'a wrong one here',
    ])
      expect(text).not.toContain(secret)
  })

  test('is not flooded by refusals', async () => {
    const api = await withUser()
    for (let n = 0; n < 50; n += 1) await signIn(api, { name: `nobody${n}`, password: 'x' })
    expect(api.audited.length).toBeLessThan(25)
    api.clock.pass(16 * 60_000)
    await signIn(api, { password: 'x' })
    expect(api.audited.map(({ detail }) => detail)).toContain('30 more refusals, not listed')
  })
})
