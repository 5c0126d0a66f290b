import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EdgeError } from '#contract/errors.ts'
import { trustBundle, trustInfo } from '#contract/trust.ts'
import { readCertificates } from '../../../service/trust/certificate.ts'
import { checkClientCertificate } from '../../../service/trust/check-certificate.ts'
import { followRotation } from '../../../service/trust/follow-rotation.ts'
import { openSiteCa, type SiteCa } from '../../../service/trust/site-ca.ts'
import { builtAtMs, createCa, createIssuing, nowMs, show, temporaryFolder } from './pki.ts'

const dayMs = 86_400_000

function place(startMs = nowMs) {
  const folder = join(temporaryFolder(), 'trust')
  const time = { nowMs: startMs }
  const names = ['edge-one', 'localhost', '127.0.0.1', '::1', '2001:db8::7']
  const open = (): Promise<SiteCa> =>
    openSiteCa({ folder, clock: { nowMs: () => time.nowMs }, builtAtMs, names: () => names })
  return { folder, time, names, open }
}

const device = (ca: SiteCa) => {
  const found = ca.info().certificates.find(({ use }) => use === 'device')
  if (!found) throw new Error('there is no device certificate')
  return found
}

const codeOf = (error: unknown): unknown => (error instanceof EdgeError ? error.code : error)

function verdictOn(ca: SiteCa, chain: string, atMs = nowMs): string {
  const verdict = checkClientCertificate({
    chain: readCertificates(chain),
    anchors: ca.clientAnchors(),
    nowMs: atMs,
    builtAtMs,
  })
  return verdict.ok ? 'accepted' : verdict.refusal.reason
}

describe('a site CA', () => {
  test('is made once and found again, as its contracts say', async () => {
    const { open, names } = place()
    const made = await open()
    const again = await open()
    expect(trustInfo.parse(again.info())).toEqual(made.info())
    expect(trustBundle.parse(again.bundle()).certificates).toBe(made.bundle().certificates)
    expect(device(made).names?.length).toBe(names.length)
    expect(await again.renew()).toBe(false)
  })

  test('renews the device at two thirds of its life, the issuing CA at two thirds of its own, and keeps its root', async () => {
    const { open, time } = place()
    const ca = await open()
    const first = device(ca)
    const changes: number[] = []
    ca.onChange(() => changes.push(time.nowMs))
    time.nowMs = (first.renewAtMs ?? 0) - 1
    await ca.renew()
    expect(device(ca).fingerprint).toBe(first.fingerprint)
    time.nowMs += 1
    expect(await ca.renew()).toBe(true)
    expect(changes.at(-1)).toBe(time.nowMs)
    expect(device(ca).fingerprint).not.toBe(first.fingerprint)
    expect(device(ca).notAfterMs).toBeGreaterThan(first.notAfterMs)
    const { caFingerprint } = ca.info()
    const anna = await ca.issueClient('anna')
    time.nowMs = nowMs + 4 * 365 * dayMs
    expect(await ca.renew()).toBe(true)
    expect(ca.info().caFingerprint).toBe(caFingerprint)
    const issuing = ca.info().certificates.find(({ use }) => use === 'issuing')
    expect(issuing?.notAfterMs).toBeGreaterThan(nowMs + 8 * 365 * dayMs)
    // The key has stayed: what it signed before is still of this site.
    expect(verdictOn(ca, anna.certificate, nowMs + 60 * dayMs)).not.toBe('foreign-ca')
  })

  test('needs the key of the root for a new issuing CA and a rotation only', async () => {
    const { open, folder, time } = place()
    const ca = await open()
    rmSync(join(folder, 'ca-1/root-key.pem'))
    time.nowMs = nowMs + 130 * dayMs
    expect(await ca.renew()).toBe(true)
    await expect(ca.rotate()).rejects.toSatisfy((error) => codeOf(error) === 'trust.root-offline')
    time.nowMs = nowMs + 4 * 365 * dayMs
    await expect(ca.renew()).rejects.toSatisfy((error) => codeOf(error) === 'trust.root-offline')
  })

  test('rotates with overlap: who knows the old root follows, and after the overlap it is gone', async () => {
    const { open, time, folder } = place()
    const ca = await open()
    const pinned = readCertificates(ca.bundle().certificates).filter(({ subject, issuer }) => subject === issuer)
    const anna = await ca.issueClient('anna')
    await ca.rotate()
    await expect(ca.rotate()).rejects.toSatisfy((error) => codeOf(error) === 'trust.rotating')
    const both = followRotation(pinned, readCertificates(ca.bundle().certificates))
    expect(new Set(both.map(({ fingerprint }) => fingerprint))).toEqual(
      new Set([pinned[0]?.fingerprint, ca.info().caFingerprint]),
    )
    expect(verdictOn(ca, anna.certificate)).toBe('accepted')
    // In a new process all is as it was.
    expect((await open()).info()).toEqual(ca.info())
    time.nowMs = nowMs + 181 * dayMs
    expect(await ca.renew()).toBe(true)
    expect(verdictOn(ca, anna.certificate, nowMs + dayMs)).not.toBe('accepted')
    expect(readdirSync(folder).filter((name) => name.startsWith('ca-'))).toEqual(['ca-2'])
    const after = followRotation(both, readCertificates(ca.bundle().certificates))
    expect(after.map(({ fingerprint }) => fingerprint)).toEqual([ca.info().caFingerprint])
    await ca.rotate()
  })

  test('a root that no pinned one has signed is never followed', async () => {
    const [one, other] = await Promise.all([place().open(), place().open()])
    const pinned = readCertificates(one.bundle().certificates).filter(({ subject, issuer }) => subject === issuer)
    await other.rotate()
    expect(followRotation(pinned, readCertificates(other.bundle().certificates))).toEqual(pinned)
  })

  test('withdraws clients, and its own device certificate after replacing it', async () => {
    const { open } = place()
    const ca = await open()
    const [anna, berta] = [await ca.issueClient('anna'), await ca.issueClient('berta')]
    await ca.revoke(anna.serial)
    expect([verdictOn(ca, anna.certificate), verdictOn(ca, berta.certificate)]).toEqual(['revoked', 'accepted'])
    expect(verdictOn(await open(), anna.certificate)).toBe('revoked')
    const before = device(ca).fingerprint
    const [leaf] = readCertificates(String(ca.tls().cert))
    await ca.revoke(leaf?.serial ?? '')
    expect(device(ca).fingerprint).not.toBe(before)
    expect(ca.info().revoked).toBe(2)
    await expect(ca.revoke('12')).rejects.toSatisfy((error) => codeOf(error) === 'trust.unknown-certificate')
  })
})

describe('a clock before the build', () => {
  test('is unknown: certificates start at the build, and are replaced when the clock is set', async () => {
    const { open, time } = place(0)
    const ca = await open()
    expect(ca.info().clockKnown).toBe(false)
    expect(device(ca).notBeforeMs).toBe(builtAtMs - dayMs)
    const anna = await ca.issueClient('anna')
    expect(verdictOn(ca, anna.certificate, time.nowMs)).toBe('clock-unknown')
    time.nowMs = builtAtMs + 200 * dayMs
    expect(await ca.renew()).toBe(true)
    expect(ca.info().clockKnown).toBe(true)
    expect(device(ca).notBeforeMs).toBe(time.nowMs - dayMs)
  })

  test('a certificate from a clock that was ahead is replaced when it is set back', async () => {
    const { open, time } = place(nowMs + 300 * dayMs)
    const ca = await open()
    time.nowMs = nowMs
    expect(await ca.renew()).toBe(true)
  })
})

describe('files', () => {
  test('that others could read are taken back', async () => {
    const { open, folder } = place()
    await open()
    chmodSync(join(folder, 'ca-1/device.pem'), 0o644)
    await open()
    expect(statSync(join(folder, 'ca-1/device.pem')).mode & 0o777).toBe(0o600)
  })

  test.each<[string, (folder: string) => void]>([
    ['a state that is cut off', (folder) => writeFileSync(join(folder, 'state.json'), '{"version":1,')],
    ['a missing state', (folder) => rmSync(join(folder, 'state.json'))],
    ['a missing device certificate', (folder) => rmSync(join(folder, 'ca-1/device.pem'))],
    ['an empty issuing CA', (folder) => writeFileSync(join(folder, 'ca-1/issuing.pem'), '')],
    [
      'a key of another certificate',
      (folder) => {
        const [device = '', issuing = ''] = ['device', 'issuing'].map((name) =>
          readFileSync(join(folder, `ca-1/${name}.pem`), 'utf8'),
        )
        const key = issuing.slice(issuing.indexOf('-----BEGIN PRIVATE'))
        writeFileSync(join(folder, 'ca-1/device.pem'), device.slice(0, device.indexOf('-----BEGIN PRIVATE')) + key)
      },
    ],
  ])('%s: damaged, in one sentence without a key, and nothing is overwritten', async (_name, harm) => {
    const { open, folder } = place()
    await open()
    const key = /PRIVATE KEY-----\n(.+)/.exec(readFileSync(join(folder, 'ca-1/device.pem'), 'utf8'))?.[1] ?? ''
    harm(folder)
    const before = readdirSync(folder, { recursive: true })
    const failure = await open().catch((error: unknown) => error)
    expect(codeOf(failure)).toBe('trust.damaged')
    expect(String(failure)).toContain(folder)
    expect(String(failure)).not.toContain(key)
    expect(readdirSync(folder, { recursive: true })).toEqual(before)
  })

  test('of a first start that was cut off are no damage', async () => {
    const { open, folder } = place()
    await open()
    for (const name of readdirSync(folder)) if (name !== 'ca-1') rmSync(join(folder, name), { recursive: true })
    rmSync(join(folder, 'ca-1/device.pem'))
    await expect(open()).resolves.toBeDefined()
  })
})

describe('the CA of an integrator', () => {
  test('with its full chain: its clients are accepted until it is removed, with or without what is in between', async () => {
    const { open } = place()
    const ca = await open()
    const other = await createCa('integrator')
    const { shown } = await show({ use: 'client', uri: 'urn:r-ems:user:carla' }, other.issuing)
    expect(verdictOn(ca, shown.chain)).not.toBe('accepted')
    await ca.importIntegrator('acme', other.issuing.certificate.pem + other.root.certificate.pem)
    expect(verdictOn(await open(), shown.chain)).toBe('accepted')
    expect(verdictOn(ca, shown.chain.slice(0, shown.chain.indexOf('-----BEGIN', 9)))).toBe('accepted')
    expect(ca.info().certificates.filter(({ use }) => use === 'integrator')).toHaveLength(2)
    await ca.removeIntegrator('acme')
    expect(verdictOn(ca, shown.chain)).not.toBe('accepted')
  })

  test('is refused where something is wrong with it, and says what', async () => {
    const ca = await place().open()
    const other = await createCa('integrator')
    const old = await createIssuing('old', other.root, { notBeforeMs: nowMs - 9 * dayMs, notAfterMs: nowMs - dayMs })
    const { shown } = await show({ use: 'client', uri: 'urn:r-ems:user:carla' }, other.issuing)
    const { root, issuing } = other
    const table: [pem: string, words: string][] = [
      ['', 'no certificate'],
      ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'cannot be read'],
      [issuing.certificate.pem, 'root of the chain is missing'],
      [(await createIssuing('deep', issuing)).certificate.pem + root.certificate.pem, '"CN=integrator issuing"'],
      [root.certificate.pem + old.certificate.pem, '"old" has expired'],
      [shown.chain + root.certificate.pem, '"leaf" is not a CA'],
      [root.certificate.pem + root.keys.pem, 'private key'],
    ]
    for (const [pem, words] of table) {
      const failure = await ca.importIntegrator('acme', pem).catch((error: unknown) => error)
      expect(codeOf(failure)).toBe('trust.import-refused')
      expect(String(failure)).toContain(words)
    }
    const names = ['../acme', 'Acme', '', 'a'.repeat(41)]
    for (const name of names)
      await expect(ca.importIntegrator(name, root.certificate.pem)).rejects.toSatisfy(
        (error) => codeOf(error) === 'trust.import-refused',
      )
    expect(ca.info().certificates.filter(({ use }) => use === 'integrator')).toEqual([])
  })
})
