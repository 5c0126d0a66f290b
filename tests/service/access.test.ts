import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root, type ServiceProcess, startService } from './service-process.ts'

const password = 'four words that fit'
const site = `version: 3
name: Test
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: 35, meter: meter } }]
devices:
  - id: meter
    name: Meter
    role: grid-meter
    map: eastron/sdm630
    connection: tcp://127.0.0.1:9
`

let folder: string
let siteFile: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-accounts-'))
  siteFile = join(folder, 'site.yaml')
  writeFileSync(siteFile, site)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function ctl(dataFolder: string, args: readonly string[], options: { input?: string; port?: string } = {}) {
  const { R_EMS_API_TOKEN: _token, ...environment } = process.env
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'out/service/r-emsctl.js'), ...args, '--data-dir', dataFolder],
    {
      encoding: 'utf8',
      timeout: 20_000,
      input: options.input ?? '',
      env: { ...environment, ...(options.port !== undefined && { R_EMS_API_PORT: options.port }) },
    },
  )
  return { status, stdout, stderr }
}

const post = (service: ServiceProcess, path: string, body: object): Promise<Response> =>
  fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
const signIn = (service: ServiceProcess, name: string, given = password): Promise<Response> =>
  post(service, '/api/v1/session', { kind: 'password', name, password: given, bearer: true })

/** Everything that the files of a folder hold. */
const contents = (dataFolder: string): string =>
  readdirSync(dataFolder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n')

describe('accounts of an edge', () => {
  it('are managed while the service is stopped and while it runs, and the journal tells it all', async () => {
    const data = mkdtempSync(join(folder, 'data-'))
    expect(ctl(data, ['user', 'add', 'anna', '--role', 'admin'], { input: `${password}\n` })).toMatchObject({
      status: 0,
    })
    expect(statSync(join(data, 'accounts.json')).mode & 0o777).toBe(0o600)
    expect(ctl(data, ['user', 'add', 'bert', '--role', 'admin'], { input: 'password1234\n' })).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('commonest') as string,
    })

    await using service = await startService(['--config', siteFile], { dataFolder: data })
    const port = new URL(service.url).port
    expect(service.signInCode).toBeUndefined()
    expect((await signIn(service, 'anna')).status).toBe(200)
    expect(statSync(join(data, 'api-token')).mode & 0o777).toBe(0o600)
    expect(ctl(data, ['user', 'role', 'anna', 'viewer'], { port })).toMatchObject({
      status: 5,
      stderr: expect.stringContaining('last admin') as string,
    })
    expect(ctl(data, ['user', 'add', 'bert', '--role', 'operator'], { port, input: `${password}\n` }).status).toBe(0)
    expect(ctl(data, ['user', 'list'], { port }).stdout).toMatch(/^anna +admin .*\nbert +operator .*never\n$/)

    const created = ctl(data, ['token', 'create', 'Prometheus', '--role', 'viewer', '--days', '7'], { port })
    const token = created.stdout.trim()
    expect(token).toMatch(/^rems_[\w-]{43}$/)
    const asToken = async (): Promise<number> =>
      (await fetch(`${service.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).status
    expect(await asToken()).toBe(200)
    const id = ctl(data, ['token', 'list'], { port }).stdout.split(' ')[0] ?? ''
    expect(ctl(data, ['token', 'revoke', id], { port }).status).toBe(0)
    expect(await asToken()).toBe(401)

    expect(ctl(data, ['pair'], { port }).stdout).toContain(readFileSync(join(data, 'pairing-code'), 'utf8').trim())
    const paired = await post(service, '/api/v1/pair', {
      code: readFileSync(join(data, 'pairing-code'), 'utf8'),
      clientName: 'Laptop',
    })
    // The line break of the file is no part of the code.
    expect(paired.status).toBe(200)

    const verified = ctl(data, ['audit', 'verify'], { port })
    expect(verified).toMatchObject({ status: 0, stdout: expect.stringContaining('is whole') as string })
    const exported = ctl(data, ['audit', 'export'], { port }).stdout
    for (const words of ['added user', 'signed in', 'made a token', 'revoked', 'opened pairing', 'starts with'])
      expect(exported).toContain(words)
    expect(exported).toMatch(/"principal":"r-emsctl, \w+ \(console\)"/)
    expect(ctl(data, ['status'], { port }).stdout).toContain('Test at')
    expect(ctl(join(folder, 'nowhere'), ['status'], { port })).toMatchObject({ status: 5 })
  })

  it('a lost admin password is replaced at the device, and the journal says so', async () => {
    const data = mkdtempSync(join(folder, 'data-'))
    ctl(data, ['user', 'add', 'anna', '--role', 'admin'], { input: `${password}\n` })
    expect(ctl(data, ['user', 'password', 'anna'], { input: 'another four words\n' }).status).toBe(0)
    await using service = await startService(['--config', siteFile], { dataFolder: data })
    expect((await signIn(service, 'anna')).status).toBe(401)
    expect((await signIn(service, 'anna', 'another four words')).status).toBe(200)
    const { stdout } = ctl(data, ['audit', 'export', '--format', 'csv'], { port: new URL(service.url).port })
    expect(stdout).toContain('set the password of user ""anna""')
  })

  it('pairing asked for while stopped opens at the next start', async () => {
    const data = mkdtempSync(join(folder, 'data-'))
    ctl(data, ['user', 'add', 'anna', '--role', 'admin'], { input: `${password}\n` })
    {
      await using first = await startService(['--config', siteFile], { dataFolder: data })
      // Somebody may manage accounts, and the machine was not started again.
      expect(await (await fetch(`${first.url}/api/v1/pair`)).json()).toEqual({ open: false, firstAdmin: false })
      first.child.kill('SIGTERM')
      await new Promise((resolve) => first.child.once('exit', resolve))
      const { stdout } = ctl(data, ['pair', '--new-code'])
      expect(stdout).toContain('next start')
      await using second = await startService(['--config', siteFile], { dataFolder: data })
      const code = stdout.split('\n')[0]
      const answer = await post(second, '/api/v1/pair/admin', { code, name: 'chief', password })
      expect(answer.status).toBe(200)
    }
  })

  it('damaged accounts are set aside; control goes on and nobody gets in', async () => {
    const data = mkdtempSync(join(folder, 'data-'))
    ctl(data, ['user', 'add', 'anna', '--role', 'admin'], { input: `${password}\n` })
    writeFileSync(join(data, 'accounts.json'), '{"version":1,"users":[{"name":"evil"')
    await using service = await startService(['--config', siteFile], { dataFolder: data })
    expect((await signIn(service, 'anna')).status).toBe(401)
    expect(await (await fetch(`${service.url}/api/v1/pair`)).json()).toMatchObject({ open: false })
    expect(readdirSync(data).filter((name) => name.startsWith('accounts.json.damaged-'))).toHaveLength(1)
    expect(service.errors()).toContain('accounts were damaged')
  })

  it('the demo gives one sign-in code that works once', async () => {
    await using service = await startService(['--demo'])
    const use = (): Promise<Response> =>
      post(service, '/api/v1/session', { kind: 'code', code: service.signInCode ?? '' })
    const entered = await use()
    expect(entered.headers.get('set-cookie')).toContain('HttpOnly')
    expect((await use()).status).toBe(401)
    expect((await fetch(`${service.url}/api/v1/status`)).status).toBe(401)
    expect(await (await fetch(`${service.url}/health`)).json()).toEqual({ status: 'ok' })
  })
})

describe('r-emsctl audit verify', () => {
  it.each([
    ['an edit', `UPDATE journal SET body = replace(body, 'anna', 'mark') WHERE seq = 2`, 'edited'],
    ['a deletion', 'DELETE FROM journal WHERE seq = 2', 'missing'],
    [
      'a reordering',
      'UPDATE journal SET seq = -2 WHERE seq = 2; UPDATE journal SET seq = 2 WHERE seq = 3; UPDATE journal SET seq = 3 WHERE seq = -2',
      'reordered',
    ],
    ['a truncation', 'DELETE FROM journal WHERE seq > 2', 'truncated'],
  ])('finds %s', (_name, sql, problem) => {
    const data = mkdtempSync(join(folder, 'data-'))
    ctl(data, ['user', 'add', 'anna', '--role', 'admin'], { input: `${password}\n` })
    for (const role of ['viewer', 'operator', 'installer'])
      ctl(data, ['token', 'create', `for anna ${role}`, '--role', role])
    expect(ctl(data, ['audit', 'verify']).stdout).toContain('4 entries')
    const database = new Database(join(data, 'journal.db'))
    database.exec(sql)
    database.close()
    expect(ctl(data, ['audit', 'verify'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`The journal was changed (${problem})`) as string,
    })
  })
})

describe('canary secrets', () => {
  it('planted everywhere are in no log, no answer and no file', async () => {
    const data = mkdtempSync(join(folder, 'data-'))
    const canary = 'canary-7f3a91c2-of-the-test'
    const preset = `${canary}-preset`
    const secret = `${canary} password of anna`
    await using service = await startService(['--config', siteFile], {
      dataFolder: data,
      environment: { R_EMS_API_TOKEN: preset, R_EMS_LOG_LEVEL: 'trace' },
    })
    const answers: string[] = []
    const ask = async (path: string, method = 'GET', body?: object, headers: Record<string, string> = {}) => {
      const answer = await fetch(`${service.url}${path}`, {
        method,
        headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
        ...(body && { body: JSON.stringify(body) }),
      })
      answers.push(`${JSON.stringify([...answer.headers].filter(([name]) => name !== 'set-cookie'))} `)
      const text = await answer.text()
      return { text, cookie: answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '' }
    }
    const admin = { authorization: `Bearer ${preset}` }
    const keep = async (answer: Promise<{ text: string }>): Promise<void> => void answers.push((await answer).text)
    await keep(ask('/api/v1/users', 'POST', { name: 'anna', role: 'admin', password: secret }, admin))
    await keep(ask('/api/v1/users', 'POST', { name: canary, role: 'admin', password: secret, extra: canary }, {}))
    const { cookie } = await ask('/api/v1/session', 'POST', { kind: 'password', name: 'anna', password: secret })
    expect(cookie).toMatch(/^r-ems-\d+=[\w-]{43}$/)
    await keep(ask('/api/v1/session', 'POST', { kind: 'password', name: `${canary}-as-name`, password: secret }))
    await keep(ask('/api/v1/session', 'POST', { kind: 'password', name: 'anna', password: `${canary}-wrong` }))
    await keep(ask('/api/v1/session', 'POST', { kind: 'code', code: `${canary}-code` }))
    await keep(ask('/api/v1/pair', 'POST', { code: `${canary}-pair`, clientName: 'Laptop' }))
    await keep(ask('/api/v1/status', 'GET', undefined, { authorization: `Bearer ${canary}-bearer` }))
    await keep(ask('/api/v1/status', 'GET', undefined, { cookie: `${cookie.split('=')[0]}=${canary}-cookie` }))
    await keep(ask('/api/v1/session', 'GET', undefined, { cookie }))
    await keep(ask('/api/v1/sessions', 'GET', undefined, admin))
    await keep(ask('/api/v1/audit?limit=500', 'GET', undefined, admin))
    await keep(ask('/api/v1/events', 'GET', undefined, admin))
    await keep(ask('/metrics', 'GET', undefined, admin))
    const created = (await ask('/api/v1/tokens', 'POST', { purpose: 'canary', role: 'viewer' }, admin)).text
    const { token } = JSON.parse(created) as { token: string }
    await keep(ask('/api/v1/tokens', 'GET', undefined, admin))
    const { code } = JSON.parse((await ask('/api/v1/session/codes', 'POST', undefined, admin)).text) as { code: string }
    await keep(ask('/api/v1/session', 'POST', { kind: 'code', code }))

    const pairing = readFileSync(join(data, 'pairing-code'), 'utf8').trim()
    const session = cookie.split('=')[1] ?? ''
    service.child.kill('SIGTERM')
    await new Promise((resolve) => service.child.once('exit', resolve))
    const consoleToken = readFileSync(join(data, 'api-token'), 'utf8').trim()
    const said = [...answers, service.errors()].join('\n')
    const stored = contents(data)
    for (const hidden of [canary, token, session, code]) {
      expect(said).not.toContain(hidden)
      expect(stored).not.toContain(hidden)
    }
    // These two are files of their own, and nowhere else.
    for (const hidden of [pairing, consoleToken]) {
      expect(said).not.toContain(hidden)
      expect(stored.split(hidden)).toHaveLength(2)
    }
  })
})
