import { createHmac, timingSafeEqual, verify } from 'node:crypto'
import type { LicenseKey } from '#contract/license.ts'
import { ed25519PublicKey, fromBase64 } from './keys.ts'

const signatureBytes = { ed25519: 64, 'hmac-sha256': 32 } as const

/**
 * Whether this signature of these bytes is the key's. The key alone decides the algorithm, so that nobody can have the bytes of a
 * public key taken for a shared secret. A shortened signature is none.
 */
export function verifySignature(key: LicenseKey, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== signatureBytes[key.algorithm]) return false
  if (key.algorithm === 'ed25519') {
    const bytes = fromBase64(key.publicKey)
    return bytes?.length === 32 && verify(null, message, ed25519PublicKey(bytes), signature)
  }
  const secret = fromBase64(key.secret)
  return secret !== undefined && timingSafeEqual(createHmac('sha256', secret).update(message).digest(), signature)
}
