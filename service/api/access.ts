import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Principal, type Role, roleIncludes } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'
import type { Access, Authority } from '../domain/access-control.ts'
import type { Connections } from './connections.ts'
import { assertOwnPage, presentedBy } from './credentials.ts'
import type { ApiLimits } from './limits.ts'
import { createRate, sourceOf } from './rates.ts'

/** Who may use a route: everybody who reaches the service, or who has at least a role. */
export type RouteAccess = 'public' | Role

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route declares one; the server does not start otherwise. */
    access?: RouteAccess
    /** Never refused for asking often: giving control back must always be possible. */
    unlimited?: boolean
  }
  interface FastifyRequest {
    authority: Authority | undefined
  }
}

/** A route as it was registered. */
export interface DeclaredRoute {
  readonly method: string
  readonly url: string
  readonly access: RouteAccess | undefined
}

/**
 * Lets in who has the role that a route declares, and refuses to start with a route that declares none. Must be installed
 * before any route. The returned list fills up as routes are registered.
 */
export function guardAccess(
  app: FastifyInstance,
  parts: { readonly access: Access; readonly limits: ApiLimits; readonly connections: Connections },
): readonly DeclaredRoute[] {
  const { access, limits, connections } = parts
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
    const stray = routes.find((route) => route.access === undefined)
    done(stray && new Error(`${stray.method} ${stray.url} does not declare who may use it`))
  })
  app.decorateRequest('authority', undefined)

  const strangers = createRate(limits.strangerPerS, limits.strangerBurst, limits.trackedKeys)
  const principals = createRate(limits.principalPerS, limits.principalBurst, limits.trackedKeys)

  /** Who is not let in asks at a bounded rate; beyond it, the answer comes late, which costs the asker and not us. */
  async function countStranger({ ip }: FastifyRequest): Promise<void> {
    if (strangers.take(sourceOf(ip))) return
    await delay(limits.tarpitMs)
    throw new EdgeError('api.too-many', 'too many requests from this address', { retryAfterS: 1 })
  }

  function admit(request: FastifyRequest, needed: Role): Authority {
    const presented = presentedBy(request)
    const authority = access.authenticate(presented, request.ip)
    if (presented.bearer === undefined && presented.ticket === undefined) assertOwnPage(request, presented)
    const { principal } = authority
    if (roleIncludes(principal.role, needed)) return authority
    access.refused(principal, `${request.method} ${request.routeOptions.url ?? ''} needs the role ${needed}`)
    throw new EdgeError('access.role', `this needs the role ${needed}; ${principal.name} is ${principal.role}`)
  }

  app.addHook('onRequest', async (request) => {
    const needed = request.routeOptions.config.access
    if (request.is404 || needed === 'public') return countStranger(request)
    // Without a declaration the server has not started; whatever happens, nobody but an admin gets further.
    let authority: Authority
    try {
      authority = admit(request, needed ?? 'admin')
    } catch (error) {
      await countStranger(request)
      throw error
    }
    connections.trust(request.raw.socket)
    const { kind, id } = authority.principal
    if (!request.routeOptions.config.unlimited && !principals.take(`${kind} ${id}`))
      throw new EdgeError('api.too-many', `too many requests of ${authority.principal.name}`, { retryAfterS: 1 })
    request.authority = authority
  })
  return routes
}

/** Who asks, on a route that is not public. */
export function authorityOf(request: FastifyRequest): Authority {
  if (!request.authority) throw new EdgeError('api.token-missing', 'this request needs somebody who is signed in')
  return request.authority
}

export const principalOf = (request: FastifyRequest): Principal => authorityOf(request).principal
