import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
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

const chains = new WeakMap<TLSSocket, readonly Certificate[]>()

/**
 * What the other side of a TLS connection has sent, leaf first; empty when there is nothing, or nothing readable. Node.js
 * hands the chain out once only, so that it is kept with the socket: nobody else may ask the socket for it.
 */
export function peerChain(socket: TLSSocket): readonly Certificate[] {
  const known = chains.get(socket)
  if (known) return known
  const chain: Certificate[] = []
  try {
    let next = socket.getPeerX509Certificate()
    while (next && chain.length < longestChain) {
      chain.push(readCertificate(next.raw))
      next = next.issuerCertificate
    }
  } catch {
    // What follows an unreadable one is of no use; the check says what is missing.
  }
  chains.set(socket, chain)
  return chain
}
