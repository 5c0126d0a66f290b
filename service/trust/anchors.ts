import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { X509Crl } from '@peculiar/x509'
import { type Certificate, plainSerial, readCertificates } from './certificate.ts'

/** What a certificate is checked against. */
export interface Anchors {
  readonly roots: readonly Certificate[]
  /** Known certificates between the roots and the leaves: peers may leave them out. */
  readonly intermediates: readonly Certificate[]
  isRevoked(certificate: Certificate, issuer: Certificate): boolean
}

const block = /-----BEGIN X509 CRL-----[A-Za-z0-9+/=\s]+?-----END X509 CRL-----/g

/**
 * Reads roots, intermediates and revocation lists from PEM texts. A list counts only when one of these certificates
 * signed it. It stays in force after its next update was due: a site may be offline for long. Throws when a text cannot
 * be read.
 */
export async function loadAnchors(texts: {
  readonly roots: string
  readonly intermediates?: string
  readonly revocations?: string
}): Promise<Anchors> {
  const roots = readCertificates(texts.roots)
  const intermediates = readCertificates(texts.intermediates ?? '')
  const revoked = new Set<string>()
  for (const text of texts.revocations?.match(block) ?? []) {
    const list = new X509Crl(Buffer.from(text.replace(/-----[^-]+-----/g, ''), 'base64'))
    for (const issuer of [...roots, ...intermediates]) {
      if (!issuer.ca || issuer.subject !== list.issuer) continue
      if (!(await list.verify({ publicKey: await verifyingKey(issuer) }, webcrypto))) continue
      for (const { serialNumber } of list.entries) revoked.add(`${issuer.keyId} ${plainSerial(serialNumber)}`)
    }
  }
  return {
    roots,
    intermediates,
    isRevoked: (certificate, issuer) => revoked.has(`${issuer.keyId} ${certificate.serial}`),
  }
}

function verifyingKey({ x509 }: Certificate): Promise<webcrypto.CryptoKey> {
  const key = x509.publicKey
  const curve = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }[
    key.asymmetricKeyDetails?.namedCurve ?? ''
  ]
  const algorithm =
    key.asymmetricKeyType === 'rsa'
      ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
      : key.asymmetricKeyType === 'ed25519'
        ? { name: 'Ed25519' }
        : { name: 'ECDSA', namedCurve: curve ?? 'P-256' }
  return webcrypto.subtle.importKey('spki', key.export({ type: 'spki', format: 'der' }), algorithm, true, ['verify'])
}
