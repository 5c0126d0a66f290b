import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { LicenseKey, LicensePayload } from '#contract/license.ts'
import { judgeLicense } from '../../../service/license/judge-license.ts'
import { createLicenseKeys, issueLicense } from '../../../service/license/issue-license.ts'
import { content, duringMs, edgeId, license, signedBytes, vendor } from './make-license.ts'

const secret = Buffer.from('the secret of the older form, 32').toString('base64')
const older: LicenseKey = {
  id: 'older-key',
  algorithm: 'hmac-sha256',
  secret,
  acceptedUntil: '2027-01-01T00:00:00Z',
  issued: ['OLD-1'],
}
const keys = [vendor.key, older]
const judge = (text: string, nowMs = duringMs, edge = edgeId) => judgeLicense(text, { keys, edgeId: edge, nowMs })
const refusal = (text: string): string => {
  const { standing, message } = judge(text)
  expect(standing).toBe('refused')
  return message
}
const json = JSON.stringify(content)

/** A licence of the older form. */
function olderLicense(changes: Partial<LicensePayload> = {}, with_: string = secret): string {
  const { edges: _edges, ...unbound } = content
  const bytes = Buffer.from(JSON.stringify({ ...unbound, id: 'OLD-1', keyId: 'older-key', ...changes }))
  const tag = createHmac('sha256', Buffer.from(with_, 'base64')).update(bytes).digest()
  return `${bytes.toString('base64')}.${tag.toString('base64')}`
}

describe('a good licence', () => {
  it('is valid', () => expect(judge(license())).toMatchObject({ standing: 'valid', signed: { payload: content } }))
  it('of the older form is valid, when it was issued', () => expect(judge(olderLicense()).standing).toBe('valid'))
})

describe('attacks on the signature', () => {
  it('the public key taken for a shared secret', () => {
    const bytes = Buffer.from(json)
    const publicBytes = Buffer.from(vendor.key.algorithm === 'ed25519' ? vendor.key.publicKey : '', 'base64')
    for (const asSecret of [publicBytes, Buffer.from(publicBytes.toString('base64')), Buffer.from(vendor.key.id)]) {
      const tag = createHmac('sha256', asSecret).update(bytes).digest()
      for (const forged of [tag, Buffer.concat([tag, tag])])
        expect(refusal(`${bytes.toString('base64')}.${forged.toString('base64')}`)).toContain('signature')
    }
  })

  it('a licence that says which algorithm it has', () =>
    expect(refusal(signedBytes(JSON.stringify({ ...content, alg: 'none' })))).toMatch(/alg/))

  it('no signature, an empty one, one of zeros', () => {
    const [payload = ''] = license().split('.')
    expect(refusal(payload)).toContain('a dot')
    expect(refusal(`${payload}.`)).toContain('signature')
    expect(refusal(`${payload}.${Buffer.alloc(64).toString('base64')}`)).toContain('signature')
  })

  it('another payload under a signature that is good', () => {
    const [, signature = ''] = license().split('.')
    const [payload = ''] = license({ expiresAt: '2099-01-01T00:00:00Z' }).split('.')
    expect(refusal(`${payload}.${signature}`)).toContain('signature')
  })

  it('a key that nobody knows here, one of the same name, and names of properties', () => {
    const stranger = createLicenseKeys('stranger')
    expect(refusal(issueLicense({ ...content, keyId: 'stranger' }, stranger.privatePem).text)).toContain('no key')
    expect(refusal(issueLicense(content, stranger.privatePem).text)).toContain('signature')
    for (const keyId of ['constructor', 'toString', 'hasownproperty'])
      expect(refusal(signedBytes(JSON.stringify({ ...content, keyId })))).toContain('no key')
    expect(refusal(signedBytes(JSON.stringify({ ...content, keyId: '__proto__' })))).toContain('names no key')
  })

  it('the older form: not issued, with another secret, shortened, after its last day', () => {
    expect(refusal(olderLicense({ id: 'OLD-2' }))).toContain('older form')
    expect(refusal(olderLicense({}, Buffer.from('guess').toString('base64')))).toContain('signature')
    const [payload = '', tag = ''] = olderLicense().split('.')
    expect(refusal(`${payload}.${Buffer.from(tag, 'base64').subarray(0, 16).toString('base64')}`)).toContain(
      'signature',
    )
    expect(judge(olderLicense(), Date.parse('2027-01-01T00:00:00Z'))).toMatchObject({
      standing: 'refused',
      message: expect.stringContaining('older form') as string,
    })
  })
})

describe('damage', () => {
  const whole = license()

  it(`cut off after each of its ${whole.length} characters`, () => {
    for (let length = 0; length < whole.length; length += 1) refusal(whole.slice(0, length))
  })

  it('each bit of payload and signature flipped', () => {
    const [payload = '', signature = ''] = whole.split('.')
    const flipped = (text: string): string[] => {
      const bytes = Buffer.from(text, 'base64')
      return Array.from({ length: bytes.length * 8 }, (_, bit) => {
        const copy = Buffer.from(bytes)
        copy[bit >> 3]! ^= 1 << (bit & 7)
        return copy.toString('base64')
      })
    }
    for (const other of flipped(payload)) refusal(`${other}.${signature}`)
    for (const other of flipped(signature)) refusal(`${payload}.${other}`)
  })

  it('anything before, between or behind', () => {
    for (const extra of [' ', '\n', '\r\n', '\t', '\uFEFF', '\0', 'x', '=', '.', '\u200B']) {
      refusal(extra + whole)
      refusal(whole + extra)
      refusal(whole.replace('.', `.${extra}`))
      refusal(whole.slice(0, 40) + extra + whole.slice(40))
    }
  })

  it('base64 that is not the canonical one', () => {
    const [payload = '', signature = ''] = whole.split('.')
    const last = signature.replace(/=+$/, '')
    // 64 bytes end in two padding characters: four bits of the last letter mean nothing, and must be 0.
    const other = `${last.slice(0, -1)}${String.fromCodePoint((last.codePointAt(last.length - 1) ?? 0) + 1)}==`
    expect(Buffer.from(other, 'base64')).toEqual(Buffer.from(signature, 'base64'))
    expect(refusal(`${payload}.${other}`)).toContain('base64')
    refusal(`${payload}.${last}`)
  })

  it('the other alphabet of base64', () => {
    // A signature in fifteen has none of the two letters in which the alphabets differ.
    const ids = Array.from({ length: 100 }, (_, index) => `HALDEN-${index}`)
    const text = ids.map((id) => license({ id })).find((candidate) => /[+/]/.test(candidate.split('.')[1] ?? '')) ?? ''
    const [payload = '', signature = ''] = text.split('.')
    expect(judge(text).standing).toBe('valid')
    refusal(`${payload}.${signature.replaceAll('+', '-').replaceAll('/', '_')}`)
  })

  it('too large', () => expect(refusal('A'.repeat(16_385))).toContain('longer'))
})

describe('a payload that can be read in two ways, although its signature is good', () => {
  const tampered: Readonly<Record<string, string>> = {
    'a key twice': json.replace('{', '{"expiresAt":"2099-01-01T00:00:00Z",'),
    'a key twice, once escaped': json.replace('{', String.raw`{"expires\u0041t":"2099-01-01T00:00:00Z",`),
    'a key twice further in': json.replace('"devices":25', '"devices":25,"devices":2500'),
    __proto__: json.replace('{', '{"__proto__":{"features":["redundancy"]},'),
    '__proto__, escaped': json.replace('{', String.raw`{"__prot\u006f__":{},`),
    constructor: json.replace('{', '{"constructor":{"prototype":{}},'),
    'something behind': `${json} {}`,
    'a byte order mark': `\uFEFF${json}`,
    'an unknown key': JSON.stringify({ ...content, trial: true }),
    'a list': JSON.stringify([content]),
    nothing: 'null',
    'another format': JSON.stringify({ ...content, format: 'r-ems-license-2' }),
    'a feature twice': JSON.stringify({ ...content, features: ['fleet', 'fleet'] }),
    'a time of another zone': JSON.stringify({ ...content, expiresAt: '2099-01-01T00:00:00+02:00' }),
    'an end before its beginning': JSON.stringify({ ...content, expiresAt: '2020-01-01T00:00:00Z' }),
  }
  it.each(Object.entries(tampered))('%s', (_, text) => void refusal(signedBytes(text)))
  it('bytes that are not UTF-8', () =>
    void refusal(
      signedBytes(Buffer.concat([Buffer.from(json.slice(0, -1)), Buffer.from([0xc0, 0xaf]), Buffer.from('}')])),
    ))
})

describe('names that look like others', () => {
  it.each([
    ['letters of two alphabets', 'Hаlden'],
    ['reversed writing', 'Halden\u202Eygrene'],
    ['no width', 'Hal\u200Bden'],
    ['not normalised', 'Mu\u0308ller'],
    ['a line break', 'Halden\nlicence valid'],
    ['an escape of a terminal', 'Halden\u001B[2J'],
    ['spaces around', ' Halden'],
  ])('%s', (_, owner) => expect(refusal(signedBytes(JSON.stringify({ ...content, owner })))).toContain('owner'))

  it.each(['Müller & Söhne', 'Ενέργεια ΑΕ', 'Энергия ООО', '株式会社エナジー', 'ACME Россия'])('%s is fine', (owner) =>
    expect(judge(license({ owner })).standing).toBe('valid'),
  )

  it('IDs have plain letters only', () => {
    for (const id of ['HALDЕN-42', 'halden', 'A B'])
      expect(refusal(signedBytes(JSON.stringify({ ...content, id })))).toContain('id')
  })
})

describe('where and when', () => {
  it.each([
    ['not yet valid', '2025-12-31T23:59:59Z', 'not-yet'],
    ['on its first second', '2026-01-01T00:00:00Z', 'valid'],
    ['before its end', '2027-11-21T23:59:59Z', 'valid'],
    ['ended', '2027-11-22T00:00:00Z', 'grace'],
    ['ended a fortnight ago', '2027-12-06T00:00:00Z', 'ended'],
  ])('%s', (_, at, standing) => expect(judge(license(), Date.parse(at)).standing).toBe(standing))

  it('on another edge', () =>
    expect(judge(license(), duringMs, '11111111-1111-4111-8111-111111111111')).toMatchObject({
      standing: 'refused',
      message: expect.stringContaining('another edge') as string,
    }))

  it('on any edge when it is bound to none', () => {
    const { edges: _edges, ...unbound } = content
    const text = issueLicense(unbound, vendor.privatePem).text
    expect(judge(text, duringMs, '11111111-1111-4111-8111-111111111111').standing).toBe('valid')
  })
})
