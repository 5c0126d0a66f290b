import 'reflect-metadata'
import { createHash, X509Certificate } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509Certificate as Decoded,
} from '@peculiar/x509'

/** What the checks need to know about a certificate. */
export interface Certificate {
  /** Compares host names and verifies signatures. */
  readonly x509: X509Certificate
  readonly pem: string
  /** SHA-256, as people compare it. */
  readonly fingerprint: string
  /** SHA-256 of the public key: the same for every certificate of one CA. */
  readonly keyId: string
  /** Lower-case hexadecimal without leading zeros. */
  readonly serial: string
  readonly commonName: string
  readonly subject: string
  readonly issuer: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** May sign certificates. */
  readonly ca: boolean
  /** CAs that may follow below this one. */
  readonly pathLength: number | undefined
  /** May sign handshakes. */
  readonly signs: boolean
  /** Object identifiers of extended key usage; undefined when the certificate does not restrict it. */
  readonly purposes: readonly string[] | undefined
  /** DNS names and IP addresses it is valid for. */
  readonly names: readonly string[]
  readonly uris: readonly string[]
  /** Why key or signature are too weak; undefined when they are not. */
  readonly weakness: string | undefined
  /** Critical extensions that the checks do not know: RFC 5280 asks to refuse them. */
  readonly unknownCritical: readonly string[]
}

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+?-----END CERTIFICATE-----/g

/** Extensions that the checks know, or that bind nobody here: 2.5.29.14 and .35 are key identifiers. */
const known = new Set(['2.5.29.14', '2.5.29.15', '2.5.29.17', '2.5.29.19', '2.5.29.35', '2.5.29.37'])

const strongCurves = new Set(['prime256v1', 'secp384r1', 'secp521r1'])
const strongHashes = new Set(['SHA-256', 'SHA-384', 'SHA-512'])
const leastRsaBits = 2048

/** Reads one certificate, PEM or DER. Throws when it is not one. */
export function readCertificate(data: string | Uint8Array): Certificate {
  const x509 = new X509Certificate(data)
  const decoded = new Decoded(new Uint8Array(x509.raw))
  const constraints = decoded.getExtension(BasicConstraintsExtension)
  const usage = decoded.getExtension(KeyUsagesExtension)
  const alternatives = decoded.getExtension(SubjectAlternativeNameExtension)?.names.items ?? []
  return {
    x509,
    pem: x509.toString(),
    fingerprint: x509.fingerprint256,
    keyId: keyIdOf(x509),
    serial: plainSerial(x509.serialNumber),
    commonName: decoded.subjectName.getField('CN')[0] ?? '',
    subject: decoded.subject,
    issuer: decoded.issuer,
    notBeforeMs: decoded.notBefore.getTime(),
    notAfterMs: decoded.notAfter.getTime(),
    ca: constraints?.ca ?? false,
    pathLength: constraints?.pathLength,
    signs: usage === null || (usage.usages & KeyUsageFlags.digitalSignature) !== 0,
    purposes: decoded.getExtension(ExtendedKeyUsageExtension)?.usages.map(String),
    names: alternatives.filter(({ type }) => type === 'dns' || type === 'ip').map(({ value }) => value),
    uris: alternatives.filter(({ type }) => type === 'url').map(({ value }) => value),
    weakness: weaknessOf(x509, decoded),
    unknownCritical: decoded.extensions
      .filter(({ critical, type }) => critical && !known.has(type))
      .map(({ type }) => type),
  }
}

/** Every certificate in a PEM text, in order. Throws when one cannot be read. */
export function readCertificates(pem: string): Certificate[] {
  return (pem.match(block) ?? []).map(readCertificate)
}

/** Whether it vouches for itself. Also true of a leaf, whose key may not sign certificates. */
export function isSelfSigned({ x509, subject, issuer }: Certificate): boolean {
  return subject === issuer && x509.verify(x509.publicKey)
}

/** Whether the name and the key of `issuer` are those that signed `certificate`. */
export function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  return certificate.x509.checkIssued(issuer.x509) && certificate.x509.verify(issuer.x509.publicKey)
}

export function plainSerial(hexadecimal: string): string {
  return hexadecimal.toLowerCase().replace(/^0+(?=.)/, '')
}

function keyIdOf(x509: X509Certificate): string {
  return createHash('sha256')
    .update(x509.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

function weaknessOf(x509: X509Certificate, decoded: Decoded): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = x509.publicKey
  const bits = details?.modulusLength ?? 0
  if (type === 'rsa' && bits < leastRsaBits) return `its RSA key has ${bits} bits, at least ${leastRsaBits} are needed`
  if (type === 'ec' && !strongCurves.has(details?.namedCurve ?? ''))
    return `its key is on the curve ${details?.namedCurve ?? 'unknown'}, which is not accepted`
  if (type !== 'rsa' && type !== 'ec' && type !== 'ed25519')
    return `keys of the kind ${type ?? 'unknown'} are not accepted`
  const { hash: digest } = decoded.signatureAlgorithm
  // Ed25519 has no hash of its own choice.
  if (digest && !strongHashes.has(digest.name)) return `it is signed with ${digest.name}, which can be forged`
  return undefined
}
