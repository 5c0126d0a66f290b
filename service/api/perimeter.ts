import type { FastifyReply, FastifyRequest } from 'fastify'
import { pageHeader } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'
import type { ApiLimits } from './limits.ts'
import { isSecure, type SecureEndpoint } from './secure.ts'
import { securityHeaders } from './security-headers.ts'

/** The desktop app's pages have this origin. */
const appOrigin = 'app://r-ems'

const harmless = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Of this machine, for whoever is on it. */
const ownNames = new Set(['127.0.0.1', 'localhost', '::1'])

/**
 * Decides from the request line and headers alone whether a request may come in: a name that is ours (against DNS
 * rebinding) and an origin that is ours (against other pages in the same browser). Throws the refusal as an EdgeError.
 * Answers the desktop app's CORS preflight itself.
 */
export function checkPerimeter(
  request: FastifyRequest,
  reply: FastifyReply,
  limits: ApiLimits,
  secure?: Pick<SecureEndpoint, 'names'>,
): FastifyReply | undefined {
  const { method, headers } = request
  void reply.headers(securityHeaders)
  void reply.header('vary', 'Origin')
  checkTarget(request, limits)
  const host = checkHost(request, secure?.names() ?? [])
  const fromApp = checkOrigin(request, host)
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity')
    throw new EdgeError('api.media-refused', 'a compressed body is not accepted')
  if (!fromApp) return undefined
  void reply.header('access-control-allow-origin', appOrigin)
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return undefined
  const preflight = {
    'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
    'access-control-allow-headers': `authorization, content-type, ${pageHeader}`,
    'access-control-max-age': '600',
  }
  // Chromium asks before a page may reach a loopback address.
  if (headers['access-control-request-private-network'] === 'true')
    void reply.header('access-control-allow-private-network', 'true')
  return reply.code(204).headers(preflight).send()
}

function checkTarget(request: FastifyRequest, limits: ApiLimits): void {
  const { url } = request.raw
  // An absolute address in the request line would overrule the Host header.
  if (!url?.startsWith('/')) throw new EdgeError('api.malformed', 'the request line must hold a path')
  if (url.length > limits.urlCharacters)
    throw new EdgeError('api.url-too-long', `an address may have at most ${limits.urlCharacters} characters`)
}

function checkHost(request: FastifyRequest, networkNames: readonly string[]): string {
  const { rawHeaders, socket } = request.raw
  const hosts = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 && name.toLowerCase() === 'host' ? [(rawHeaders[index + 1] ?? '').toLowerCase()] : [],
  )
  const [host = ''] = hosts
  const encrypted = isSecure(socket)
  const match = hosts.length === 1 ? /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(\d{1,5}))?$/.exec(host) : null
  const name = match?.[1]?.replace(/^\[|\]$/g, '') ?? ''
  const known = ownNames.has(name) || (encrypted && networkNames.includes(name))
  if (!known || Number(match?.[2] ?? (encrypted ? 443 : 80)) !== socket.localPort)
    throw new EdgeError('api.host-refused', `the Host header must be 127.0.0.1:${socket.localPort ?? 0}`)
  return host
}

/** True when a page of the desktop app asks. */
function checkOrigin(request: FastifyRequest, host: string): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (origin !== undefined) {
    if (origin === appOrigin) return true
    if (origin === `${isSecure(request.raw.socket) ? 'https' : 'http'}://${host}`) return false
    throw new EdgeError('api.origin-refused', 'this origin is not accepted')
  }
  // Browsers that leave the origin out still say where a request comes from.
  if (!harmless.has(request.method) && site !== undefined && site !== 'same-origin' && site !== 'none')
    throw new EdgeError('api.origin-refused', 'requests from other sites are not accepted')
  return false
}
