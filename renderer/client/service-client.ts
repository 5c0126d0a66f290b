import type { LiveMessage, LiveRequest } from '#contract/live.ts'
import { backoffMs } from './backoff.ts'
import { getJson, type Query } from './http.ts'
import { parseLiveMessage } from './live-message.ts'
import { type Credentials, pageCredentials } from './sign-in.ts'

/** How this window stands to the service. */
export type Connection =
  | { readonly state: 'connecting'; readonly sinceMs: number }
  | { readonly state: 'online'; readonly sinceMs: number }
  | { readonly state: 'offline'; readonly sinceMs: number; readonly nextAttemptAtMs: number }

export interface ServiceClient {
  /** Base address; undefined while the desktop app has not started a service yet. */
  readonly url: string | undefined
  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T>
  /** Asks for a topic until the returned function is called. Topics asked for twice are sent once. */
  watch(topic: string): () => void
  onMessage(listener: (message: LiveMessage) => void): () => void
  onConnection(listener: (connection: Connection) => void): () => void
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

/** One live socket with back-off, and requests, to one service. */
export function createServiceClient(initialUrl: string | undefined): ServiceClient {
  let url = initialUrl
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
  const latencies = new Set<(latencyMs: number) => void>()

  const setConnection = (next: Connection): void => {
    connection = next
    for (const listener of connections) listener(next)
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
    const protocols = await credentials.protocols().catch(() => undefined)
    if (mine !== wanted) return
    if (!protocols) return lost()
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
    opened.addEventListener('close', () => {
      if (socket === opened) lost()
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

  setInterval(() => void ping(), pingEveryMs)
  void connect()

  const listen = <T>(set: Set<(value: T) => void>, listener: (value: T) => void): (() => void) => {
    set.add(listener)
    return () => set.delete(listener)
  }

  return {
    get url() {
      return url
    },
    get: (path, query = {}, signal) =>
      url === undefined
        ? Promise.reject(new TypeError('no service yet'))
        : getJson(url, path, query, credentials.headers(), signal),
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
