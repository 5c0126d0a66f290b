import type { FastifyReply, FastifyRequest } from 'fastify'
import { pageHeader, ticketProtocol } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Presented } from '../domain/access-control.ts'

/** Cookies know no ports: two services on one machine must not sign each other's users out. */
function cookieName(request: FastifyRequest): string {
  const { localPort = 0 } = request.raw.socket
  // A name that begins so is accepted by browsers only with Secure, for this very host and for all its paths.
  return request.protocol === 'https' ? `__Host-r-ems-${localPort}` : `r-ems-${localPort}`
}

function cookieOf(request: FastifyRequest): string | undefined {
  const name = cookieName(request)
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [key = '', ...value] = part.trim().split('=')
    if (key === name && value.length > 0) return value.join('=')
  }
  return undefined
}

/** What a request shows to be let in. Never looked for in the address: addresses end up in logs. */
export function presentedBy(request: FastifyRequest): Presented {
  const { authorization, 'sec-websocket-protocol': protocols = '' } = request.headers
  if (authorization !== undefined) {
    const bearer = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
    return { bearer }
  }
  const ticket = protocols
    .split(',')
    .map((name) => name.trim())
    .find((name) => name.startsWith(ticketProtocol))
    ?.slice(ticketProtocol.length)
  if (ticket !== undefined) return request.ws ? { ticket } : {}
  // A cookie that is there counts, even when it has ended: nobody acts as somebody else unawares.
  return { cookie: cookieOf(request), certificateUser: request.certificateUser }
}

const harmless = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * A browser adds cookies and client certificates by itself, so a request with nothing else must prove that it comes from our
 * own page: by its origin, which `checkPerimeter` has compared, and for changes by a header that no form and no other site
 * can send. A program with a client certificate has no origin.
 */
export function assertOwnPage({ method, headers, ws }: FastifyRequest, { cookie }: Presented): void {
  const changes = !harmless.has(method)
  const fetchSite = headers['sec-fetch-site']
  const crossSite = fetchSite === 'cross-site' || fetchSite === 'same-site'
  const hasOrigin = headers.origin !== undefined || fetchSite === 'same-origin' || cookie === undefined
  if (crossSite || ((changes || ws) && !hasOrigin))
    throw new EdgeError('api.origin-refused', 'a session is used from our own pages only')
  if (changes && headers[pageHeader] === undefined)
    throw new EdgeError('api.origin-refused', `this needs the header ${pageHeader} to change something`)
}

/** No Max-Age: the browser forgets it when it ends; the service ends the session by its own clock. */
export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, secret: string): void {
  const secure = request.protocol === 'https' ? '; Secure' : ''
  void reply.header('set-cookie', `${cookieName(request)}=${secret}; Path=/; HttpOnly; SameSite=Strict${secure}`)
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply): void {
  const secure = request.protocol === 'https' ? '; Secure' : ''
  void reply.header('set-cookie', `${cookieName(request)}=; Path=/; HttpOnly; SameSite=Strict${secure}; Max-Age=0`)
}
