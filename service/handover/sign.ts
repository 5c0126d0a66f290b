import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import canonicalize from 'canonicalize'
import { type HandoverReport, handoverReport, type SignedHandoverFile, signedHandoverFile } from '#contract/handover.ts'

/** The report in the one form that is signed (RFC 8785). */
export const canonicalReport = (report: HandoverReport): string => canonicalize(report) ?? ''

export const sha256 = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex')

/** Signs a report with the key of the site (Ed25519). */
export function signReport(text: string, privateKey: KeyObject): SignedHandoverFile {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    format: 'r-ems-signed-handover/1',
    keyId: sha256(spki),
    publicKey: spki.toString('base64'),
    signature: sign(null, Buffer.from(text), privateKey).toString('base64'),
    report: text,
  }
}

/** The JSON file of a signed report, to the last byte. */
export const signedText = ({ format, keyId, publicKey, signature, report }: SignedHandoverFile): string =>
  `${JSON.stringify({ format, keyId, publicKey, signature, report }, undefined, 1)}\n`

export type ReportVerdict =
  | { readonly ok: true; readonly report: HandoverReport; readonly keyId: string }
  | { readonly ok: false; readonly reason: string }

/** Whether a file is a report as it was signed, and with which key. Whose key that is, is for a person to compare. */
export function verifyReport(text: string): ReportVerdict {
  const json = jsonOf(text)
  if (json === undefined) return { ok: false, reason: 'this is no JSON: the file is incomplete or something else' }
  const file = signedHandoverFile.safeParse(json)
  if (!file.success) return { ok: false, reason: 'this is no signed handover report' }
  const { keyId, publicKey, signature, report } = file.data
  const spki = Buffer.from(publicKey, 'base64')
  if (sha256(spki) !== keyId) return { ok: false, reason: 'the key is not the one that it names' }
  let key: KeyObject
  try {
    key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    return { ok: false, reason: 'the key cannot be read' }
  }
  if (key.asymmetricKeyType !== 'ed25519') return { ok: false, reason: 'the key is not an Ed25519 key' }
  const bytes = Buffer.from(report)
  const given = Buffer.from(signature, 'base64')
  if (!verify(null, bytes, key, given)) return { ok: false, reason: altered }
  // Spaces, escapes and the last letter of base64 can be written in several ways; only one of them is what was signed.
  const asWritten = { ...file.data, publicKey: spki.toString('base64'), signature: given.toString('base64') }
  if (signedText({ ...asWritten, report: bytes.toString() }) !== text) return { ok: false, reason: altered }
  const parsed = handoverReport.safeParse(jsonOf(report))
  if (!parsed.success || canonicalReport(parsed.data) !== report)
    return { ok: false, reason: 'what was signed is no report of this version' }
  return { ok: true, report: parsed.data, keyId }
}

const altered = 'it was altered after it was signed'

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
