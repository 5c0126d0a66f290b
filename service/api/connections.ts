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

/**
 * Bounds connections in all and per source. At a bound, the oldest connection on which nobody was let in makes room, so
 * that silent connections keep nobody out; where all are trusted, the new one is dropped.
 */
export function createConnections(limits: ApiLimits): Connections {
  // In order of their age.
  const strangers = new Map<string, { readonly socket: Socket; readonly source: string }>()
  const perSource = new Map<string, number>()
  const unanswered = new WeakMap<Socket, number>()
  let total = 0

  function dropOldest(source?: string): boolean {
    for (const [key, stranger] of strangers) {
      if (source !== undefined && stranger.source !== source) continue
      strangers.delete(key)
      stranger.socket.destroy()
      return true
    }
    return false
  }

  function onConnection(socket: Socket): void {
    const source = sourceOf(socket.remoteAddress ?? '')
    const sourceFull = (perSource.get(source) ?? 0) >= limits.connectionsPerSource
    if ((sourceFull || total >= limits.connections) && !dropOldest(sourceFull ? source : undefined)) {
      socket.destroy()
      return
    }
    const key = keyOf(socket)
    total += 1
    perSource.set(source, (perSource.get(source) ?? 0) + 1)
    strangers.set(key, { socket, source })
    socket.once('close', () => {
      total -= 1
      if (strangers.get(key)?.socket === socket) strangers.delete(key)
      const left = (perSource.get(source) ?? 1) - 1
      if (left > 0) perSource.set(source, left)
      else perSource.delete(source)
    })
  }

  return {
    watch(server) {
      server.on('connection', onConnection)
      // What is not yet counted as closed is a little more than the bound.
      server.maxConnections = limits.connections * 2
    },
    begin(socket, response) {
      const before = unanswered.get(socket) ?? 0
      unanswered.set(socket, before + 1)
      response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1))
      return before < limits.unansweredPerConnection
    },
    trust: (socket) => void strangers.delete(keyOf(socket)),
  }
}
