import type { TLSSocket } from 'node:tls'
import type { CertificateRefusal } from '#contract/trust.ts'
import type { Clock } from '../domain/clock.ts'
import { checkClientCertificate, userOf } from './check-certificate.ts'
import { refusalOf } from './refusals.ts'
import { peerChain } from './secure-connect.ts'
import type { SiteCa } from './site-ca.ts'

/** Who is at the other end of a connection, as far as its certificate tells. */
export interface ClientIdentity {
  /** User named by an accepted certificate. */
  readonly user?: string
  /** Why the certificate that was presented is refused. Neither of both: there was none. */
  readonly refusal?: CertificateRefusal
}

/** An accepted certificate is looked at again after this time; a change of trust counts at once. */
const freshMs = 30_000

/** Judges the client certificates of connections; the answer is remembered for a while. */
export function createClientIdentities(
  ca: Pick<SiteCa, 'clientAnchors' | 'onChange'>,
  clock: Pick<Clock, 'nowMs' | 'monotonicMs'>,
  builtAtMs: number,
): (socket: TLSSocket) => ClientIdentity {
  let judged = new WeakMap<TLSSocket, { readonly identity: ClientIdentity; readonly atMs: number }>()
  ca.onChange(() => (judged = new WeakMap()))
  return (socket) => {
    const atMs = clock.monotonicMs()
    const known = judged.get(socket)
    if (known && atMs - known.atMs < freshMs) return known.identity
    const identity = identify(socket)
    judged.set(socket, { identity, atMs })
    return identity
  }

  function identify(socket: TLSSocket): ClientIdentity {
    const chain = peerChain(socket)
    if (chain.length === 0)
      return Object.keys(socket.getPeerCertificate()).length > 0 ? { refusal: refusalOf('client', 'unreadable') } : {}
    const verdict = checkClientCertificate({
      chain,
      anchors: ca.clientAnchors(),
      nowMs: clock.nowMs(),
      builtAtMs,
    })
    if (!verdict.ok) return { refusal: verdict.refusal }
    const user = verdict.path[0] && userOf(verdict.path[0])
    return user === undefined ? {} : { user }
  }
}
