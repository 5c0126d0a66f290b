import { createPublicKey, type KeyObject } from 'node:crypto'
import type { LicenseKey } from '#contract/license.ts'

const ed25519Bytes = 32

/** DER of an Ed25519 public key up to its 32 bytes (RFC 8410). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** The bytes behind base64 in its one canonical form, or undefined. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

/** A public key from its 32 bytes. Throws RangeError when there are not as many. */
export function ed25519PublicKey(bytes: Uint8Array): KeyObject {
  if (bytes.length !== ed25519Bytes) throw new RangeError(`an Ed25519 public key has ${ed25519Bytes} bytes`)
  return createPublicKey({ key: Buffer.concat([spkiPrefix, bytes]), format: 'der', type: 'spki' })
}

/** The 32 bytes of a public key. */
export const publicKeyBytes = (key: KeyObject): Buffer =>
  key.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length)

/** The key with this ID. IDs are data of a licence: looked up, never used as a property. */
export const findKey = (keys: readonly LicenseKey[], id: string): LicenseKey | undefined =>
  keys.find((key) => key.id === id)
