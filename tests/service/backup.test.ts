import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backupState, restoreAnswer } from '#contract/backup.ts'
import { siteEvent } from '#contract/api.ts'
import { clientOf } from './client.ts'
import { authorized, root, type ServiceProcess, startService } from './service-process.ts'

const passphrase = 'lantern orbit velvet cactus'
const canary = 'CANARY-of-a-secret'
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-backup-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const json = { ...authorized, 'content-type': 'application/json' }
const post = (service: ServiceProcess, path: string, body: object): Promise<Response> =>
  fetch(`${service.url}${path}`, { method: 'POST', headers: json, body: JSON.stringify(body) })
const control = (service: ServiceProcess, enabled: boolean): Promise<Response> =>
  clientOf(service).setControl({ enabled, dryRun: false, reason: 'a test' }, authorized)

/** The built command line with something to read, as nobody sits there. */
async function ctl(args: readonly string[], input = ''): Promise<{ status: number | null; text: string }> {
  const child = spawn(process.execPath, [join(root, 'out/service/r-emsctl.js'), ...args])
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stdin.end(input)
  await once(child, 'close')
  return { status: child.exitCode, text }
}

/** An edge with a site, certificates, an account, a secret, a licence, and control enabled; then it is killed. */
async function oldEdge(name: string): Promise<{ config: string; data: string; backup: Buffer; edgeId: string }> {
  const config = join(folder, name, 'config')
  const data = join(folder, name, 'data')
  mkdirSync(join(config, 'secrets'), { recursive: true })
  writeFileSync(join(config, 'secrets/mqtt'), canary)
  writeFileSync(
    join(config, 'site.yaml'),
    `version: 2
name: ${name}
cycleMs: 200
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: 35, meter: meter } }]
devices:
  - { id: meter, name: Meter, role: grid-meter, map: eastron/sdm630, connection: 'tcp://127.0.0.1:9' }
`,
  )
  await using service = await startService(['--config', config, '--listen', '127.0.0.1:0'], { dataFolder: data })
  const user = { name: 'ann', role: 'admin', password: 'four words that do not belong' }
  expect((await post(service, '/api/v1/users', user)).status).toBe(201)
  expect((await control(service, true)).status).toBe(200)
  const answer = await post(service, '/api/v1/backup', { passphrase })
  expect(answer.status).toBe(200)
  const backup = Buffer.from(await answer.arrayBuffer())
  const { edgeId } = backupState.parse(
    await (await fetch(`${service.url}/api/v1/backup`, { headers: authorized })).json(),
  )
  // It dies without a farewell. What is left of it is its card.
  service.child.kill('SIGKILL')
  await once(service.child, 'exit')
  const card = join(folder, name, 'card')
  cpSync(data, card, { recursive: true })
  return { config, data: card, backup, edgeId }
}

/** What the new machine has to be like, until somebody says that the old edge is gone, and afterwards. */
async function isTheEdgeWithoutControl(service: ServiceProcess, name: string, edgeId: string): Promise<void> {
  const client = clientOf(service)
  const status = await client.status()
  expect(status.site).toBe(name)
  expect(status.control).toMatchObject({ enabled: false })
  const state = backupState.parse(await client.get('/api/v1/backup', backupState))
  expect(state.edgeId).toBe(edgeId)
  expect(state.replaces).toBeDefined()
  expect((await client.health()).faults.map(({ code }) => code)).toContain('backup.unconfirmed')
  const refused = await control(service, true)
  expect(refused.status).toBe(409)
  expect(await refused.json()).toMatchObject({ type: 'backup.unconfirmed' })
  expect((await client.status()).control.enabled).toBe(false)

  const signIn = { kind: 'password', name: 'ann', password: 'four words that do not belong', bearer: true }
  const session = await fetch(`${service.url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(signIn),
  })
  expect(session.status).toBe(200)

  expect((await post(service, '/api/v1/backup/replacement', { oldEdge: 'there', reason: 'no' })).status).toBe(400)
  const gone = await post(service, '/api/v1/backup/replacement', {
    oldEdge: 'gone',
    reason: 'taken out of the cabinet',
  })
  expect(gone.status).toBe(200)
  // Nothing is switched on by that.
  expect((await client.status()).control.enabled).toBe(false)
  expect((await client.health()).faults.map(({ code }) => code)).not.toContain('backup.unconfirmed')
  expect((await control(service, true)).status).toBe(200)
  expect((await client.status()).control.enabled).toBe(true)
}

describe('an edge that died', { timeout: 60_000 }, () => {
  it('lives on in new hardware from the command line: the same, without history, and without control until it is known to be gone', async () => {
    const old = await oldEdge('Depot')
    const file = join(folder, 'depot.backup')
    // From the folders of the dead edge, as after pulling its card.
    const made = await ctl(['backup', '--config', old.config, '--data-dir', old.data, '--out', file], `${passphrase}\n`)
    expect(made).toMatchObject({ status: 0 })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const key = readFileSync(join(old.data, 'trust/ca-1/root-key.pem'), 'utf8').split('\n')[1] ?? ''
    expect(key.length).toBeGreaterThan(40)
    for (const bytes of [readFileSync(file), old.backup])
      for (const secret of [canary, key, 'root-key']) expect(bytes.includes(secret)).toBe(false)
    expect(
      (await ctl(['backup', '--config', old.config, '--data-dir', old.data, '--out', file], `${passphrase}\n`)).text,
    ).toContain('is there already')

    const config = join(folder, 'new', 'config')
    const data = join(folder, 'new', 'data')
    const restore = (input: string, ...more: string[]) =>
      ctl(['restore', file, '--config', config, '--data-dir', data, ...more], `${input}\n`)
    const wrong = await restore('not the right passphrase')
    expect(wrong).toMatchObject({
      status: 1,
      text: expect.stringContaining('the passphrase is not that of this backup') as string,
    })
    expect(existsSync(join(config, 'site.yaml'))).toBe(false)
    expect((await restore(passphrase)).status).toBe(0)
    expect((await restore(passphrase)).text).toContain('is there already')
    expect(readFileSync(join(config, 'site.yaml'), 'utf8')).toBe(readFileSync(join(old.config, 'site.yaml'), 'utf8'))
    expect(readFileSync(join(config, 'secrets/mqtt'), 'utf8')).toBe(canary)
    expect(readFileSync(join(data, 'trust/state.json'), 'utf8')).toBe(
      readFileSync(join(old.data, 'trust/state.json'), 'utf8'),
    )
    expect(readdirSync(data)).not.toContain('journal.db')
    expect(readdirSync(data)).not.toContain('edge.yaml')
    rmSync(join(folder, 'Depot'), { recursive: true })

    await using service = await startService(['--config', config], { dataFolder: data })
    await isTheEdgeWithoutControl(service, 'Depot', old.edgeId)
    const { events } = (await (await fetch(`${service.url}/api/v1/events`, { headers: authorized })).json()) as {
      events: unknown[]
    }
    expect(events.map((event) => siteEvent.parse(event)).filter(({ code }) => code === 'service.started')).toHaveLength(
      1,
    )
  })

  it('lives on in new hardware through the app, which restarts with it', async () => {
    const old = await oldEdge('Marina')
    const config = join(folder, 'twin', 'config')
    const data = join(folder, 'twin', 'data')
    mkdirSync(config, { recursive: true })
    await using service = await startService(['--config', config], { dataFolder: data })
    const client = clientOf(service)
    expect((await client.get('/api/v1/backup', backupState)).notRestorable).toBeUndefined()
    const file = old.backup.toString('base64')
    const altered = Buffer.from(old.backup)
    altered[altered.length - 30]! ^= 1
    for (const [body, code] of [
      [{ file, passphrase: 'something else' }, 'backup.passphrase'],
      [{ file: old.backup.subarray(0, -100).toString('base64'), passphrase }, 'backup.damaged'],
      [{ file: altered.toString('base64'), passphrase }, 'backup.damaged'],
      [{ file: Buffer.from('a photograph').toString('base64'), passphrase }, 'backup.invalid'],
    ] as const) {
      const refused = await post(service, '/api/v1/backup/restore', body)
      expect([refused.status, await refused.json()]).toEqual([400, expect.objectContaining({ type: code })])
    }
    const answer = await post(service, '/api/v1/backup/restore', { file, passphrase })
    expect(restoreAnswer.parse(await answer.json())).toMatchObject({ site: 'Marina', edgeId: old.edgeId })
    // The same process starts anew at the same address.
    const isMarina = async (): Promise<boolean> => {
      const status = await client.status().catch(() => undefined)
      return status?.site === 'Marina'
    }
    await expect.poll(isMarina, { timeout: 20_000 }).toBe(true)
    expect(existsSync(join(data, 'restore'))).toBe(false)
    await isTheEdgeWithoutControl(service, 'Marina', old.edgeId)
    const again = await post(service, '/api/v1/backup/restore', { file, passphrase })
    expect(again.status).toBe(409)
  })
})
