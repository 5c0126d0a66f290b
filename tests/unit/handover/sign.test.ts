import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { handoverReport } from '#contract/handover.ts'
import { canonicalReport, sha256, signedText, signReport, verifyReport } from '../../../service/handover/sign.ts'
import { sampleReport } from './sample-report.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const report = sampleReport({ devices: 1, runs: 1 })
const file = signReport(canonicalReport(report), privateKey)
const written = signedText(file)

describe('a signed report', () => {
  it('is what was signed, by the key that it names', () => {
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
    expect(verifyReport(written)).toEqual({ ok: true, report: handoverReport.parse(report), keyId: sha256(spki) })
  })

  it('is worth nothing once any byte of its file is another', () => {
    const bytes = Buffer.from(written)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ by
        expect(verifyReport(changed.toString()).ok).toBe(false)
      }),
      { numRuns: 400 },
    )
  })

  it.each([
    ['a space more', written.replace('{\n', '{ \n')],
    ['an escape in place of a letter', written.replace('Depot Nord', String.raw`\u0044epot Nord`)],
    ['an end that is missing', written.slice(0, -1)],
    ['another last letter of the signature that means the same', written.replace(file.signature, twin(file.signature))],
    ['one key twice', written.replace('{\n', '{\n "keyId": "",')],
  ])('is not as it was written with %s', (_name, text) => {
    expect(text).not.toBe(written)
    expect(verifyReport(text)).toEqual({ ok: false, reason: 'it was altered after it was signed' })
  })

  it('says of each part what is wrong with it', () => {
    const { privateKey: other } = generateKeyPairSync('ed25519')
    const foreign = signReport(file.report, other)
    const reasonOf = (text: string): string => {
      const verdict = verifyReport(text)
      return verdict.ok ? 'ok' : verdict.reason
    }
    expect(reasonOf('{')).toBe('this is no JSON: the file is incomplete or something else')
    expect(reasonOf('{}')).toBe('this is no signed handover report')
    expect(reasonOf(signedText({ ...file, publicKey: foreign.publicKey }))).toBe('the key is not the one that it names')
    expect(reasonOf(signedText({ ...file, signature: foreign.signature }))).toBe('it was altered after it was signed')
    expect(reasonOf(signedText({ ...foreign, report: file.report }))).toBe('ok')
    for (const text of ['no JSON at all', '{}', canonicalReport(report).replace('{', '{ ')])
      expect(reasonOf(signedText(signReport(text, privateKey)))).toBe('what was signed is no report of this version')
    const withKey = (spki: Buffer): string =>
      signedText({ ...file, publicKey: spki.toString('base64'), keyId: sha256(spki) })
    expect(reasonOf(withKey(Buffer.from('not a key')))).toBe('the key cannot be read')
    const { publicKey: x25519 } = generateKeyPairSync('x25519')
    expect(reasonOf(withKey(x25519.export({ format: 'der', type: 'spki' })))).toBe('the key is not an Ed25519 key')
  })
})

describe('the form that is signed', () => {
  it('does not depend on the order in which a report was put together', () => {
    const reversed = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(reversed)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .toReversed()
                .map(([key, inner]) => [key, reversed(inner)]),
            )
          : value
    const turned = handoverReport.parse(reversed(report))
    expect(JSON.stringify(reversed(report))).not.toBe(JSON.stringify(report))
    expect(canonicalReport(turned)).toBe(canonicalReport(report))
  })

  it('is a report by the schema, and reads back as the same', () => {
    expect(handoverReport.parse(JSON.parse(canonicalReport(report)))).toEqual(report)
    expect(handoverReport.safeParse({ ...report, more: 1 }).success).toBe(false)
  })
})

/** The same bytes in base64 with another last letter: two characters of padding leave four bits that nobody reads. */
function twin(base64: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const last = letters.indexOf(base64.at(-3) ?? 'A')
  const other = `${base64.slice(0, -3)}${letters[last ^ 1] ?? 'A'}==`
  if (!Buffer.from(other, 'base64').equals(Buffer.from(base64, 'base64'))) throw new Error('not the same bytes')
  return other
}
