import type { Chunk, Conversation } from '../listen/types.ts'
import type { Segment } from './link-layer.ts'

/** Puts the segments of connections in order. */
export interface TcpStreams {
  push(segment: Segment): void
  /** Hands over what waited for a segment that never came. */
  end(): void
}

type Side = 'client' | 'server'

interface Direction {
  /** Sequence number of the next byte; undefined until one was seen. */
  next: number | undefined
  /** Came too early, by sequence. */
  waiting: Pick<Segment, 'atMs' | 'sequence' | 'data'>[]
  hasGap: boolean
}

interface Connection extends Readonly<Record<Side, Direction>> {
  readonly conversation: Conversation
}

const mostConnections = 2000
/** A segment that is still missing after so many others was not captured. */
const mostWaiting = 64
/** Servers; of other ports, the lower is one. */
const serverPorts: ReadonlySet<number> = new Set([502, 802, 1502, 8899, 6607])

export function createTcpStreams(deliver: (chunk: Chunk) => void): TcpStreams {
  const connections = new Map<string, Connection>()

  function connectionOf(segment: Segment): readonly [Connection, Side] {
    const { source, target, syn, acknowledged } = segment
    const ends = [`${source.host} ${source.port}`, `${target.host} ${target.port}`]
    const key = ends.toSorted().join(' ')
    const known = connections.get(key)
    const isFirst = syn && acknowledged === undefined
    if (known) {
      const side = isSame(known.conversation.client, source) ? 'client' : 'server'
      if (isFirst) restart(known)
      return [known, side]
    }
    const isClient = syn ? isFirst : looksLikeClient(segment)
    const conversation = isClient ? { client: source, server: target } : { client: target, server: source }
    const connection = { conversation, client: emptyDirection(), server: emptyDirection() }
    if (connections.size >= mostConnections) connections.delete(connections.keys().next().value!)
    connections.set(key, connection)
    return [connection, isClient ? 'client' : 'server']
  }

  /** The same ports once more. */
  function restart(connection: Connection): void {
    for (const side of ['client', 'server'] as const) {
      flush(connection, side)
      connection[side].next = undefined
      connection[side].hasGap = true
    }
  }

  function hand(connection: Connection, side: Side, atMs: number, bytes: Buffer): void {
    const direction = connection[side]
    const { conversation } = connection
    deliver({ atMs, bytes, from: side, conversation, ...(direction.hasGap && { afterGap: true }) })
    direction.hasGap = false
  }

  /** Hands over what is next of those that came early. */
  function settle(connection: Connection, side: Side): void {
    const direction = connection[side]
    while (direction.waiting.length > 0) {
      const { atMs, sequence, data } = direction.waiting[0]!
      const skip = distance(sequence, direction.next!)
      if (skip < 0) return
      direction.waiting.shift()
      if (skip >= data.length) continue
      direction.next = (sequence + data.length) >>> 0
      hand(connection, side, atMs, data.subarray(skip))
    }
  }

  /** Gives up what is missing before the segment that waits for longest. */
  function leap(connection: Connection, side: Side): void {
    const direction = connection[side]
    direction.next = direction.waiting[0]!.sequence
    direction.hasGap = true
    settle(connection, side)
  }

  function flush(connection: Connection, side: Side): void {
    while (connection[side].waiting.length > 0) leap(connection, side)
  }

  return {
    push(segment) {
      const [connection, side] = connectionOf(segment)
      const direction = connection[side]
      const { atMs, data, missing, syn, acknowledged } = segment
      if (syn) {
        direction.next = (segment.sequence + 1) >>> 0
        return
      }
      const other = side === 'client' ? 'server' : 'client'
      const { waiting } = connection[other]
      // What is acknowledged has arrived: it is only the capture that lacks it.
      if (acknowledged !== undefined && waiting[0] && distance(waiting[0].sequence, acknowledged) > 0)
        leap(connection, other)
      if (data.length === 0 && missing === 0) return
      direction.next ??= segment.sequence
      // The capture may keep its packets for long, its buffer not.
      insert(direction.waiting, { atMs, sequence: segment.sequence, data: Buffer.from(data) })
      settle(connection, side)
      if (direction.waiting.length > mostWaiting) leap(connection, side)
      if (missing > 0 && direction.waiting.length === 0) {
        direction.next = (segment.sequence + data.length + missing) >>> 0
        direction.hasGap = true
      }
    },
    end() {
      for (const connection of connections.values()) {
        flush(connection, 'client')
        flush(connection, 'server')
      }
    },
  }
}

const emptyDirection = (): Direction => ({ next: undefined, waiting: [], hasGap: false })

/** How far `to` is past `from`, in numbers that wrap. */
const distance = (from: number, to: number): number => (to - from) | 0

const isSame = (a: Conversation['client'], b: Conversation['client']): boolean => a.host === b.host && a.port === b.port

function looksLikeClient({ source, target }: Segment): boolean {
  if (serverPorts.has(source.port) !== serverPorts.has(target.port)) return serverPorts.has(target.port)
  return source.port >= target.port
}

function insert(waiting: Direction['waiting'], segment: Direction['waiting'][number]): void {
  let at = waiting.length
  while (at > 0 && distance(segment.sequence, waiting[at - 1]!.sequence) > 0) at--
  waiting.splice(at, 0, segment)
}
