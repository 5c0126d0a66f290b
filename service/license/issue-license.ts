import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import canonicalize from 'canonicalize'
import { EdgeError } from '#contract/errors.ts'
import { type LicenseKey, type LicensePayload, licensePayload } from '#contract/license.ts'
import { publicKeyBytes } from './keys.ts'

/** A new pair: what programs verify with, and what must never leave its owner. */
export function createLicenseKeys(id: string): { key: LicenseKey; privatePem: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return {
    key: { id, algorithm: 'ed25519', publicKey: publicKeyBytes(publicKey).toString('base64') },
    privatePem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  }
}

/** Signs what a licence says. Throws license.refused when it would be refused, or the key is none for Ed25519. */
export function issueLicense(content: unknown, privatePem: string): { text: string; payload: LicensePayload } {
  const parsed = licensePayload.safeParse(content)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new EdgeError('license.refused', `${issue?.path.join('.') || 'licence'}: ${issue?.message ?? 'not accepted'}`)
  }
  const bytes = Buffer.from(canonicalize(parsed.data) ?? '', 'utf8')
  return { text: `${bytes.toString('base64')}.${signWith(privatePem, bytes).toString('base64')}`, payload: parsed.data }
}

function signWith(privatePem: string, bytes: Uint8Array): Buffer {
  try {
    const key = createPrivateKey(privatePem)
    if (key.asymmetricKeyType === 'ed25519') return sign(null, bytes, key)
  } catch (error) {
    throw new EdgeError('license.refused', 'the private key cannot be read', { cause: error })
  }
  throw new EdgeError('license.refused', 'the private key is not one for Ed25519')
}
