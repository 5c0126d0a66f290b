import 'reflect-metadata'
import { createPrivateKey, randomBytes, type webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as Decoded,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509'
import { isIP } from 'node:net'
import { type Certificate, readCertificate } from './certificate.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A key pair and its private half as PKCS #8 PEM. */
export interface Keys extends webcrypto.CryptoKeyPair {
  readonly pem: string
}

/** A CA that can sign. */
export interface Signer {
  readonly certificate: Certificate
  readonly keys: Keys
}

export interface Period {
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

export interface Withdrawn {
  readonly serial: string
  readonly atMs: number
}

/** A new ECDSA P-256 key pair. */
export async function createKeys(): Promise<Keys> {
  const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', pair.privateKey))
  const pem = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' })
  return { ...pair, pem: pem.toString() }
}

/** The key pair of a private key in PEM. Rejects when it is none for ECDSA P-256. */
export async function readKeys(pem: string, certificate: Certificate): Promise<Keys> {
  const key = createPrivateKey(pem)
  if (!certificate.x509.checkPrivateKey(key)) throw new Error('the key does not belong to the certificate')
  const der = key.export({ type: 'pkcs8', format: 'der' })
  const spki = certificate.x509.publicKey.export({ type: 'spki', format: 'der' })
  const [privateKey, publicKey] = await Promise.all([
    crypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']),
    crypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
  ])
  return { privateKey, publicKey, pem }
}

/** A self-signed root. Below it: the issuing CA, and during a rotation the next root before that. */
export async function issueRoot(commonName: string, keys: Keys, period: Period): Promise<Certificate> {
  return issue(
    { commonName, publicKey: keys.publicKey, period, extensions: caExtensions(2) },
    { keys, name: commonName },
  )
}

/** A certificate for a CA's key, signed by another: an issuing CA (`pathLength` 0), or the next root by the old one. */
export async function issueCa(
  commonName: string,
  publicKey: webcrypto.CryptoKey,
  period: Period,
  signer: Signer,
  pathLength: number,
): Promise<Certificate> {
  return issue({ commonName, publicKey, period, extensions: caExtensions(pathLength) }, signer)
}

export interface Leaf {
  readonly commonName: string
  readonly publicKey: webcrypto.CryptoKey
  readonly period: Period
  readonly use: 'server' | 'client'
  /** DNS names and IP addresses. */
  readonly names?: readonly string[]
  /** Who it stands for. */
  readonly uri: string
}

export async function issueLeaf(leaf: Leaf, signer: Signer): Promise<Certificate> {
  const names: JsonGeneralName[] = [
    { type: 'url', value: leaf.uri },
    ...(leaf.names ?? []).map((value): JsonGeneralName => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
  ]
  const extensions = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([leaf.use === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth]),
    new SubjectAlternativeNameExtension(names),
  ]
  return issue({ ...leaf, extensions }, signer)
}

/** The list of what a CA has withdrawn, as PEM. */
export async function issueRevocations(
  signer: Signer,
  withdrawn: readonly Withdrawn[],
  period: Period,
): Promise<string> {
  const list = await X509CrlGenerator.create({
    issuer: new Decoded(new Uint8Array(signer.certificate.x509.raw)).subjectName,
    thisUpdate: new Date(period.notBeforeMs),
    nextUpdate: new Date(period.notAfterMs),
    entries: withdrawn.map(({ serial, atMs }) => ({
      serialNumber: serial.length % 2 === 0 ? serial : `0${serial}`,
      revocationDate: new Date(atMs),
    })),
    signingAlgorithm: algorithm,
    signingKey: signer.keys.privateKey,
    extensions: [await AuthorityKeyIdentifierExtension.create(signer.keys.publicKey), listNumber(period.notBeforeMs)],
  })
  // The library writes BEGIN CRL, which nobody else reads.
  const lines =
    Buffer.from(list.rawData)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN X509 CRL-----\n${lines.join('\n')}\n-----END X509 CRL-----\n`
}

/** RFC 5280 5.2.3 asks for a number that grows: the time does. */
function listNumber(atMs: number): Extension {
  // A DER integer of six bytes, its shortest form for any time from 2004 to 6429.
  const number = Buffer.from([0x02, 0x06, 0, 0, 0, 0, 0, 0])
  number.writeUIntBE(atMs, 2, 6)
  return new Extension('2.5.29.20', false, number)
}

/** 126 bits of chance; the first digit keeps it positive and its length fixed. */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

function caExtensions(pathLength: number): Extension[] {
  return [
    new BasicConstraintsExtension(true, pathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ]
}

interface Subject {
  readonly commonName: string
  readonly publicKey: webcrypto.CryptoKey
  readonly period: Period
  readonly extensions: readonly Extension[]
}

async function issue(
  { commonName, publicKey, period, extensions }: Subject,
  signer: Signer | { readonly keys: Keys; readonly name: string },
): Promise<Certificate> {
  const issuer =
    'certificate' in signer
      ? new Decoded(new Uint8Array(signer.certificate.x509.raw)).subjectName.toJSON()
      : [{ CN: [signer.name] }]
  const made = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [commonName] }],
    issuer,
    notBefore: new Date(period.notBeforeMs),
    notAfter: new Date(period.notAfterMs),
    publicKey,
    signingKey: signer.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      ...extensions,
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(signer.keys.publicKey),
    ],
  })
  return readCertificate(made.toString('pem'))
}
