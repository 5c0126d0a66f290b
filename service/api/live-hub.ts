import type { FastifyBaseLogger } from 'fastify'
import type { RawData, WebSocket } from 'ws'
import { type Role, roleIncludes } from '#contract/access-names.ts'
import type { Device } from '#contract/api.ts'
import { type DeviceSummary, type LiveMessage, liveRequest } from '#contract/live.ts'
import type { ApiLimits } from './limits.ts'
import type { Sources } from './sources.ts'
import { fieldErrors } from './validation.ts'

interface Client {
  readonly socket: WebSocket
  readonly reader: LiveReader
  topics: ReadonlySet<string>
  answered: boolean
  /** Requests since the last ping. */
  requests: number
  /** Since when it misses frames, monotonic. */
  slowSinceMs?: number
}

/** Who opened a socket. */
export interface LiveReader {
  readonly role: Role
  /** Asked with every ping; once it says no, the socket is closed. */
  holds(): boolean
}

export interface LiveHub {
  full(): boolean
  add(socket: WebSocket, reader: LiveReader): void
  /** Sends the present state of a topic to whoever asked for it. */
  refresh(topic: string): void
  /** Sends a message to whoever asked for its topic. A power-flow message ends a cycle: see `createLiveHub`. */
  publish(message: LiveMessage): void
  size(): number
  /** Frames that slow clients missed since the start. */
  skipped(): number
  /** Asks all clients to leave. */
  close(): void
}

const tryAgainLater = 1013
const policyViolation = 1008
const goingAway = 1001
/** Of the range for applications, after the HTTP status. */
const signedOut = 4401

const topicOf = (message: LiveMessage): string => {
  if (message.type === 'event') return 'events'
  if (message.type === 'device' || message.type === 'job' || message.type === 'watch')
    return `${message.type}:${message.data.id}`
  return message.type
}

/** What scans find is for those who may scan. */
const roleOf = (topic: string): Role => (/^(workbench|checks|job:|watch:)/.test(topic) ? 'installer' : 'viewer')

function summaryOf(device: Device): DeviceSummary {
  const { points: _points, pollGroups: _pollGroups, commands: _commands, ...summary } = device
  return summary
}

/**
 * The clients of the live socket. Each cycle they get the power flow as published and, drawn from `sources` right after
 * it and only where somebody asked, status, devices and device:ID. What a client does not take is never queued beyond
 * a bound: it misses frames, and after a while it is disconnected.
 */
export function createLiveHub(sources: Sources, limits: ApiLimits, log: FastifyBaseLogger): LiveHub {
  const clients = new Set<Client>()
  let framesSkipped = 0
  let cycleEnded = false

  /** Sources are foreign code, called here outside any request: their faults end in the log. */
  function guarded(action: () => void): void {
    try {
      action()
    } catch (error) {
      log.error({ err: error }, 'live message failed')
    }
  }

  function drop(client: Client, code: number, reason: string): void {
    clients.delete(client)
    client.socket.close(code, reason)
    // A peer that does not read will not answer the closing handshake either.
    setTimeout(() => client.socket.terminate(), limits.closeMs).unref()
  }

  function send(client: Client, text: string): void {
    const { socket } = client
    if (socket.readyState !== socket.OPEN) return
    if (socket.bufferedAmount <= limits.liveBufferBytes) {
      delete client.slowSinceMs
      socket.send(text)
      return
    }
    framesSkipped += 1
    client.slowSinceMs ??= performance.now()
    if (performance.now() - client.slowSinceMs >= limits.liveSlowMs) drop(client, tryAgainLater, 'reads too slowly')
  }

  const reply = (client: Client, message: LiveMessage): void => send(client, JSON.stringify(message))

  function broadcast(topic: string, message: () => LiveMessage | undefined): void {
    const readers = [...clients].filter(({ topics }) => topics.has(topic))
    const content = readers.length > 0 ? message() : undefined
    if (!content) return
    const text = JSON.stringify(content)
    for (const client of readers) send(client, text)
  }

  function present(topic: string): LiveMessage | undefined {
    if (topic === 'status') return { type: 'status', data: sources.status() }
    if (topic === 'grids') return { type: 'grids', data: [...sources.grids()] }
    if (topic === 'controls') return { type: 'controls', data: [...sources.wishes()] }
    if (topic === 'devices') return { type: 'devices', data: sources.devices().map(summaryOf) }
    if (topic === 'power-flow') {
      const data = sources.powerFlow()
      return data && { type: 'power-flow', data }
    }
    if (topic === 'deployment') return { type: 'deployment', data: sources.deployment.status() }
    if (topic === 'workbench') return { type: 'workbench', data: sources.workbench.overview() }
    if (topic === 'checks') return { type: 'checks', data: sources.checks.progress() }
    if (topic.startsWith('job:')) {
      const job = sources.workbench.recentJob(topic.slice('job:'.length))
      return job && { type: 'job', data: job }
    }
    if (topic.startsWith('watch:')) {
      const update = sources.workbench.registers.recentWatch(topic.slice('watch:'.length))
      return update && { type: 'watch', data: update }
    }
    // Events are no state: what happened before is in the history.
    const device = topic.startsWith('device:') ? sources.device(topic.slice('device:'.length)) : undefined
    return device && { type: 'device', data: device }
  }

  function afterCycle(): void {
    cycleEnded = false
    const topics = new Set([...clients].flatMap((client) => [...client.topics]))
    for (const topic of topics)
      if (topic !== 'power-flow' && roleOf(topic) === 'viewer') guarded(() => broadcast(topic, () => present(topic)))
  }

  function subscribe(client: Client, wanted: readonly string[]): void {
    const before = client.topics
    const refused = new Map<string, string>()
    for (const topic of wanted) {
      const device = topic.startsWith('device:') ? topic.slice('device:'.length) : undefined
      if (device !== undefined && !sources.device(device)) refused.set(topic, `there is no device "${device}"`)
      else if (!roleIncludes(client.reader.role, roleOf(topic)))
        refused.set(topic, `${topic} needs the role ${roleOf(topic)}`)
    }
    client.topics = new Set(wanted.filter((topic) => !refused.has(topic)))
    for (const message of refused.values()) reply(client, { type: 'error', data: { message } })
    for (const topic of client.topics) {
      const message = before.has(topic) ? undefined : present(topic)
      if (message) reply(client, message)
    }
  }

  function receive(client: Client, data: RawData, isBinary: boolean): void {
    client.requests += 1
    if (client.requests > limits.liveRequests) return drop(client, policyViolation, 'asks too often')
    const parsed = isBinary ? undefined : parseJson(data)
    const request = liveRequest.safeParse(parsed)
    if (request.success) return subscribe(client, request.data.subscribe)
    const why = fieldErrors(request.error.issues, liveRequest, 'message')
      .map(({ path, message }) => `${path}: ${message}`)
      .join('; ')
    const expected =
      'expected {"subscribe": [TOPIC, …]} with power-flow, grids, controls, status, events, devices, deployment, device:ID, workbench, checks, job:ID or watch:ID'
    reply(client, { type: 'error', data: { message: parsed === undefined ? expected : `${why}; ${expected}` } })
  }

  const heartbeat = setInterval(() => {
    for (const client of clients) {
      if (!client.answered) {
        clients.delete(client)
        client.socket.terminate()
        continue
      }
      if (!client.reader.holds()) {
        drop(client, signedOut, 'signed out')
        continue
      }
      client.answered = false
      client.requests = 0
      client.socket.ping()
    }
  }, limits.livePingMs)
  heartbeat.unref()

  return {
    full: () => clients.size >= limits.liveSockets,
    refresh: (topic) => guarded(() => broadcast(topic, () => present(topic))),
    add(socket, reader) {
      const client: Client = { socket, reader, topics: new Set(), answered: true, requests: 0 }
      if (clients.size >= limits.liveSockets) return drop(client, tryAgainLater, 'too many clients')
      clients.add(client)
      socket.on('pong', () => {
        client.answered = true
      })
      socket.on('message', (data, isBinary) => guarded(() => receive(client, data, isBinary)))
      socket.on('close', () => clients.delete(client))
    },
    publish(message) {
      broadcast(topicOf(message), () => message)
      if (message.type !== 'power-flow' || cycleEnded) return
      cycleEnded = true
      // After the cycle's own work, so that building views delays no output.
      setImmediate(afterCycle)
    },
    size: () => clients.size,
    skipped: () => framesSkipped,
    close() {
      clearInterval(heartbeat)
      for (const client of clients) client.socket.close(goingAway, 'the service stops')
    },
  }
}

function parseJson(data: RawData): unknown {
  try {
    return Buffer.isBuffer(data) ? JSON.parse(data.toString()) : undefined
  } catch {
    return undefined
  }
}
