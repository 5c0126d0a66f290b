import { type LicenseKey, type LicensePayload, licensePayload } from '#contract/license.ts'
import { maxLicenseLength } from '#contract/license-format.ts'
import { EdgeError } from '#contract/errors.ts'
import { parseStrictJson } from '../domain/strict-json.ts'
import { findKey, fromBase64 } from './keys.ts'
import { verifySignature } from './verify-signature.ts'

/** A licence whose signature is that of one of our keys. Whether it counts here and now is another question. */
export interface SignedLicense {
  readonly payload: LicensePayload
  readonly key: LicenseKey
}

const refused = (why: string, cause?: unknown): EdgeError =>
  new EdgeError('license.refused', `the licence is refused: ${why}`, { cause })

/**
 * Reads one line of text as a licence, without its line end. What differs in a single bit from what was issued is refused: the
 * signature comes before anything that the payload says, but for the ID of its key. Rejects by throwing license.refused.
 */
export function readLicense(text: string, keys: readonly LicenseKey[]): SignedLicense {
  const { bytes, signature } = split(text)
  const decoded = decode(bytes)
  const keyId = keyIdOf(decoded)
  const key = findKey(keys, keyId)
  if (!key) throw refused(`no key "${keyId}" is known here`)
  if (!verifySignature(key, bytes, signature)) throw refused(`its signature is not that of the key "${key.id}"`)
  const parsed = licensePayload.safeParse(decoded)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw refused(`${issue?.path.join('.') || 'payload'}: ${issue?.message ?? 'not understood'}`)
  }
  const payload = parsed.data
  if (key.algorithm === 'hmac-sha256' && !key.issued.includes(payload.id))
    throw refused(`"${payload.id}" is not among the licences that were issued in the older form`)
  return { payload, key }
}

function split(text: string): { bytes: Buffer; signature: Buffer } {
  if (text.length > maxLicenseLength) throw refused(`it is longer than ${maxLicenseLength} characters`)
  if (text.trim() === '') throw refused('it is empty')
  const strange = /[^A-Za-z0-9+/=.]/u.exec(text)
  if (strange)
    throw refused(`character ${strange.index + 1} does not belong there; it is one line without spaces or line breaks`)
  const [payload = '', signature, ...more] = text.split('.')
  if (signature === undefined || more.length > 0) throw refused('it is not a payload, a dot and a signature')
  const decoded = { bytes: fromBase64(payload), signature: fromBase64(signature) }
  if (!decoded.bytes || !decoded.signature) throw refused('it is incomplete, or its base64 is not the canonical one')
  return { bytes: decoded.bytes, signature: decoded.signature }
}

function decode(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw refused('its payload is not UTF-8', error)
  }
  try {
    return parseStrictJson(text)
  } catch (error) {
    throw refused(`its payload cannot be read: ${(error as Error).message}`, error)
  }
}

/** The one thing that is believed before the signature was checked: it only chooses among our own keys. */
function keyIdOf(decoded: unknown): string {
  const keyId = licensePayload.shape.keyId.safeParse(
    typeof decoded === 'object' && decoded !== null && 'keyId' in decoded ? decoded.keyId : undefined,
  )
  if (!keyId.success) throw refused('its payload names no key')
  return keyId.data
}
