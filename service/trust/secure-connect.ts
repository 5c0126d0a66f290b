import { isIP } from 'node:net'
import { connect, type DetailedPeerCertificate, type PeerCertificate, type TLSSocket } from 'node:tls'
import type { CertificateRefusal } from '#contract/trust.ts'
import { type Certificate, readCertificate } from './certificate.ts'
import type { Verdict } from './check-certificate.ts'

/** The peer answered, and its certificate is refused. */
export class CertificateRefused extends Error {
  override readonly name = 'CertificateRefused'
  readonly refusal: CertificateRefusal

  constructor(refusal: CertificateRefusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}

export interface SecureTarget {
  /** Name or IP address, without brackets. */
  readonly host: string
  readonly port: number
  /** For the connection and the greeting together. */
  readonly timeoutMs?: number
  /** Client certificate chain and its key, PEM. */
  readonly client?: { readonly certificate: string; readonly key: string }
}

export interface SecureConnection {
  readonly socket: TLSSocket
  /** Leaf first, trusted root last. */
  readonly path: readonly Certificate[]
  /** What the peer sent, leaf first. */
  readonly chain: readonly Certificate[]
}

const longestChain = 10

/**
 * Connects over TLS 1.2 or newer and has the certificate judged before a single byte is sent. Rejects with
 * CertificateRefused, or with the error of the network.
 */
export async function connectSecurely(
  { host, port, timeoutMs = 5_000, client }: SecureTarget,
  judge: (chain: readonly Certificate[]) => Verdict | Promise<Verdict>,
): Promise<SecureConnection> {
  const socket = connect({
    host,
    port,
    minVersion: 'TLSv1.2',
    // Judged below: the trust store of the system has no say in it.
    rejectUnauthorized: false,
    ...(isIP(host) === 0 && { servername: host }),
    ...(client && { cert: client.certificate, key: client.key }),
  })
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
      socket.once('close', () => {
        clearTimeout(timer)
        reject(new Error('the connection was closed'))
      })
      socket.once('secureConnect', () => clearTimeout(timer))
    })
    const chain = peerChain(socket)
    const verdict = await judge(chain)
    if (!verdict.ok) throw new CertificateRefused(verdict.refusal)
    return { socket, path: verdict.path, chain }
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** What the other side of a TLS connection has sent, leaf first; empty when there is nothing, or nothing readable. */
export function peerChain(socket: TLSSocket): Certificate[] {
  const chain = new Map<string, Certificate>()
  try {
    for (const raw of rawChain(socket)) {
      const certificate = readCertificate(raw)
      chain.set(certificate.fingerprint, certificate)
    }
  } catch {
    // What follows an unreadable one is of no use; the check says what is missing.
  }
  return [...chain.values()]
}

/** A server gets the chain only from the older of the two calls, a client gets all of it only from the newer one. */
function* rawChain(socket: TLSSocket): Generator<Uint8Array> {
  let next = socket.getPeerX509Certificate()
  for (let count = 0; next && count < longestChain; count += 1) {
    yield next.raw
    next = next.issuerCertificate
  }
  let detailed: PeerCertificate | undefined = socket.getPeerCertificate(true)
  // Without a certificate the object is empty; a root is its own issuer.
  for (let count = 0; detailed?.raw && count < longestChain; count += 1) {
    yield detailed.raw
    detailed = 'issuerCertificate' in detailed ? (detailed as DetailedPeerCertificate).issuerCertificate : undefined
  }
}
