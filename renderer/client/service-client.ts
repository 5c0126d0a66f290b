import type { SignedIn, WhoAmI } from '#contract/access.ts'
import type { LiveMessage, LiveRequest } from '#contract/live.ts'
import { backoffMs } from './backoff.ts'
import { type JsonRequest, type Query, RequestError, requestFile, requestJson } from './http.ts'
import { parseLiveMessage } from './live-message.ts'
import { type Credentials, dropToken, keepToken, pageCredentials, tokenCredentials } from './sign-in.ts'

/** How this window stands to the service. */
export type Connection =
  | { readonly state: 'connecting'; readonly sinceMs: number }
  | { readonly state: 'online'; readonly sinceMs: number }
  | { readonly state: 'offline'; readonly sinceMs: number; readonly nextAttemptAtMs: number }
  /** The service answers, but wants to know who asks. */
  | { readonly state: 'signedOut'; readonly sinceMs: number }

export interface ServiceClient {
  /** Base address; undefined while the desktop app has not started a service yet. */
  readonly url: string | undefined
  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T>
  /** A request that changes something; with a body where there is one. */
  send<T = void>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<T>
  /** A file of the service; with a body, one that is made for it. */
  download(path: string, body?: object): Promise<Blob>
  /** Hands a file to the service. */
  upload<T>(path: string, query: Query, file: Blob): Promise<T>
  /** Gets in with a request that answers with a session: a sign-in, or pairing as a person. */
  signIn(path: string, body: object): Promise<void>
  signOut(): Promise<void>
  /** Asks who is signed in; counts as a use of the session. */
  checkIdentity(): Promise<void>
  /** Asks for a topic until the returned function is called. Topics asked for twice are sent once. */
  watch(topic: string): () => void
  onMessage(listener: (message: LiveMessage) => void): () => void
  onConnection(listener: (connection: Connection) => void): () => void
  /** Calls back with who is signed in, and with undefined once nobody is. */
  onIdentity(listener: (who: WhoAmI | undefined) => void): () => void
  /** Resolves once it is known whether the service answers and who is signed in. */
  readonly settled: Promise<void>
  /** Round trip of a request, about every five seconds. */
  onLatency(listener: (latencyMs: number) => void): () => void
  /** Tries at once instead of waiting for the back-off. */
  reconnect(): void
  /** Goes to another address, after a restart on another port. */
  moveTo(url: string, credentials?: Credentials): void
}

const pingEveryMs = 5_000
const firstPingMs = 1_000
const pingTimeoutMs = 4_000
/** Code of a live socket whose session has ended. */
const sessionEnded = 4401

/** One live socket with back-off, and requests, to one service. Without cookies, `bearer` asks for tokens instead. */
export function createServiceClient(initialUrl: string | undefined, { bearer }: { bearer: boolean }): ServiceClient {
  let url = initialUrl
  let identity: WhoAmI | undefined
  let credentials = pageCredentials
  let socket: WebSocket | undefined
  /** Of the newest attempt to connect; older ones that are still under way give up. */
  let wanted = 0
  let connection: Connection = { state: 'connecting', sinceMs: Date.now() }
  let attempt = 0
  let retry: ReturnType<typeof setTimeout> | undefined
  const topics = new Map<string, number>()
  const messages = new Set<(message: LiveMessage) => void>()
  const connections = new Set<(connection: Connection) => void>()
  const identities = new Set<(who: WhoAmI | undefined) => void>()
  const latencies = new Set<(latencyMs: number) => void>()
  let settle: () => void = () => undefined
  const settled = new Promise<void>((resolve) => (settle = resolve))

  const setConnection = (next: Connection): void => {
    connection = next
    for (const listener of connections) listener(next)
    if (next.state !== 'connecting') settle()
  }

  const setIdentity = (who: WhoAmI | undefined): void => {
    identity = who
    for (const listener of identities) listener(who)
    if (who) settle()
  }

  /** Nobody tries again by itself: a person has to sign in. */
  const signedOut = (): void => {
    clearTimeout(retry)
    wanted += 1
    drop()
    if (url !== undefined) dropToken(url)
    setIdentity(undefined)
    setConnection({ state: 'signedOut', sinceMs: Date.now() })
  }

  const isSignedOut = (error: unknown): boolean => error instanceof RequestError && error.status === 401

  /** A request as who is signed in. When it is nobody any more, the whole window learns of it. */
  const request = <T>(path: string, options: JsonRequest): Promise<T> =>
    asWhoever((base, headers) => requestJson<T>(base, path, { ...options, headers }))

  async function asWhoever<T>(ask: (base: string, headers: Record<string, string>) => Promise<T>): Promise<T> {
    if (url === undefined) throw new TypeError('no service yet')
    const asked = credentials
    try {
      return await ask(url, asked.headers())
    } catch (error) {
      // A wrong password is refused with 401 as well, and ends nothing.
      const ended = isSignedOut(error) && error instanceof RequestError && !error.code?.startsWith('access.wrong')
      if (ended && asked === credentials && identity) signedOut()
      throw error
    }
  }

  let subscriptionQueued = false
  /** Several screens change topics in one turn; the service hears about it once. */
  const sendTopics = (): void => {
    if (subscriptionQueued) return
    subscriptionQueued = true
    queueMicrotask(() => {
      subscriptionQueued = false
      if (socket?.readyState !== WebSocket.OPEN) return
      const request: LiveRequest = { subscribe: [...topics.keys()] }
      socket.send(JSON.stringify(request))
    })
  }

  const lost = (): void => {
    socket = undefined
    attempt += 1
    const delayMs = backoffMs(attempt, Math.random())
    const sinceMs = connection.state === 'offline' ? connection.sinceMs : Date.now()
    setConnection({ state: 'offline', sinceMs, nextAttemptAtMs: Date.now() + delayMs })
    clearTimeout(retry)
    retry = setTimeout(() => void connect(), delayMs)
  }

  const drop = (): void => {
    const old = socket
    socket = undefined
    old?.close()
  }

  async function connect(): Promise<void> {
    clearTimeout(retry)
    drop()
    wanted += 1
    const mine = wanted
    if (url === undefined) return
    let protocols: string[]
    try {
      const signal = AbortSignal.timeout(pingTimeoutMs)
      const who = await requestJson<WhoAmI>(url, 'api/v1/session', { headers: credentials.headers(), signal })
      if (mine !== wanted) return
      setIdentity(who)
      protocols = await credentials.protocols()
    } catch (error) {
      if (mine !== wanted) return
      if (isSignedOut(error)) signedOut()
      else lost()
      return
    }
    if (mine !== wanted) return
    const live = new URL('api/v1/live', url)
    live.protocol = live.protocol === 'https:' ? 'wss:' : 'ws:'
    const opened = new WebSocket(live, protocols)
    socket = opened
    opened.addEventListener('open', () => {
      if (socket !== opened) return
      attempt = 0
      setConnection({ state: 'online', sinceMs: Date.now() })
      sendTopics()
      // Not in the rush of loading the page, which would be measured too.
      setTimeout(() => void ping(), firstPingMs)
    })
    opened.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (socket !== opened || typeof event.data !== 'string') return
      const message = parseLiveMessage(event.data)
      if (message) for (const listener of messages) listener(message)
    })
    opened.addEventListener('close', ({ code }) => {
      if (socket !== opened) return
      if (code === sessionEnded) void connect()
      else lost()
    })
  }

  /** A peer that vanished without closing is noticed by a request that nobody answers. */
  async function ping(): Promise<void> {
    if (connection.state !== 'online' || url === undefined) return
    const startedMs = performance.now()
    try {
      await fetch(new URL('health', url), { signal: AbortSignal.timeout(pingTimeoutMs), cache: 'no-store' })
      for (const listener of latencies) listener(performance.now() - startedMs)
    } catch {
      if (connection.state !== 'online') return
      drop()
      lost()
    }
  }

  async function signIn(path: string, body: object): Promise<void> {
    if (url === undefined) throw new TypeError('no service yet')
    const base = url
    const request = { method: 'POST', body: { ...body, bearer }, headers: pageCredentials.headers() } as const
    const { token } = await requestJson<SignedIn>(base, path, request)
    if (token !== undefined) {
      keepToken(base, token)
      credentials = tokenCredentials(base, token)
    }
    await connect()
  }

  setInterval(() => void ping(), pingEveryMs)
  if (initialUrl !== undefined) queueMicrotask(() => void connect())

  const listen = <T>(set: Set<(value: T) => void>, listener: (value: T) => void): (() => void) => {
    set.add(listener)
    return () => set.delete(listener)
  }

  return {
    get url() {
      return url
    },
    get: (path, query = {}, signal) => request(path, { query, signal }),
    send: (method, path, body) => request(path, { method, body }),
    download: (path, body) =>
      asWhoever((base, headers) => requestFile(base, path, { headers, ...(body && { method: 'POST', body }) })),
    upload: (path, query, file) => request(path, { method: 'POST', query, file }),
    signIn,
    async signOut() {
      await request('api/v1/session', { method: 'DELETE' })
      signedOut()
    },
    async checkIdentity() {
      setIdentity(await request<WhoAmI>('api/v1/session', {}))
    },
    settled,
    watch(topic) {
      const count = topics.get(topic) ?? 0
      topics.set(topic, count + 1)
      if (count === 0) sendTopics()
      return () => {
        const left = (topics.get(topic) ?? 1) - 1
        if (left > 0) topics.set(topic, left)
        else {
          topics.delete(topic)
          sendTopics()
        }
      }
    },
    onMessage: (listener) => listen(messages, listener),
    onConnection(listener) {
      listener(connection)
      return listen(connections, listener)
    },
    onIdentity(listener) {
      listener(identity)
      return listen(identities, listener)
    },
    onLatency: (listener) => listen(latencies, listener),
    reconnect: () => void connect(),
    moveTo(next, shown = pageCredentials) {
      if (next === url && connection.state === 'online') return
      url = next
      credentials = shown
      void connect()
    },
  }
}
