import { z } from 'zod'
import { userName } from './access.ts'

/** SHA-256 of a certificate, as people compare it: 32 pairs of hexadecimal digits. */
export const fingerprint = z.string().regex(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/, 'expected 32 pairs such as 0A:F3')

/** Why a certificate is not accepted. */
export const refusalReason = z.enum([
  /** This machine's clock is before the day the program was built: nothing can be said about dates. */
  'clock-unknown',
  'unreadable',
  'self-signed',
  /** It leads to a CA that is not trusted here. */
  'foreign-ca',
  /** The edge at this address is not the one that was paired, or has a new CA. */
  'changed',
  'missing-intermediate',
  'weak-key',
  'not-yet-valid',
  'expired',
  /** It was not made for this use: a client's instead of a server's, or a CA's. */
  'wrong-usage',
  'revoked',
  'wrong-name',
])
export type RefusalReason = z.infer<typeof refusalReason>

/** A refused certificate, in words for the person in front of it. */
export const certificateRefusal = z.strictObject({
  reason: refusalReason,
  /** One sentence: what is wrong. */
  message: z.string(),
  /** One sentence: what to do. */
  action: z.string(),
})
export type CertificateRefusal = z.infer<typeof certificateRefusal>

/** A certificate of this edge, as shown to people. */
export const certificateInfo = z.strictObject({
  use: z.enum(['root', 'issuing', 'device', 'integrator']),
  subject: z.string(),
  fingerprint,
  notBeforeMs: z.number().meta({ title: 'Valid from', unit: 'ms since 1970' }),
  notAfterMs: z.number().meta({ title: 'Valid until', unit: 'ms since 1970' }),
  /** When it is replaced by itself; absent where nobody but a person can. */
  renewAtMs: z.number().optional().meta({ title: 'Renewal', unit: 'ms since 1970' }),
  /** Set on the CA that a rotation replaces: it is trusted until then. */
  retiredAtMs: z.number().optional().meta({ title: 'Trusted until', unit: 'ms since 1970' }),
  /** Names and addresses that a device certificate is valid for. */
  names: z.array(z.string()).optional(),
})
export type CertificateInfo = z.infer<typeof certificateInfo>

/** What this edge trusts and is trusted by. */
export const trustInfo = z.strictObject({
  edgeId: z.uuid(),
  /** Of the root; the one to compare at first contact. */
  caFingerprint: fingerprint,
  clockKnown: z.boolean(),
  certificates: z.array(certificateInfo),
  /** Certificates that were withdrawn and have not expired. */
  revoked: z.number().int().min(0),
})
export type TrustInfo = z.infer<typeof trustInfo>

/** What an edge tells everybody about its CA: nothing secret, all of it signed. */
export const trustBundle = z.strictObject({
  /** PEM certificates: the roots that are trusted now, and those between them and the device. */
  certificates: z.string().max(100_000),
  /** PEM revocation lists, one per issuer. */
  revocations: z.string().max(1_000_000),
})
export type TrustBundle = z.infer<typeof trustBundle>

/** What an app needs from the answer to POST /api/v1/pair; newer edges may say more. */
export const pairAnswer = z.object({ token: z.string().min(16).max(512) })

const serial = z.string().regex(/^[0-9a-f]{1,40}$/, 'lower-case hexadecimal')

/** A client certificate that this edge has issued. */
export const clientCertificate = z.strictObject({
  serial,
  /** The user it signs in. */
  name: z.string(),
  notAfterMs: z.number().meta({ title: 'Valid until', unit: 'ms since 1970' }),
})
export const clientCertificates = z.strictObject({ certificates: z.array(clientCertificate) })

export const newClientCertificate = z.strictObject({ name: userName })

/** Shown once: the key is not kept. */
export const issuedClientCertificate = z.strictObject({
  serial,
  certificate: z.string().meta({ title: 'Certificate and issuing CA, PEM' }),
  key: z.string().meta({ title: 'Private key, PKCS #8 PEM' }),
})

export const serialParameter = z.strictObject({ serial })

/** The CA of an integrator, by the name it is listed under. */
export const authorityParameter = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'lower case, digits and hyphens, at most 40'),
})
export const authorityImport = z.strictObject({
  certificates: z.string().max(60_000).meta({ title: 'PEM: the root and every CA below it, and revocation lists' }),
})
