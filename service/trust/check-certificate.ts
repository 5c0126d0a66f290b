import { isIP } from 'node:net'
import type { CertificateRefusal, RefusalReason } from '#contract/trust.ts'
import type { Anchors } from './anchors.ts'
import { type Certificate, isSelfSigned, isSignedBy } from './certificate.ts'
import { type Peer, refusalOf } from './refusals.ts'

export type Verdict =
  | {
      readonly ok: true
      /** Leaf first, trusted root last. */
      readonly path: readonly Certificate[]
    }
  | { readonly ok: false; readonly refusal: CertificateRefusal }

interface Moment {
  readonly nowMs: number
  /** When this program was built: a clock before it is wrong. */
  readonly builtAtMs: number
}

export interface ServerCheck extends Moment {
  /** What the server sent, leaf first. */
  readonly chain: readonly Certificate[]
  readonly anchors: Anchors
  /** Name or IP address that was asked for, without brackets. */
  readonly host: string
  /** The edge that was paired at this address; undefined at first contact. */
  readonly edgeId?: string
}

export interface ClientCheck extends Moment {
  /** What the client sent, leaf first. */
  readonly chain: readonly Certificate[]
  readonly anchors: Anchors
}

const purposes = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const
const longestPath = 8

/** Names who a certificate stands for. */
export const identity = {
  edge: (id: string): string => `urn:r-ems:edge:${id}`,
  user: (name: string): string => `urn:r-ems:user:${encodeURIComponent(name)}`,
}

/** Whether a server is the edge it should be, or why it is refused and what to do. */
export function checkServerCertificate(check: ServerCheck): Verdict {
  const verdict = checkPath('server', check)
  const [leaf] = check.chain
  if (!leaf) return verdict
  const claimed = edgeIdOf(leaf)
  if (!verdict.ok) {
    const { reason } = verdict.refusal
    const foreign = reason === 'foreign-ca' || reason === 'missing-intermediate' || reason === 'self-signed'
    // It says that it is the paired edge, under another CA.
    return foreign && check.edgeId !== undefined && claimed === check.edgeId ? refuse('server', 'changed') : verdict
  }
  if (check.edgeId !== undefined && claimed !== check.edgeId) return refuse('server', 'changed')
  if (!isNamed(leaf, check.host)) {
    const names = leaf.names.length > 0 ? leaf.names.join(', ') : 'no address at all'
    return refuse('server', 'wrong-name', `It was issued for ${names}.`)
  }
  return verdict
}

/** Whether a client certificate is accepted. Which user it stands for is told by `userOf` of the first of the path. */
export function checkClientCertificate(check: ClientCheck): Verdict {
  const verdict = checkPath('client', check)
  if (!verdict.ok || (verdict.path[0] && userOf(verdict.path[0]) !== undefined)) return verdict
  return refuse('client', 'wrong-name')
}

/** The user that a client certificate stands for. */
export function userOf(certificate: Certificate): string | undefined {
  const name = soleIdentity(certificate, identity.user(''))
  try {
    return name === undefined ? undefined : decodeURIComponent(name)
  } catch {
    return undefined
  }
}

/** The edge that a device certificate stands for. */
export function edgeIdOf(certificate: Certificate): string | undefined {
  return soleIdentity(certificate, identity.edge(''))
}

/** Two names in one certificate would leave it to the reader whom it stands for. */
function soleIdentity({ uris }: Certificate, prefix: string): string | undefined {
  const names = uris.filter((uri) => uri.startsWith(prefix)).map((uri) => uri.slice(prefix.length))
  return names.length === 1 && names[0] !== '' ? names[0] : undefined
}

function checkPath(peer: Peer, { chain, anchors, nowMs, builtAtMs }: ClientCheck): Verdict {
  if (nowMs < builtAtMs) return refuse(peer, 'clock-unknown')
  const [leaf] = chain
  if (!leaf) return refuse(peer, 'unreadable')
  const path = findPath(leaf, chain, anchors)
  if (!Array.isArray(path)) return refuse(peer, path.reason, path.detail)
  for (const { weakness } of path)
    if (weakness !== undefined) return refuse(peer, 'weak-key', `In detail, ${weakness}.`)
  for (const [index, certificate] of path.entries()) {
    const owner = index === 0 ? 'It' : `The CA certificate "${certificate.commonName}"`
    if (nowMs < certificate.notBeforeMs)
      return refuse(
        peer,
        'not-yet-valid',
        `${owner} is valid from ${day(certificate.notBeforeMs)}, today is ${day(nowMs)}.`,
      )
    if (nowMs >= certificate.notAfterMs)
      return refuse(peer, 'expired', `${owner} was valid until ${day(certificate.notAfterMs)}, today is ${day(nowMs)}.`)
  }
  const misuse = misuseOf(peer, path)
  if (misuse !== undefined) return refuse(peer, 'wrong-usage', misuse)
  for (const [index, certificate] of path.entries()) {
    const issuer = path[index + 1]
    if (issuer && anchors.isRevoked(certificate, issuer)) return refuse(peer, 'revoked')
  }
  return { ok: true, path }
}

/**
 * Depth first over what was sent and what is known, so that a cross-signed root is found by either of its certificates.
 */
function findPath(
  leaf: Certificate,
  sent: readonly Certificate[],
  { roots, intermediates }: Anchors,
): Certificate[] | { readonly reason: RefusalReason; readonly detail?: string } {
  const candidates = [...roots, ...sent.slice(1, longestPath + 1), ...intermediates].filter(({ ca }) => ca)
  const trusted = new Set(roots.map(({ fingerprint }) => fingerprint))
  let ending: Certificate = leaf
  const climb = (path: readonly Certificate[]): Certificate[] | undefined => {
    const top = path.at(-1)
    if (!top || path.length > longestPath) return undefined
    if (trusted.has(top.fingerprint)) return [...path]
    ending = top
    for (const issuer of candidates) {
      if (path.some(({ fingerprint }) => fingerprint === issuer.fingerprint) || !isSignedBy(top, issuer)) continue
      const found = climb([...path, issuer])
      if (found) return found
    }
    return undefined
  }
  const found = climb([leaf])
  if (found) return found
  if (isSelfSigned(leaf)) return { reason: 'self-signed' }
  if (isSelfSigned(ending)) return { reason: 'foreign-ca', detail: `Its CA is "${ending.commonName}".` }
  // The name of a trusted CA with a signature that is not its own.
  if (roots.some(({ subject }) => subject === ending.issuer)) return { reason: 'foreign-ca' }
  return { reason: 'missing-intermediate', detail: `The one that is missing is "${ending.issuer}".` }
}

function misuseOf(peer: Peer, path: readonly Certificate[]): string | undefined {
  for (const [index, certificate] of path.entries()) {
    if (certificate.unknownCritical.length > 0)
      return `It has critical extensions that are not supported (${certificate.unknownCritical.join(', ')}).`
    // Of a CA, the number of further CAs below it; the leaf does not count.
    if (index > 0 && certificate.pathLength !== undefined && index - 1 > certificate.pathLength)
      return `The CA "${certificate.commonName}" may not have so many CAs below it.`
    if (certificate.purposes !== undefined && !certificate.purposes.includes(purposes[peer]))
      return index === 0 ? 'Its extended key usage does not include this use.' : 'Its CA may not issue for this use.'
  }
  const [leaf] = path
  if (leaf?.ca) return 'It is the certificate of a CA.'
  if (leaf && !leaf.signs) return 'Its key may not sign.'
  // A CA may leave its purposes open, whoever answers for itself may not.
  if (leaf && leaf.purposes === undefined) return 'It does not say what it is for.'
  return undefined
}

function isNamed({ x509 }: Certificate, host: string): boolean {
  if (isIP(host) !== 0) return x509.checkIP(host) !== undefined
  return x509.checkHost(host, { subject: 'never', wildcards: false }) !== undefined
}

const day = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10)

function refuse(peer: Peer, reason: RefusalReason, detail?: string): Verdict {
  return { ok: false, refusal: refusalOf(peer, reason, detail) }
}
