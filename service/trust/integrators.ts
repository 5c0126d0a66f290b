import { EdgeError } from '#contract/errors.ts'
import type { TrustFiles } from './trust-files.ts'
import { type Certificate, isSelfSigned, isSignedBy, readCertificates } from './certificate.ts'

/** Another CA whose clients are trusted here. */
export interface Integrator {
  readonly name: string
  readonly roots: readonly Certificate[]
  readonly intermediates: readonly Certificate[]
  /** Everything that was imported, with its revocation lists. */
  readonly text: string
}

/** The CAs that were imported. Dates are not looked at: an expired one refuses by itself. */
export async function loadIntegrators(files: TrustFiles): Promise<Integrator[]> {
  const names = (await files.list('integrators')).filter((name) => name.endsWith('.pem'))
  return Promise.all(
    names.map(async (file) => {
      const text = (await files.read(`integrators/${file}`)) ?? ''
      const certificates = readCertificates(text)
      const roots = certificates.filter(isSelfSigned)
      const intermediates = certificates.filter((certificate) => !roots.includes(certificate))
      return { name: file.slice(0, -'.pem'.length), roots, intermediates, text }
    }),
  )
}

/**
 * Whether a PEM text holds the full chain of a CA: its roots and every CA down to those that issue. Throws
 * trust.import-refused with what is wrong: something missing, weak, not valid now, or no CA.
 */
export function checkIntegrator(pem: string, nowMs: number): void {
  if (/PRIVATE KEY-----/.test(pem)) throw refused('the file holds a private key, which must stay where it is')
  let certificates: Certificate[]
  try {
    certificates = readCertificates(pem)
  } catch (error) {
    throw refused('a certificate in it cannot be read', error)
  }
  if (certificates.length === 0) throw refused('there is no certificate in it')
  const roots = certificates.filter(isSelfSigned)
  const intermediates = certificates.filter((certificate) => !roots.includes(certificate))
  if (roots.length === 0) throw refused('the root of the chain is missing')
  for (const certificate of certificates) {
    const named = `"${certificate.commonName}"`
    if (!certificate.ca) throw refused(`${named} is not a CA`)
    if (certificate.weakness !== undefined) throw refused(`${named}: ${certificate.weakness}`)
    if (certificate.unknownCritical.length > 0) throw refused(`${named} has critical extensions that are not supported`)
    if (nowMs < certificate.notBeforeMs) throw refused(`${named} is not valid yet`)
    if (nowMs >= certificate.notAfterMs) throw refused(`${named} has expired`)
  }
  for (const certificate of intermediates)
    if (!certificates.some((issuer) => issuer !== certificate && isSignedBy(certificate, issuer)))
      throw refused(`the CA "${certificate.issuer}", which signed "${certificate.commonName}", is missing`)
}

function refused(why: string, cause?: unknown): EdgeError {
  return new EdgeError('trust.import-refused', `the CA is not imported: ${why}`, { cause })
}
