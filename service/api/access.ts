import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { EdgeError } from '#contract/errors.ts'
import type { Principal } from './sources.ts'

/** Who may use a route: everybody on this machine, or who holds the token. */
export type Access = 'open-on-loopback' | 'token'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route declares one; the server does not start otherwise. */
    access?: Access
  }
  interface FastifyRequest {
    principal: Principal | undefined
  }
}

/** A route as it was registered. */
export interface DeclaredRoute {
  readonly method: string
  readonly url: string
  readonly access: Access | undefined
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/**
 * Asks for the token wherever a route is not declared open, and refuses to start with a route that declares nothing.
 * Must be installed before any route. The returned list fills up as routes are registered.
 */
export function guardAccess(app: FastifyInstance, token: string): readonly DeclaredRoute[] {
  const wanted = digest(token)
  const routes: DeclaredRoute[] = []
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat())
      // Read when asked for: a plugin's own hooks may declare the access of the plugin's routes after this one.
      routes.push({
        method,
        url: route.url,
        get access() {
          return route.config?.access
        },
      })
  })
  app.addHook('onReady', (done) => {
    const stray = routes.find(({ access }) => access === undefined)
    done(stray && new Error(`${stray.method} ${stray.url} does not declare who may use it`))
  })
  app.decorateRequest('principal', undefined)
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.is404 || request.routeOptions.config.access === 'open-on-loopback') return done()
    const presented = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
    if (presented === undefined) return done(new EdgeError('api.token-missing', 'this request needs a token'))
    // Hashes have one length, so that the comparison tells nothing about the token.
    if (!timingSafeEqual(digest(presented), wanted))
      return done(new EdgeError('api.token-wrong', 'the token is not the one of this service'))
    request.principal = { name: 'API token', address: request.ip }
    return done()
  })
  return routes
}

/** The principal of a request to a route that asks for the token. */
export function principalOf(request: FastifyRequest): Principal {
  if (!request.principal) throw new EdgeError('api.token-missing', 'this request needs a token')
  return request.principal
}
