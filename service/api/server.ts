import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import websocket from '@fastify/websocket'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { serializerCompiler } from 'fastify-type-provider-zod'
import { liveProtocol } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'
import type { LiveMessage } from '#contract/live.ts'
import type { Access } from '../domain/access-control.ts'
import { type DeclaredRoute, guardAccess } from './access.ts'
import { type Connections, createConnections } from './connections.ts'
import { installJsonBody } from './json-body.ts'
import { type ApiLimits, defaultLimits } from './limits.ts'
import { createLiveHub, type LiveHub } from './live-hub.ts'
import { createMetrics, type CycleObservation, type Metrics } from './metrics.ts'
import { installDocumentation, installDocumentRoute } from './openapi.ts'
import { checkPerimeter } from './perimeter.ts'
import { answerBrokenRequest, sendError } from './problems.ts'
import { armedRoutes } from './routes/armed.ts'
import { auditRoutes } from './routes/audit.ts'
import { backupRoutes } from './routes/backup.ts'
import { busRoutes } from './routes/bus.ts'
import { candidateRoutes } from './routes/candidate.ts'
import { captureRoutes } from './routes/capture.ts'
import { checkRoutes } from './routes/checks.ts'
import { controlRoutes } from './routes/control.ts'
import { licenseRoutes } from './routes/license.ts'
import { limitsRoutes } from './routes/limits.ts'
import { controlInsightRoutes } from './routes/control-insight.ts'
import { deploymentRoutes } from './routes/deployment.ts'
import { deviceRoutes } from './routes/devices.ts'
import { edgeRoutes } from './routes/edges.ts'
import { handoverRoutes } from './routes/handover.ts'
import { historyRoutes } from './routes/history.ts'
import { livePath, liveRoutes } from './routes/live.ts'
import { metricRoutes } from './routes/metrics.ts'
import { sessionRoutes } from './routes/session.ts'
import { setupRoutes } from './routes/setup.ts'
import { siteRoutes } from './routes/site.ts'
import { trustRoutes } from './routes/trust.ts'
import { trustAdministrationRoutes } from './routes/trust-administration.ts'
import { userRoutes } from './routes/users.ts'
import { verificationRoutes } from './routes/verification.ts'
import { workbenchRoutes } from './routes/workbench.ts'
import { workbenchHealthRoutes } from './routes/workbench-health.ts'
import { workbenchJobRoutes } from './routes/workbench-jobs.ts'
import { workbenchMapFileRoutes } from './routes/workbench-map-files.ts'
import { workbenchMapRoutes } from './routes/workbench-maps.ts'
import { workbenchKnobRoutes } from './routes/workbench-knob.ts'
import { workbenchRegisterRoutes } from './routes/workbench-registers.ts'
import { guardCertificates, listenSecurely, type SecureEndpoint, type SecureServer } from './secure.ts'
import type { Sources } from './sources.ts'
import { requestValidator } from './validation.ts'
import { installWebUi } from './web-ui.ts'

export interface ApiOptions {
  /** Plain HTTP serves the machine itself only. */
  readonly host: '127.0.0.1' | '::1'
  /** 0 for any free port. */
  readonly port: number
  readonly access: Access
  /** Build of the web UI; without it, a page says how to build it. */
  readonly rendererFolder?: string
  readonly version: string
  readonly sources: Sources
  readonly log: FastifyBaseLogger
  readonly limits?: Partial<ApiLimits>
  /** The service on the network, over HTTPS; without it, only the machine itself is served. */
  readonly secure?: SecureEndpoint
}

export interface Api extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string
  readonly port: number
  /** The service on the network. */
  readonly secure?: { readonly url: string; readonly port: number }
  readonly routes: readonly DeclaredRoute[]
  /**
   * Sends a message to the live clients that asked for its topic. A power-flow message ends a cycle: status, devices
   * and device:ID follow by themselves, drawn from the sources. Costs next to nothing while nobody listens.
   */
  publish(message: LiveMessage): void
  /** Sends the present state of `workbench`, `deployment` or `job:ID` to the live clients that asked for it. */
  refresh(topic: string): void
  observeCycle(observation: CycleObservation): void
}

/** Starts the HTTP and WebSocket API. Rejects with api.port-taken or api.port-denied. */
export async function createApi(options: ApiOptions): Promise<Api> {
  const { host, port, version, sources, log } = options
  const limits: ApiLimits = { ...defaultLimits, ...options.limits }
  const hub = createLiveHub(sources, limits, log)
  const metrics = createMetrics({
    version,
    numbers: () => sources.metrics(),
    liveSockets: () => hub.size(),
    framesSkipped: () => hub.skipped(),
  })
  const connections = createConnections(limits)
  const app = createServer(limits, log)
  connections.watch(app.server)
  let secure: SecureServer | undefined
  const upgraded = await installWebSocket(app, hub, limits)
  const routes = guardRequests(app, { ...options, limits, connections })
  await installRoutes(app, { ...options, hub, metrics })
  let listening = { host: host as string, port }
  try {
    await app.listen({
      host,
      port,
      backlog: limits.backlog,
      listenTextResolver: (address) => `api listens at ${address}`,
    })
    if (options.secure) {
      listening = options.secure
      secure = await listenSecurely(app, options.secure, limits, isLiveUpgrade)
      connections.watch(secure.server)
    }
  } catch (error) {
    hub.close()
    await app.close()
    throw listenError(error, listening.host, listening.port)
  }
  const bound = (app.server.address() as AddressInfo).port
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    ...(secure && { secure: { url: secure.url, port: secure.port } }),
    routes,
    publish: (message) => hub.publish(message),
    refresh: (topic) => hub.refresh(topic),
    observeCycle: (observation) => metrics.observeCycle(observation),
    async [Symbol.asyncDispose]() {
      const force = setTimeout(() => {
        app.server.closeAllConnections()
        secure?.server.closeAllConnections()
        for (const socket of upgraded) socket.destroy()
      }, limits.closeMs)
      secure?.server.close()
      secure?.server.closeIdleConnections()
      await app.close()
      clearTimeout(force)
    },
  }
}

function createServer(limits: ApiLimits, log: FastifyBaseLogger): FastifyInstance {
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    connectionTimeout: limits.idleTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    maxRequestsPerSocket: limits.requestsPerConnection,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    http: {
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.timeoutCheckMs,
      maxHeaderSize: limits.headerBytes,
      // A missing Host is refused like a wrong one, with an explanation.
      requireHostHeader: false,
      shouldUpgradeCallback: isLiveUpgrade,
    },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => void sendError(error, reply, request.log),
  })
  installJsonBody(app)
  app.setValidatorCompiler(requestValidator)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler((error, request, reply) => sendError(error, reply, request.log))
  return app
}

/** Any other wish to upgrade is ignored, as HTTP allows, and answered as a plain request. */
function isLiveUpgrade({ url, headers }: IncomingMessage): boolean {
  return url?.split('?', 1)[0] === livePath && headers.upgrade?.toLowerCase() === 'websocket'
}

/**
 * Must come before the hooks that refuse: it marks the requests whose socket has to be closed after a refusal. Returns
 * the open sockets that are no longer the HTTP server's.
 */
async function installWebSocket(app: FastifyInstance, hub: LiveHub, limits: ApiLimits): Promise<ReadonlySet<Duplex>> {
  const upgraded = new Set<Duplex>()
  app.server.on('upgrade', (_request, socket) => {
    upgraded.add(socket)
    socket.once('close', () => upgraded.delete(socket))
  })
  await app.register(websocket, {
    options: {
      maxPayload: limits.liveMessageBytes,
      // The ticket that a page may have offered too is not said again.
      handleProtocols: (offered) => (offered.has(liveProtocol) ? liveProtocol : false),
    },
    // The socket ends by itself, with the fitting code; an oversized message is no fault of ours.
    errorHandler: (error, _socket, request) => request.log.debug({ err: error }, 'live socket failed'),
    preClose: (done) => {
      hub.close()
      done()
    },
  })
  return upgraded
}

/** Everything that decides whether a request is let in. Before any route. */
function guardRequests(
  app: FastifyInstance,
  parts: Pick<ApiOptions, 'access' | 'secure'> & { limits: ApiLimits; connections: Connections },
): readonly DeclaredRoute[] {
  const { limits, secure, connections } = parts
  app.addHook('onRequest', async ({ raw }, reply) => {
    if (connections.begin(raw.socket, reply.raw)) return undefined
    raw.socket.destroy()
    return reply.hijack()
  })
  app.addHook('onRequest', async (request, reply) => checkPerimeter(request, reply, limits, secure))
  guardCertificates(app, secure)
  const routes = guardAccess(app, parts)
  const refuse = (url: string, method: string, setAllow: (methods: string) => void): never => {
    const allowed = allowedMethods(routes, url)
    if (allowed.length === 0 || allowed.includes(method))
      throw new EdgeError('api.not-found', 'there is nothing at this address')
    setAllow(allowed.join(', '))
    throw new EdgeError('api.method-refused', `this address accepts ${allowed.join(', ')}`)
  }
  // Before a body is read.
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) refuse(request.url, request.method, (methods) => void reply.header('allow', methods))
  })
  app.setNotFoundHandler((request, reply) =>
    refuse(request.url, request.method, (methods) => void reply.header('allow', methods)),
  )
  return routes
}

function allowedMethods(routes: readonly DeclaredRoute[], url: string): string[] {
  const path = url.split('?', 1)[0] ?? '/'
  const matches = (pattern: string): boolean => {
    // The web UI's pages may have any address but those of the API.
    if (pattern.endsWith('*')) return path.startsWith(pattern.slice(0, -1)) && !path.startsWith('/api/')
    const parts = pattern.split('/')
    const words = path.split('/')
    return parts.length === words.length && parts.every((part, at) => part === words[at] || part.startsWith(':'))
  }
  return [...new Set(routes.filter(({ url: pattern }) => matches(pattern)).map(({ method }) => method))]
}

async function installRoutes(
  app: FastifyInstance,
  parts: ApiOptions & { readonly hub: LiveHub; readonly metrics: Metrics },
): Promise<void> {
  const { sources, hub, metrics, version, rendererFolder } = parts
  await installDocumentation(app, version)
  installDocumentRoute(app)
  await app.register(sessionRoutes, { access: parts.access })
  await app.register(userRoutes, { access: parts.access })
  await app.register(auditRoutes, { sources })
  await app.register(siteRoutes, { sources })
  await app.register(deviceRoutes, { sources })
  await app.register(busRoutes, { sources })
  await app.register(controlRoutes, { sources })
  await app.register(limitsRoutes, { sources })
  await app.register(licenseRoutes, { sources })
  await app.register(backupRoutes, { sources })
  await app.register(verificationRoutes, { sources })
  await app.register(controlInsightRoutes, { sources })
  await app.register(captureRoutes, { sources })
  await app.register(armedRoutes, { sources })
  await app.register(deploymentRoutes, { sources })
  await app.register(candidateRoutes, { sources })
  await app.register(edgeRoutes, { sources })
  await app.register(workbenchRoutes, { sources })
  await app.register(workbenchHealthRoutes, { sources })
  await app.register(workbenchJobRoutes, { sources })
  await app.register(workbenchKnobRoutes, { sources })
  await app.register(workbenchRegisterRoutes, { sources })
  await app.register(setupRoutes, { sources })
  await app.register(workbenchMapRoutes, { sources })
  await app.register(workbenchMapFileRoutes, { sources })
  await app.register(checkRoutes, { sources })
  await app.register(handoverRoutes, { sources })
  await app.register(historyRoutes, { sources })
  await app.register(metricRoutes, { metrics })
  await app.register(liveRoutes, { hub })
  await app.register(trustRoutes, { secure: parts.secure })
  await app.register(trustAdministrationRoutes, { secure: parts.secure })
  await installWebUi(app, rendererFolder)
}

function listenError(error: unknown, host: string, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE')
    return new EdgeError('api.port-taken', `port ${port} on ${host} is in use by another program`, { cause: error })
  if (code === 'EACCES')
    return new EdgeError('api.port-denied', `the system does not allow this program to use port ${port}`, {
      cause: error,
    })
  return error
}
