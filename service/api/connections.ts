import type { ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { ApiLimits } from './limits.ts'
import { sourceOf } from './rates.ts'

export interface Connections {
  /** Bounds the connections of a server together with those of the others. */
  watch(server: Server): void
  /** Counts a request until its answer has gone; false when too many of its connection are unanswered. */
  begin(socket: Socket, response: ServerResponse): boolean
  /** This connection belongs to somebody who was let in: it does not have to make room for others. */
  trust(socket: Socket): void
}

/** The same for a TCP connection and for the TLS connection in it. */
const keyOf = ({ remoteAddress = '', remotePort = 0, localPort = 0 }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localPort}`

interface Guest {
  readonly socket: Socket
  readonly source: string
}

/**
 * Bounds connections in all and per source. At a bound, the oldest connection on which nobody was let in makes room, so
 * that silent connections keep nobody out; where all are trusted, the new one is dropped. Who makes room is cut off a
 * while later: cut off at once, a flood would only come again, and accepting it again and again is what costs time.
 */
export function createConnections(limits: ApiLimits): Connections {
  // In order of their age.
  const strangers = new Map<string, Guest>()
  const leaving = new Map<string, Guest & { readonly timer: NodeJS.Timeout }>()
  const perSource = new Map<string, number>()
  const unanswered = new WeakMap<Socket, number>()
  let total = 0

  function count(source: string, step: 1 | -1): void {
    total += step
    const next = (perSource.get(source) ?? 0) + step
    if (next > 0) perSource.set(source, next)
    else perSource.delete(source)
  }

  function sendOldestAway(source?: string): boolean {
    for (const [key, stranger] of strangers) {
      if (source !== undefined && stranger.source !== source) continue
      strangers.delete(key)
      count(stranger.source, -1)
      const { socket } = stranger
      const timer = setTimeout(() => socket.destroy(), limits.tarpitMs)
      leaving.set(key, { ...stranger, timer })
      if (leaving.size > limits.leavingConnections) socket.destroy()
      return true
    }
    return false
  }

  function makeRoom(source: string): boolean {
    const sourceFull = (perSource.get(source) ?? 0) >= limits.connectionsPerSource
    return (!sourceFull && total < limits.connections) || sendOldestAway(sourceFull ? source : undefined)
  }

  /** Whether it was on its way out. */
  function stay(key: string, socket?: Socket): boolean {
    const left = leaving.get(key)
    if (!left || (socket && left.socket !== socket)) return false
    clearTimeout(left.timer)
    return leaving.delete(key)
  }

  function onConnection(socket: Socket): void {
    const source = sourceOf(socket.remoteAddress ?? '')
    if (!makeRoom(source)) {
      socket.destroy()
      return
    }
    const key = keyOf(socket)
    count(source, 1)
    strangers.set(key, { socket, source })
    socket.once('close', () => {
      if (stay(key, socket)) return
      count(source, -1)
      if (strangers.get(key)?.socket === socket) strangers.delete(key)
    })
  }

  return {
    watch(server) {
      server.on('connection', onConnection)
      // What is not yet counted as closed is a little more than the bound.
      server.maxConnections = limits.connections * 2 + limits.leavingConnections
    },
    begin(socket, response) {
      const before = unanswered.get(socket) ?? 0
      unanswered.set(socket, before + 1)
      response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1))
      return before < limits.unansweredPerConnection
    },
    trust(socket) {
      const key = keyOf(socket)
      if (strangers.delete(key)) return
      const source = leaving.get(key)?.source
      if (source !== undefined && makeRoom(source) && stay(key)) count(source, 1)
    },
  }
}
