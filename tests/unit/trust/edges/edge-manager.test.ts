import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { firstContact, knownEdge } from '#contract/desktop.ts'
import { trustInfo } from '#contract/trust.ts'
import { createEdgeManager } from '../../../../service/trust/edges/edge-manager.ts'
import { type KeyStore, openEdgeStore } from '../../../../service/trust/edges/edge-store.ts'
import { readCertificates } from '../../../../service/trust/certificate.ts'
import { identity } from '../../../../service/trust/check-certificate.ts'
import { createCa, edgeId, serve, show, temporaryFolder } from '../../trust/pki.ts'
import { type EdgeProcess, startEdge } from '../../trust/start-edge.ts'

const dayMs = 86_400_000
const token = 'a-token-of-this-edge'

/** Stands in for the key store of the system, which a test machine has none of: makes the text unreadable. */
function keyStore(safe: boolean): KeyStore {
  const scramble = (data: Buffer): Buffer => Buffer.from(data.map((byte) => byte ^ 0x5a))
  return {
    isSafe: () => safe,
    encrypt: (text) => scramble(Buffer.from(text)),
    decrypt: (data) => scramble(data).toString(),
  }
}

function createApp({ safe = true, file = join(temporaryFolder(), 'edges.json') } = {}) {
  const time = { offsetMs: 0 }
  const manager = createEdgeManager({
    store: openEdgeStore(file, keyStore(safe)),
    nowMs: () => Date.now() + time.offsetMs,
    builtAtMs: Date.now() - 100 * dayMs,
    browse: async () => [
      { name: 'One', host: '192.0.2.4', port: 8443, edgeId },
      { name: 'Six', host: '2001:db8::1', port: 8443 },
      { name: 'Nonsense', host: 'a b/..@evil', port: 1 },
    ],
  })
  return { manager, file, time }
}

type App = ReturnType<typeof createApp>

async function contactWith({ manager }: App, edge: EdgeProcess) {
  const answer = await manager.addByAddress(`127.0.0.1:${edge.port}`)
  if (!answer.ok) throw new Error(answer.problem.message)
  return firstContact.parse(answer.value)
}

async function pairWith(app: App, edge: EdgeProcess) {
  const { contactId } = await contactWith(app, edge)
  const answer = await app.manager.pair({ contactId, code: '123456', clientName: 'laptop' })
  if (!answer.ok) throw new Error(answer.problem.message)
  return knownEdge.parse(answer.value)
}

const reasonOf = (answer: { ok: boolean; problem?: { reason: string } }): string => answer.problem?.reason ?? 'ok'

describe('pairing', () => {
  test('shows the fingerprint first, sends the code, pins the CA, keeps the token encrypted, connects', async () => {
    const edge = await startEdge()
    const app = createApp()
    const info = trustInfo.parse(await edge.ask('info'))
    const contact = await contactWith(app, edge)
    expect(contact).toMatchObject({ edgeId: info.edgeId, caFingerprint: info.caFingerprint, name: 'edge-one' })
    expect(await app.manager.list()).toEqual([])
    const wrong = await app.manager.pair({ contactId: contact.contactId, code: '000000', clientName: 'laptop' })
    expect(wrong).toMatchObject({ ok: false, problem: { reason: 'code-refused', action: 'Read it again.' } })
    const known = await pairWith(app, edge)
    expect(known).toMatchObject({ id: info.edgeId, caFingerprints: [info.caFingerprint], token: 'stored' })
    expect(readFileSync(app.file, 'utf8')).not.toContain(token)
    const origin = `https://127.0.0.1:${edge.port}`
    expect(app.manager.isConnected(origin)).toBe(false)
    expect(await app.manager.connect(known.id)).toEqual({ ok: true, value: { url: origin, token } })
    expect(app.manager.isConnected(origin)).toBe(true)
    // Another start of the app knows it all.
    const later = createApp({ file: app.file })
    expect(await later.manager.list()).toEqual([known])
    expect(reasonOf(await later.manager.connect(known.id))).toBe('ok')
    await later.manager.remove(known.id)
    expect(later.manager.isConnected(origin)).toBe(false)
    expect(readFileSync(app.file, 'utf8')).not.toContain(known.id)
  })

  test('without a key store, keeps the token until the app is closed', async () => {
    const edge = await startEdge()
    const app = createApp({ safe: false })
    const known = await pairWith(app, edge)
    expect(known.token).toBe('session')
    expect(reasonOf(await app.manager.connect(known.id))).toBe('ok')
    const text = readFileSync(app.file, 'utf8')
    expect(text).not.toContain(token)
    expect(text).not.toContain('"token"')
    const later = createApp({ safe: false, file: app.file })
    expect((await later.manager.list())[0]?.token).toBe('none')
    expect(reasonOf(await later.manager.connect(known.id))).toBe('not-paired')
  })

  test('a first contact is forgotten after ten minutes', async () => {
    const edge = await startEdge()
    const app = createApp()
    const { contactId } = await contactWith(app, edge)
    app.time.offsetMs = 601_000
    expect(reasonOf(await app.manager.pair({ contactId, code: '123456', clientName: 'laptop' }))).toBe('unknown-edge')
  })
})

describe('a paired edge', () => {
  test('is followed through a rotation of its CA', async () => {
    const edge = await startEdge()
    const app = createApp()
    const { id, caFingerprints } = await pairWith(app, edge)
    await edge.ask('rotate')
    expect(reasonOf(await app.manager.connect(id))).toBe('ok')
    const info = trustInfo.parse(await edge.ask('info'))
    const [known] = await app.manager.list()
    expect(new Set(known?.caFingerprints)).toEqual(new Set([...caFingerprints, info.caFingerprint]))
  })

  test('whose device certificate was withdrawn is refused as long as it shows it', async () => {
    const edge = await startEdge()
    const app = createApp()
    const { id } = await pairWith(app, edge)
    expect(reasonOf(await app.manager.connect(id))).toBe('ok')
    // A thief of the old key would show the old chain; the app has the list by now.
    const chain = readFileSync(join(edge.folder, 'ca-1/device.pem'), 'utf8')
    const issuing = readFileSync(join(edge.folder, 'ca-1/issuing.pem'), 'utf8')
    const stolen = [...readCertificates(chain), ...readCertificates(issuing)].map(({ pem }) => pem)
    expect(app.manager.accepts('127.0.0.1', stolen)).toBe(true)
    await edge.ask('revoke', { text: readCertificates(chain)[0]?.serial ?? '' })
    expect(reasonOf(await app.manager.connect(id))).toBe('ok')
    expect(app.manager.accepts('127.0.0.1', stolen)).toBe(false)
  })

  test('is refused when another one answers at its address, or the clock of the computer is wrong', async () => {
    const [edge, other] = await Promise.all([startEdge(), startEdge()])
    const app = createApp()
    const { id } = await pairWith(app, edge)
    const text = readFileSync(app.file, 'utf8')
    writeFileSync(app.file, text.replaceAll(`:${edge.port}`, `:${other.port}`))
    const moved = createApp({ file: app.file })
    expect(reasonOf(await moved.manager.connect(id))).toBe('foreign-ca')
    expect(reasonOf(await moved.manager.addByAddress(`127.0.0.1:${other.port}`))).toBe('foreign-ca')
    expect(moved.manager.isConnected(`https://127.0.0.1:${other.port}`)).toBe(false)
    app.time.offsetMs = -200 * dayMs
    expect(reasonOf(await app.manager.connect(id))).toBe('clock-unknown')
    app.time.offsetMs = 300 * dayMs
    expect(reasonOf(await app.manager.connect(id))).toBe('expired')
  })

  test('says that it has changed when it comes back with a new CA', async () => {
    const edge = await startEdge()
    const app = createApp()
    const { id } = await pairWith(app, edge)
    const ca = await createCa('new')
    const { shown } = await show({ use: 'server', uri: identity.edge(id) }, ca.issuing)
    const { port } = await serve({ cert: shown.chain + ca.root.certificate.pem, key: shown.key })
    writeFileSync(app.file, readFileSync(app.file, 'utf8').replaceAll(`:${edge.port}`, `:${port}`))
    const later = createApp({ file: app.file })
    const answer = await later.manager.connect(id)
    expect(answer).toMatchObject({ ok: false, problem: { reason: 'changed' } })
  })
})

describe('what is typed', () => {
  test.each(['', 'http://127.0.0.1:8443', 'https://a@b', '127.0.0.1:99999', 'a/b', 'x y', 'https://host/?a=1'])(
    '%j is no address',
    async (text) => {
      expect(reasonOf(await createApp().manager.addByAddress(text))).toBe('address-invalid')
    },
  )

  test('nobody there, and somebody who speaks no TLS', async () => {
    const app = createApp()
    expect(reasonOf(await app.manager.addByAddress('127.0.0.1:9'))).toBe('unreachable')
    const ca = await createCa('web')
    const { shown } = await show({ use: 'server', uri: 'urn:example:web' }, ca.issuing)
    const { port } = await serve({ cert: shown.chain + ca.root.certificate.pem, key: shown.key })
    expect(reasonOf(await app.manager.addByAddress(`https://127.0.0.1:${port}`))).toBe('not-an-edge')
  })

  test('what is found on the network is cleaned up', async () => {
    expect(await createApp().manager.discover()).toEqual([
      { name: 'One', address: 'https://192.0.2.4:8443', id: edgeId },
      { name: 'Six', address: 'https://[2001:db8::1]:8443' },
    ])
  })
})

test('a damaged list is set aside, not deleted', async () => {
  const file = join(temporaryFolder(), 'edges.json')
  writeFileSync(file, '{"version":1,"edges":[{"id":"x"')
  expect(await createApp({ file }).manager.list()).toEqual([])
  expect(existsSync(`${file}.damaged`)).toBe(true)
})
