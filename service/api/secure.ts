import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:https'
import { isIP, type AddressInfo } from 'node:net'
import { constants } from 'node:crypto'
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import type { Principal } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'
import type { CertificateRefusal, TrustBundle, TrustInfo } from '#contract/trust.ts'
import type { ApiLimits } from './limits.ts'
import { answerBrokenRequest } from './problems.ts'

/** What an admin may change. Rejects with the codes of trust. */
export interface TrustAdministration {
  rotate(by: Principal): Promise<TrustInfo>
  clients(): readonly { serial: string; name: string; notAfterMs: number }[]
  issueClient(by: Principal, name: string): Promise<{ serial: string; certificate: string; key: string }>
  revoke(by: Principal, serial: string): Promise<void>
  importAuthority(by: Principal, name: string, pem: string): Promise<TrustInfo>
  removeAuthority(by: Principal, name: string): Promise<TrustInfo>
}

/** The service on the network: HTTPS only. */
export interface SecureEndpoint {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** Whether clients may or must show a certificate. */
  readonly clientCertificates: 'off' | 'optional' | 'required'
  /** Key, chain and CAs as they are now. */
  tls(): SecureContextOptions
  /** Names and addresses that the certificate is valid for. */
  names(): readonly string[]
  /** Who is at the other end, by its certificate. */
  identify(socket: TLSSocket): { readonly user?: string; readonly refusal?: CertificateRefusal }
  info(): TrustInfo
  bundle(): TrustBundle
  readonly administration: TrustAdministration
  /** Calls back when `tls` or `names` have changed. */
  onChange(listener: () => void): () => void
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The user that an accepted client certificate names. */
    certificateUser: string | undefined
  }
}

/** Listens on the network. */
export interface SecureServer {
  readonly server: Server
  readonly port: number
  /** Without a slash at the end. */
  readonly url: string
}

const handshakeMs = 10_000

/** Refuses whoever shows a bad client certificate, or none where one is needed. Before the access hooks. */
export function guardCertificates(
  app: FastifyInstance,
  endpoint: Pick<SecureEndpoint, 'clientCertificates' | 'identify'> | undefined,
): void {
  app.decorateRequest('certificateUser', undefined)
  if (!endpoint || endpoint.clientCertificates === 'off') return
  app.addHook('onRequest', async (request) => {
    if (!isSecure(request.raw.socket)) return
    const { user, refusal } = endpoint.identify(request.raw.socket)
    if (refusal) {
      request.log.warn({ reason: refusal.reason, address: request.ip }, 'client certificate refused')
      throw new EdgeError('api.certificate-refused', `${refusal.message} ${refusal.action}`)
    }
    if (user === undefined && endpoint.clientCertificates === 'required')
      throw new EdgeError('api.certificate-missing', 'this service asks for a client certificate')
    request.certificateUser = user
  })
}

/**
 * Serves the same routes over HTTPS. A renewed certificate is taken over while connections go on. Rejects with
 * api.port-taken or api.port-denied by way of `listenError`.
 */
export async function listenSecurely(
  app: FastifyInstance,
  endpoint: Omit<SecureEndpoint, 'administration'>,
  limits: ApiLimits,
  mayUpgrade: (request: IncomingMessage) => boolean,
): Promise<SecureServer> {
  const server = createServer({
    ...contextOf(endpoint),
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: handshakeMs,
    requestCert: endpoint.clientCertificates !== 'off',
    // Judged per request, so that the refusal has words and a withdrawal counts at once.
    rejectUnauthorized: false,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.timeoutCheckMs,
    maxHeaderSize: limits.headerBytes,
    requireHostHeader: false,
    shouldUpgradeCallback: mayUpgrade,
  })
  server.on('request', app.routing)
  server.on('upgrade', (request, socket, head) => app.server.emit('upgrade', request, socket, head))
  server.on('clientError', answerBrokenRequest)
  server.timeout = limits.idleTimeoutMs
  server.maxRequestsPerSocket = limits.requestsPerConnection

  server.once(
    'close',
    endpoint.onChange(() => server.setSecureContext(contextOf(endpoint))),
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: endpoint.host, port: endpoint.port, backlog: limits.backlog }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { port } = server.address() as AddressInfo
  const everywhere = endpoint.host === '0.0.0.0' || endpoint.host === '::'
  const name = (everywhere ? endpoint.names()[0] : undefined) ?? endpoint.host
  return { server, port, url: `https://${isIP(name) === 6 ? `[${name}]` : name}:${port}` }
}

export function isSecure(socket: object): socket is TLSSocket {
  return 'encrypted' in socket && socket.encrypted === true
}

function contextOf(endpoint: Pick<SecureEndpoint, 'tls' | 'clientCertificates'>): SecureContextOptions {
  return {
    ...endpoint.tls(),
    minVersion: 'TLSv1.2',
    honorCipherOrder: true,
    // TLS 1.2 with forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
    ciphers:
      'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL',
    // A resumed session would bring no certificate chain with it.
    ...(endpoint.clientCertificates !== 'off' && { secureOptions: constants.SSL_OP_NO_TICKET }),
  }
}
