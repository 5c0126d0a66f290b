import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import { refusalReason } from '#contract/trust.ts'
import { type Anchors, loadAnchors } from '../../../service/trust/anchors.ts'
import { readCertificates } from '../../../service/trust/certificate.ts'
import { checkServerCertificate, identity, userOf } from '../../../service/trust/check-certificate.ts'
import { createClientIdentities, type ClientIdentity } from '../../../service/trust/client-identity.ts'
import { issueCa, type Signer } from '../../../service/trust/issue.ts'
import { CertificateRefused, connectSecurely } from '../../../service/trust/secure-connect.ts'
import {
  badCertificates,
  builtAtMs,
  createCa,
  createIssuing,
  current,
  edgeId,
  nowMs,
  serve,
  show,
  type Shown,
} from './pki.ts'

type Row = readonly [name: string, reason: string, shown: Shown]

let ca: { root: Signer; issuing: Signer }
let servers: { rows: readonly Row[]; anchors: Anchors }
let clients: { rows: readonly Row[]; anchors: Anchors }

async function prepare(use: 'server' | 'client'): Promise<{ rows: readonly Row[]; anchors: Anchors }> {
  const { rows, revocations } = await badCertificates(use, ca)
  const anchors = await loadAnchors({
    roots: ca.root.certificate.pem,
    intermediates: ca.issuing.certificate.pem,
    revocations,
  })
  return { rows, anchors }
}

beforeAll(async () => {
  ca = await createCa('site')
  ;[servers, clients] = await Promise.all([prepare('server'), prepare('client')])
})

const names = [
  'expired',
  'not valid yet',
  'below an expired CA',
  'for the other use',
  'signed by a leaf',
  'withdrawn',
  'from a foreign CA, root sent',
  'from a CA with the same names',
  'from a foreign CA, root not sent',
  'below a CA that is not sent',
  'self-signed',
  'with a weak key',
  'for somebody else',
] as const

const rowOf = (table: { rows: readonly Row[] }, name: string): Row => {
  const row = table.rows.find(([one]) => one === name)
  if (!row) throw new Error(`there is no row ${name}`)
  return row
}

/** Old ciphers and keys, as a bad server or client would have them. */
const lax = { ciphers: 'DEFAULT@SECLEVEL=0' }

/** What an app makes of a server that shows this, over a real connection. */
async function reasonSeenByApp(shown: Shown, changes: { atMs?: number; anchors?: Anchors } = {}): Promise<string> {
  const { port } = await serve({ cert: shown.chain, key: shown.key, ...lax })
  try {
    const { socket } = await connectSecurely({ host: '127.0.0.1', port }, (chain) =>
      checkServerCertificate({
        chain,
        anchors: changes.anchors ?? servers.anchors,
        host: '127.0.0.1',
        nowMs: changes.atMs ?? nowMs,
        builtAtMs,
        edgeId,
      }),
    )
    socket.destroy()
    return 'accepted'
  } catch (error) {
    if (!(error instanceof CertificateRefused)) throw error
    const { message, action, reason } = error.refusal
    expect(message).toMatch(/^[A-Z].*[.]$/)
    expect(action).toMatch(/^[A-Z].*[.]$/)
    return reason
  }
}

/** What the service makes of a client that shows this, over a real connection. */
async function seenByService(shown: Shown | undefined, atMs = nowMs): Promise<ClientIdentity> {
  const key = await show({ use: 'server', uri: identity.edge(edgeId) }, ca.issuing)
  const identify = createClientIdentities(
    { clientAnchors: () => clients.anchors, onChange: () => () => undefined },
    { nowMs: () => atMs, monotonicMs: () => 0 },
    builtAtMs,
  )
  const { server, port } = await serve({
    cert: key.shown.chain,
    key: key.shown.key,
    ca: ca.root.certificate.pem,
    requestCert: true,
    ...lax,
  })
  const seen = Promise.withResolvers<ClientIdentity>()
  server.on('request', ({ socket }) => seen.resolve(identify(socket as TLSSocket)))
  await new Promise<void>((resolve, reject) => {
    const client = shown && { cert: shown.chain, key: shown.key }
    const sent = request({ host: '127.0.0.1', port, rejectUnauthorized: false, agent: false, ...lax, ...client })
    sent.on('error', reject)
    sent.on('response', (answer) => void text(answer).then(() => resolve()))
    sent.end()
  })
  return seen.promise
}

describe('the app', () => {
  test('accepts the edge it has paired with, and reaches it', async () => {
    const { shown } = await show({ use: 'server', uri: identity.edge(edgeId) }, ca.issuing)
    expect(await reasonSeenByApp(shown)).toBe('accepted')
  })

  test.each(names)('refuses a server certificate %s', async (name) => {
    // The app has the intermediate of its own edge only from what the edge sends.
    const [, reason, shown] = rowOf(servers, name)
    // A CA that is paired claims the identity of the edge: the app says that it has changed.
    const claims = ['foreign-ca', 'missing-intermediate', 'self-signed'].includes(reason) ? 'changed' : reason
    expect(await reasonSeenByApp(shown)).toBe(claims)
  })

  test.each(['from a foreign CA, root sent', 'below a CA that is not sent', 'self-signed'])(
    'tells a stranger from a changed edge: %s',
    (name) => {
      const [, reason, shown] = rowOf(servers, name)
      const verdict = checkServerCertificate({
        chain: readCertificates(shown.chain),
        anchors: servers.anchors,
        host: '127.0.0.1',
        nowMs,
        builtAtMs,
      })
      expect(verdict).toMatchObject({ ok: false, refusal: { reason } })
    },
  )

  test('refuses another edge of the same CA as changed', async () => {
    const uri = identity.edge('00000000-0000-4000-8000-000000000000')
    const { shown } = await show({ use: 'server', uri }, ca.issuing)
    expect(await reasonSeenByApp(shown)).toBe('changed')
  })

  test('says that its own clock is unknown instead of judging dates', async () => {
    const { shown } = await show({ use: 'server', uri: identity.edge(edgeId) }, ca.issuing)
    expect(await reasonSeenByApp(shown, { atMs: Date.parse('1970-01-01T00:10:00Z') })).toBe('clock-unknown')
    expect(await reasonSeenByApp(shown, { atMs: builtAtMs - 1 })).toBe('clock-unknown')
  })

  test('refuses a CA below an issuing CA, which may have none', async () => {
    const deeper = await createIssuing('deeper', ca.issuing)
    const { shown } = await show({ use: 'server', uri: identity.edge(edgeId) }, deeper)
    const chain = shown.chain + ca.issuing.certificate.pem
    expect(await reasonSeenByApp({ ...shown, chain })).toBe('wrong-usage')
  })

  test('ignores a revocation list that somebody else has signed', async () => {
    const other = await createCa('site')
    const { rows, revocations } = await badCertificates('server', ca)
    const withdrawn = rowOf({ rows }, 'withdrawn')[2]
    const forged = await badCertificates('server', other)
    const roots = ca.root.certificate.pem
    const intermediates = ca.issuing.certificate.pem
    const sound = await loadAnchors({ roots, intermediates, revocations: forged.revocations })
    expect(await reasonSeenByApp(withdrawn, { anchors: sound })).toBe('accepted')
    const right = await loadAnchors({ roots, intermediates, revocations })
    expect(await reasonSeenByApp(withdrawn, { anchors: right })).toBe('revoked')
  })

  test('follows a cross-signed root from the old one', async () => {
    const next = await createCa('next')
    const cross = await issueCa(next.root.certificate.commonName, next.root.keys.publicKey, current, ca.root, 1)
    const { shown } = await show({ use: 'server', uri: identity.edge(edgeId) }, next.issuing)
    expect(await reasonSeenByApp({ ...shown, chain: shown.chain + cross.pem + next.root.certificate.pem })).toBe(
      'accepted',
    )
    expect(await reasonSeenByApp({ ...shown, chain: shown.chain + next.root.certificate.pem })).toBe('changed')
  })
})

describe('the service', () => {
  test('accepts a client of its CA and knows its user', async () => {
    const { shown } = await show({ use: 'client', uri: identity.user('anna b/ü') }, ca.issuing)
    expect(await seenByService(shown)).toEqual({ user: 'anna b/ü' })
  })

  test('knows nobody without a certificate', async () => {
    expect(await seenByService(undefined)).toEqual({})
  })

  test.each(names)('refuses a client certificate %s', async (name) => {
    const [, reason, shown] = rowOf(clients, name)
    const { refusal, user } = await seenByService(shown)
    expect(user).toBeUndefined()
    expect(refusal?.reason).toBe(reason)
    expect(refusal?.action).toMatch(/[.]$/)
  })

  test('accepts nobody while its clock is unknown', async () => {
    const { shown } = await show({ use: 'client', uri: identity.user('anna') }, ca.issuing)
    const { refusal } = await seenByService(shown, 0)
    expect(refusal?.reason).toBe('clock-unknown')
  })

  test('a certificate for two users stands for none', async () => {
    const { shown } = await show({ use: 'client', uri: identity.user('anna') }, ca.issuing)
    const [leaf] = readCertificates(shown.chain)
    if (!leaf) throw new Error('no leaf')
    expect(userOf(leaf)).toBe('anna')
    expect(userOf({ ...leaf, uris: [identity.user('anna'), identity.user('berta')] })).toBeUndefined()
  })
})

test('every reason there is was seen by the app or the service', async () => {
  const seen = new Set([...servers.rows, ...clients.rows].map(([, reason]) => reason))
  const elsewhere = ['clock-unknown', 'changed', 'unreadable']
  expect([...seen, ...elsewhere].toSorted()).toEqual(refusalReason.options.toSorted())
})
