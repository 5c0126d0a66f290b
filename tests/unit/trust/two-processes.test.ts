import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { trustInfo } from '#contract/trust.ts'
import { type EdgeProcess, startEdge } from './start-edge.ts'

const client = z.object({ certificate: z.string(), key: z.string(), serial: z.string() })
const dayMs = 86_400_000

interface Answer {
  readonly status: number
  readonly body: string
  /** Fingerprint of the device certificate that answered. */
  readonly served: string
}

/** One request that trusts these roots and nothing else, as any HTTPS client would. */
function ask(
  edge: EdgeProcess,
  roots: string,
  more: { client?: z.infer<typeof client>; agent?: Agent } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({
      host: '127.0.0.1',
      port: edge.port,
      path: '/who',
      ca: roots,
      agent: more.agent ?? false,
      ...(more.client && { cert: more.client.certificate, key: more.client.key }),
    })
    sent.on('error', reject)
    sent.on('response', (answer) => {
      const served = (answer.socket as TLSSocket).getPeerCertificate().fingerprint256
      text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body, served }), reject)
    })
    sent.end()
  })
}

const rootsOf = (edge: EdgeProcess): string => readFileSync(join(edge.folder, 'site-ca.pem'), 'utf8')

/** Polls over new connections and over one that stays open, until told to end; every answer and failure is kept. */
function poll(edge: EdgeProcess, roots: string) {
  const answers: Answer[] = []
  const failures: unknown[] = []
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ending = new AbortController()
  let wake: (() => void) | undefined
  const loop = async (options: { agent?: Agent }): Promise<void> => {
    while (!ending.signal.aborted) {
      try {
        answers.push(await ask(edge, roots, options))
      } catch (error) {
        failures.push(error)
      }
      wake?.()
    }
  }
  const loops = [loop({}), loop({ agent })]
  return {
    answers,
    failures,
    /** Resolves when this many more answers, or failures, have come. */
    async more(count: number): Promise<void> {
      const wanted = answers.length + failures.length + count
      while (answers.length + failures.length < wanted) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    async end(): Promise<void> {
      ending.abort()
      await Promise.all(loops)
      agent.destroy()
    },
  }
}

test('renewal and rotation: a client that polls in the meantime sees no failure', async () => {
  // Made 121 of its 180 days ago.
  const edge = await startEdge({ clockOffsetMs: -121 * dayMs })
  const oldRoots = rootsOf(edge)
  const polling = poll(edge, oldRoots)
  await polling.more(20)
  expect(await edge.ask('renew')).toBe(false)
  await edge.ask('pass', { ms: 121 * dayMs })
  expect(await edge.ask('renew')).toBe(true)
  await polling.more(20)
  // A new address needs a new certificate at once.
  await edge.ask('names', { text: '192.0.2.10' })
  expect(await edge.ask('renew')).toBe(true)
  await polling.more(20)
  await edge.ask('rotate')
  await polling.more(20)
  await polling.end()
  expect(polling.failures).toEqual([])
  expect(polling.answers.every(({ status }) => status === 200)).toBe(true)
  expect(new Set(polling.answers.map(({ served }) => served)).size).toBe(4)

  // Whoever knows only one of the two roots is served, in the overlap and by the new one after it.
  const [, newRoot = ''] = /^(-----BEGIN[^]+?END CERTIFICATE-----\n)/.exec(rootsOf(edge)) ?? []
  expect(oldRoots).not.toContain(newRoot)
  expect(await ask(edge, newRoot)).toMatchObject({ status: 200 })
  expect(await ask(edge, oldRoots)).toMatchObject({ status: 200 })
})

test('client certificates: named, withdrawn on the open connection, and refused with words', async () => {
  const edge = await startEdge({ clientCertificates: 'required' })
  const anna = client.parse(await edge.ask('client', { text: 'anna' }))
  const roots = rootsOf(edge)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  expect(await ask(edge, roots, { client: anna, agent })).toMatchObject({ status: 200, body: '{"user":"anna"}' })
  // Of the CA before a rotation: trusted until its end.
  await edge.ask('rotate')
  expect(await ask(edge, roots, { client: anna })).toMatchObject({ status: 200 })
  await edge.ask('revoke', { text: anna.serial })
  const again = await ask(edge, roots, { client: anna, agent })
  expect(again.status).not.toBe(200)
  expect(again.body).toContain('withdrawn')
  expect((await ask(edge, roots, { client: anna })).body).toContain('withdrawn')
  expect((await ask(edge, roots)).body).toContain('asks for a client certificate')
  agent.destroy()
})

test('private keys: files of this user only, and nowhere else', async () => {
  const edge = await startEdge()
  const anna = client.parse(await edge.ask('client', { text: 'anna' }))
  await edge.ask('rotate')
  await edge.ask('revoke', { text: anna.serial })
  const bad = { ...anna, certificate: anna.certificate.slice(0, anna.certificate.indexOf('-----BEGIN', 9)) }
  await ask(edge, rootsOf(edge), { client: bad })
  await expect(edge.ask('revoke', { text: 'ffff' })).rejects.toThrow('ffff')
  const files = readdirSync(edge.folder, { recursive: true, withFileTypes: true })
  const keys: string[] = [anna.key]
  for (const entry of files) {
    const path = join(entry.parentPath, entry.name)
    expect([path, (statSync(path).mode & 0o777).toString(8)]).toEqual([path, entry.isDirectory() ? '700' : '600'])
    if (entry.isFile())
      keys.push(
        ...(readFileSync(path, 'utf8').match(/-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/g) ?? []),
      )
  }
  // Root, issuing CA and device of both generations, and the client's, which is kept nowhere.
  expect(keys).toHaveLength(7)
  const info = trustInfo.parse(await edge.ask('info'))
  const said = [
    edge.output(),
    JSON.stringify(info),
    ...files
      .filter((one) => one.isFile() && /crl|site-ca|state/.test(one.name))
      .map((one) => readFileSync(join(one.parentPath, one.name), 'utf8')),
  ].join('\n')
  expect(edge.output()).toContain('refused')
  for (const key of keys) for (const line of key.split('\n').slice(1, -2)) expect(said).not.toContain(line)
})

/** What OpenSSL agrees on with an edge when it offers this; undefined when nothing. */
function agreed(edge: EdgeProcess, offer: readonly string[]): string | undefined {
  const { stdout } = spawnSync(
    'openssl',
    ['s_client', '-connect', `127.0.0.1:${edge.port}`, '-CAfile', join(edge.folder, 'site-ca.pem'), ...offer],
    { input: '', encoding: 'utf8', timeout: 10_000 },
  )
  const [, version, cipher] = /^New, (.+?), Cipher is (.+)$/m.exec(stdout) ?? []
  if (version === undefined || cipher === '(NONE)') return undefined
  return stdout.includes('Verify return code: 0 (ok)') ? version : 'unverified'
}

test('TLS: 1.3 preferred, 1.2 the floor, forward secrecy only', async () => {
  const edge = await startEdge()
  const any = 'ALL:@SECLEVEL=0'
  expect(agreed(edge, [])).toBe('TLSv1.3')
  expect(agreed(edge, ['-tls1_2', '-cipher', any])).toBe('TLSv1.2')
  expect(agreed(edge, ['-tls1_1', '-cipher', any])).toBeUndefined()
  expect(agreed(edge, ['-tls1', '-cipher', any])).toBeUndefined()
  for (const cipher of ['AES128-SHA', 'ECDHE-ECDSA-AES128-SHA', 'AES128-GCM-SHA256', 'NULL', 'AECDH-AES128-SHA'])
    expect([cipher, agreed(edge, ['-tls1_2', '-cipher', `${cipher}:@SECLEVEL=0`])]).toEqual([cipher, undefined])
})
