import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { health, status } from '#contract/api.ts'
import { pairWindow } from '#contract/access.ts'
import { issuedClientCertificate, trustInfo } from '#contract/trust.ts'
import { createEdgeManager } from '../../service/trust/edges/edge-manager.ts'
import { openEdgeStore } from '../../service/trust/edges/edge-store.ts'
import { identity } from '../../service/trust/check-certificate.ts'
import { createCa, show } from '../unit/trust/pki.ts'
import { clientOf } from './client.ts'
import { runCtl } from './r-emsctl.ts'
import { authorized, type ServiceProcess, startService } from './service-process.ts'

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
const network = ['--listen', '127.0.0.1:0', '--client-certificates', 'optional']

let folder: string
let siteFile: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-network-'))
  siteFile = join(folder, 'site.yaml')
  writeFileSync(siteFile, site)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Answer {
  readonly status: number
  readonly body: string
}

/** Asks over HTTPS and trusts the CA of the site only. */
function ask(
  service: ServiceProcess,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  client: { certificate: string; key: string } = { certificate: '', key: '' },
): Promise<Answer> {
  const ca = readFileSync(join(service.dataFolder, 'trust/site-ca.pem'), 'utf8')
  return new Promise((resolve, reject) => {
    const { certificate, key } = client
    const shown = certificate === '' ? {} : { cert: certificate, key }
    const sent = request(new URL(path, service.secureUrl), {
      ca,
      headers,
      agent: false,
      servername: 'localhost',
      ...shown,
    })
    sent.on('error', reject)
    sent.on('response', (answer) => {
      text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject)
    })
    sent.end()
  })
}

const send = (service: ServiceProcess, method: string, path: string, body?: object): Promise<Response> =>
  fetch(`${service.url}${path}`, {
    method,
    headers: { ...authorized, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })

const createApp = (file: string) =>
  createEdgeManager({
    store: openEdgeStore(file, { isSafe: () => false, encrypt: () => Buffer.alloc(0), decrypt: () => '' }),
    nowMs: () => Date.now(),
    builtAtMs: Date.now() - 86_400_000,
    browse: async () => [],
  })

test('an app finds the service by its address, pairs, connects, and follows a rotation', async () => {
  await using service = await startService(['--config', siteFile, ...network])
  const app = createApp(join(folder, 'edges.json'))
  const contact = await app.addByAddress(service.secureUrl ?? '')
  if (!contact.ok) throw new Error(contact.problem.message)
  const shown = trustInfo.parse(await (await send(service, 'GET', '/api/v1/trust')).json())
  expect(contact.value).toMatchObject({ edgeId: shown.edgeId, caFingerprint: shown.caFingerprint })
  const { contactId } = contact.value
  const wrong = await app.pair({ contactId, code: 'AAAA-AAAA', clientName: 'laptop' })
  expect(wrong).toMatchObject({ ok: false, problem: { reason: 'code-refused' } })
  const { code } = pairWindow.parse(
    await (await send(service, 'POST', '/api/v1/pair/window', { newCode: true })).json(),
  )
  const paired = await app.pair({ contactId, code, clientName: 'laptop' })
  if (!paired.ok) throw new Error(paired.problem.message)
  const session = await app.connect(paired.value.id)
  if (!session.ok) throw new Error(session.problem.message)
  const { token } = session.value
  const answer = await ask(service, '/api/v1/status', { authorization: `Bearer ${token}` })
  expect(status.parse(JSON.parse(answer.body)).site).toBe('Test')
  expect((await ask(service, '/api/v1/status')).status).toBe(401)
  const rotated = await send(service, 'POST', '/api/v1/trust/rotation')
  const { caFingerprint } = trustInfo.parse(await rotated.json())
  expect(caFingerprint).not.toBe(shown.caFingerprint)
  expect(await app.connect(paired.value.id)).toEqual(session)
  expect((await app.list())[0]?.caFingerprints).toContain(caFingerprint)
})

test('names of others are refused on the network as on this machine', async () => {
  await using service = await startService(['--config', siteFile, ...network])
  const port = new URL(service.secureUrl ?? '').port
  for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${port}.evil.example`])
    expect([host, (await ask(service, '/health', { host })).status]).toEqual([host, 421])
  expect((await ask(service, '/health', { host: `localhost:${port}` })).status).toBe(200)
  expect((await ask(service, '/health', { origin: 'https://evil.example' })).status).toBe(403)
  expect((await ask(service, '/health', { origin: `http://127.0.0.1:${port}` })).status).toBe(403)
  expect((await ask(service, '/health', { origin: `https://127.0.0.1:${port}` })).status).toBe(200)
})

test('client certificates sign in a user that exists, until they are withdrawn; no key is left anywhere', async () => {
  await using service = await startService(['--config', siteFile, ...network], {
    environment: { R_EMS_LOG_LEVEL: 'trace' },
  })
  const issue = async (name: string) =>
    issuedClientCertificate.parse(await (await send(service, 'POST', '/api/v1/trust/clients', { name })).json())
  const user = { name: 'anna', role: 'viewer', password: 'four words that fit' }
  expect((await send(service, 'POST', '/api/v1/users', user)).status).toBe(201)
  const [anna, nobody] = [await issue('anna'), await issue('nobody')]
  expect((await ask(service, '/api/v1/status', {}, anna)).status).toBe(200)
  expect((await ask(service, '/api/v1/users', {}, anna)).status).toBe(403)
  expect((await ask(service, '/api/v1/status', {}, nobody)).status).toBe(401)
  expect((await send(service, 'DELETE', `/api/v1/trust/certificates/${anna.serial}`)).status).toBe(204)
  const refused = await ask(service, '/api/v1/status', {}, anna)
  expect(refused.status).toBe(403)
  expect(refused.body).toContain('withdrawn')
  expect((await send(service, 'PUT', '/api/v1/trust/authorities/acme', { certificates: 'none' })).status).toBe(400)
  const audit = await (await send(service, 'GET', '/api/v1/audit')).text()
  for (const words of ['issues a client certificate for \\"anna\\"', `withdraws the certificate ${anna.serial}`])
    expect(audit).toContain(words)

  const trust = join(service.dataFolder, 'trust')
  const device = readFileSync(join(trust, 'ca-1/device.pem'), 'utf8')
  const rootKey = readFileSync(join(trust, 'ca-1/root-key.pem'), 'utf8')
  const canaries = [anna.key, device.slice(device.indexOf('-----BEGIN PRIVATE')), rootKey]
  const elsewhere = readdirSync(service.dataFolder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.startsWith(trust))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
  const said = [service.errors(), audit, ...elsewhere].join('\n')
  for (const key of canaries) expect(said).not.toContain(key.split('\n')[1])
})

test('r-emsctl trust: an integrator’s clients are accepted while its CA is, and own ones until withdrawn', async () => {
  await using service = await startService([
    '--config',
    siteFile,
    '--listen',
    '127.0.0.1:0',
    '--client-certificates',
    'required',
  ])
  const ctl = (...args: string[]) =>
    runCtl(['trust', ...args, '--url', service.url, '--data-dir', service.dataFolder], { R_EMS_API_TOKEN: '' })
  const user = { name: 'anna', role: 'viewer', password: 'four words that fit' }
  expect((await send(service, 'POST', '/api/v1/users', user)).status).toBe(201)
  const nobody = await ask(service, '/api/v1/status')
  expect(nobody).toMatchObject({ status: 401, body: expect.stringContaining('client certificate') as string })

  const period = { notBeforeMs: Date.now() - 86_400_000, notAfterMs: Date.now() + 86_400_000 }
  const acme = await createCa('acme', period)
  const { shown } = await show({ use: 'client', uri: identity.user('anna'), period }, acme.issuing)
  const theirs = { certificate: shown.chain, key: shown.key }
  expect(await ask(service, '/api/v1/status', {}, theirs)).toMatchObject({ status: 403 })
  const chainFile = join(folder, 'acme.pem')
  writeFileSync(chainFile, acme.issuing.certificate.pem)
  expect(await ctl('import', 'acme', chainFile)).toMatchObject({
    status: 5,
    stderr: expect.stringContaining('the root of the chain is missing') as string,
  })
  writeFileSync(chainFile, acme.root.certificate.pem + acme.issuing.certificate.pem)
  expect(await ctl('import', 'acme', chainFile)).toMatchObject({ status: 0, stderr: '' })
  expect((await ctl('show')).stdout).toContain('acme issuing')
  expect(await ask(service, '/api/v1/status', {}, theirs)).toMatchObject({ status: 200 })
  // The role is that of the user.
  expect(await ask(service, '/api/v1/users', {}, theirs)).toMatchObject({ status: 403 })
  expect(await ctl('remove', 'acme')).toMatchObject({ status: 0 })
  expect(await ask(service, '/api/v1/status', {}, theirs)).toMatchObject({ status: 403 })

  const own = issuedClientCertificate.parse((await ctl('issue', 'anna', '--json')).json())
  expect((await ctl('clients')).stdout).toContain(own.serial)
  expect(await ask(service, '/api/v1/status', {}, own)).toMatchObject({ status: 200 })
  const before = trustInfo.parse((await ctl('show', '--json')).json())
  expect((await ctl('rotate')).stdout).not.toContain(before.caFingerprint)
  expect(await ask(service, '/api/v1/status', {}, own)).toMatchObject({ status: 200 })
  expect(await ctl('withdraw', own.serial)).toMatchObject({ status: 0 })
  expect(await ask(service, '/api/v1/status', {}, own)).toMatchObject({ status: 403 })
  expect(await ctl('withdraw', 'ffff')).toMatchObject({ status: 5 })
  expect(await ctl('import', 'acme')).toMatchObject({ status: 2 })
  expect(await ctl('import', 'acme', join(folder, 'nothing.pem'))).toMatchObject({ status: 1 })
})

test('damaged certificates: no network, one sentence and the cure, and this machine is served', async () => {
  const dataFolder = join(folder, 'damaged')
  mkdirSync(join(dataFolder, 'trust'), { recursive: true })
  writeFileSync(join(dataFolder, 'trust/state.json'), '{')
  await using service = await startService(['--config', siteFile, ...network], { dataFolder })
  expect(service.secureUrl).toBeUndefined()
  const found = await clientOf(service).get('/api/v1/health', health)
  const fault = found.faults.find(({ code }) => code === 'trust.damaged')
  expect(fault?.message).toContain(join(dataFolder, 'trust'))
  expect(fault?.action).toContain('backup')
  expect((await send(service, 'GET', '/api/v1/trust')).status).toBe(404)
  expect(readFileSync(join(dataFolder, 'trust/state.json'), 'utf8')).toBe('{')
})
