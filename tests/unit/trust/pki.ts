import { webcrypto } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SecureContextOptions } from 'node:tls'
import { onTestFinished } from 'vitest'
import { identity } from '../../../service/trust/check-certificate.ts'
import {
  createKeys,
  issueCa,
  issueLeaf,
  issueRevocations,
  issueRoot,
  type Leaf,
  type Period,
  type Signer,
} from '../../../service/trust/issue.ts'

const dayMs = 86_400_000
/** The tests' present, and the day the program was built. */
export const nowMs = Date.parse('2026-11-21T12:00:00Z')
export const builtAtMs = nowMs - 30 * dayMs
export const current: Period = { notBeforeMs: nowMs - 10 * dayMs, notAfterMs: nowMs + 100 * dayMs }
export const edgeId = '6f1d2c53-8f2e-4a0b-9a39-1d0f3f5d7a01'

/** What somebody shows: a chain, leaf first, and the key of the leaf. */
export interface Shown {
  readonly chain: string
  readonly key: string
}

export async function createCa(name: string, period = current): Promise<{ root: Signer; issuing: Signer }> {
  const rootKeys = await createKeys()
  const root: Signer = { certificate: await issueRoot(`${name} root`, rootKeys, period), keys: rootKeys }
  return { root, issuing: await createIssuing(`${name} issuing`, root, period) }
}

export async function createIssuing(name: string, root: Signer, period = current): Promise<Signer> {
  const keys = await createKeys()
  return { certificate: await issueCa(name, keys.publicKey, period, root, 0), keys }
}

/** One row per way in which a certificate can be bad: why it must be refused, and what is shown. */
export async function badCertificates(use: 'server' | 'client', ca: { root: Signer; issuing: Signer }) {
  const uri = use === 'server' ? identity.edge(edgeId) : identity.user('anna')
  const other = use === 'server' ? 'client' : 'server'
  const foreign = await createCa('foreign')
  const impostor = await createCa('site')
  const oldIssuing = await createIssuing('old issuing', ca.root, {
    notBeforeMs: current.notBeforeMs,
    notAfterMs: nowMs - dayMs,
  })
  const hidden = await createIssuing('hidden issuing', ca.root)
  const leafCa: Signer = await asSigner(ca.issuing, uri, use)
  const make = (changes: Partial<Leaf> = {}, signer = ca.issuing) => show({ use, uri, ...changes }, signer)
  const past: Period = { notBeforeMs: nowMs - 9 * dayMs, notAfterMs: nowMs - dayMs }
  const future: Period = { notBeforeMs: nowMs + dayMs, notAfterMs: nowMs + 9 * dayMs }
  const revoked = await make()
  const alone = await make({}, foreign.issuing)
  const rows: [name: string, reason: string, shown: Shown][] = [
    ['expired', 'expired', (await make({ period: past })).shown],
    ['not valid yet', 'not-yet-valid', (await make({ period: future })).shown],
    ['below an expired CA', 'expired', (await make({}, oldIssuing)).shown],
    ['for the other use', 'wrong-usage', (await make({ use: other })).shown],
    ['signed by a leaf', 'missing-intermediate', (await make({}, leafCa)).shown],
    ['withdrawn', 'revoked', revoked.shown],
    ['from a foreign CA, root sent', 'foreign-ca', withRoot((await make({}, foreign.issuing)).shown, foreign.root)],
    ['from a CA with the same names', 'foreign-ca', withRoot((await make({}, impostor.issuing)).shown, impostor.root)],
    ['from a foreign CA, root not sent', 'missing-intermediate', alone.shown],
    ['below a CA that is not sent', 'missing-intermediate', leafOnly((await make({}, hidden)).shown)],
    ['self-signed', 'self-signed', await selfSigned(use)],
    ['with a weak key', 'weak-key', await weak(ca.issuing, use, uri)],
    [
      'for somebody else',
      'wrong-name',
      (await make(use === 'server' ? { names: ['elsewhere.example', '192.0.2.7'] } : { uri: 'urn:example:anna' }))
        .shown,
    ],
  ]
  const revocations = await issueRevocations(ca.issuing, [{ serial: revoked.serial, atMs: nowMs }], current)
  return { rows, revocations }
}

export async function show(
  changes: Partial<Leaf> & Pick<Leaf, 'use' | 'uri'>,
  signer: Signer,
): Promise<{ shown: Shown; serial: string }> {
  const keys = await createKeys()
  const certificate = await issueLeaf(
    { commonName: 'leaf', publicKey: keys.publicKey, period: current, names: ['localhost', '127.0.0.1'], ...changes },
    signer,
  )
  return {
    shown: { chain: certificate.pem + signer.certificate.pem, key: keys.pem },
    serial: certificate.serial,
  }
}

function withRoot(shown: Shown, root: Signer): Shown {
  return { ...shown, chain: shown.chain + root.certificate.pem }
}

function leafOnly({ chain, key }: Shown): Shown {
  return { chain: chain.slice(0, chain.indexOf('-----BEGIN', 10)), key }
}

async function asSigner(issuing: Signer, uri: string, use: 'server' | 'client'): Promise<Signer> {
  const keys = await createKeys()
  const leaf = { commonName: 'leaf as CA', publicKey: keys.publicKey, period: current, use, uri }
  return { certificate: await issueLeaf(leaf, issuing), keys }
}

async function selfSigned(use: 'server' | 'client'): Promise<Shown> {
  const keys = await createKeys()
  const root: Signer = { certificate: await issueRoot('myself', keys, current), keys }
  const uri = use === 'server' ? identity.edge(edgeId) : identity.user('anna')
  const leaf = await issueLeaf({ commonName: 'myself', publicKey: keys.publicKey, period: current, use, uri }, root)
  return { chain: leaf.pem, key: keys.pem }
}

/** RSA with 1024 bits: still made by old tools. */
async function weak(issuing: Signer, use: 'server' | 'client', uri: string): Promise<Shown> {
  const pair = await webcrypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
    true,
    ['sign', 'verify'],
  )
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey)).toString('base64')
  const leaf = { commonName: 'leaf', publicKey: pair.publicKey, period: current, use, uri, names: ['127.0.0.1'] }
  const key = `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`
  return { chain: (await issueLeaf(leaf, issuing)).pem + issuing.certificate.pem, key }
}

/** An HTTPS server on a free loopback port that answers every request with "served"; ends with the test. */
export async function serve(
  options: SecureContextOptions & { requestCert?: boolean },
): Promise<{ server: Server; port: number }> {
  const server = createServer({ rejectUnauthorized: false, ...options }, (_request, response) => response.end('served'))
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, port: (server.address() as AddressInfo).port }
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-trust-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
