/** Bounds of everything a client can take. Tests make them smaller to reach them sooner. */
export interface ApiLimits {
  readonly bodyBytes: number
  readonly headerBytes: number
  readonly urlCharacters: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  /** How often the two timeouts above are checked. */
  readonly timeoutCheckMs: number
  /** A connection on which nothing moves in either direction. */
  readonly idleTimeoutMs: number
  readonly keepAliveMs: number
  readonly requestsPerConnection: number
  /** Requests sent ahead on one connection, whose answers all wait in memory while nobody reads them. */
  readonly unansweredPerConnection: number
  readonly connections: number
  /** Connections of one address; see sourceOf. */
  readonly connectionsPerSource: number
  /** Connections that have made room for others and are cut off after `tarpitMs`; more are cut off at once. */
  readonly leavingConnections: number
  /** Connections that wait to be accepted: one turn of the event loop, and so the cycle, may have to accept them all. */
  readonly backlog: number
  /** Requests per second of one address that are let in without somebody behind them, on average and at once. */
  readonly strangerPerS: number
  readonly strangerBurst: number
  /** How long a stranger who asks or comes too often waits for the refusal. */
  readonly tarpitMs: number
  /** Requests per second of one user, token or console, on average and at once. */
  readonly principalPerS: number
  readonly principalBurst: number
  /** Addresses and principals whose rates are remembered. */
  readonly trackedKeys: number
  /** How long open requests and sockets may take to end at shutdown. */
  readonly closeMs: number
  readonly liveSockets: number
  readonly liveMessageBytes: number
  /** Requests of one live socket per ping period. */
  readonly liveRequests: number
  /** Bytes not yet taken by a live client; above it, it misses frames. */
  readonly liveBufferBytes: number
  /** A live client that misses frames for this long is disconnected. */
  readonly liveSlowMs: number
  /** A live client that does not answer a ping before the next is gone. */
  readonly livePingMs: number
}

export const defaultLimits: ApiLimits = {
  bodyBytes: 65_536,
  headerBytes: 16_384,
  urlCharacters: 2_048,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  timeoutCheckMs: 2_000,
  idleTimeoutMs: 60_000,
  keepAliveMs: 10_000,
  requestsPerConnection: 1_000,
  unansweredPerConnection: 4,
  connections: 256,
  connectionsPerSource: 128,
  leavingConnections: 512,
  backlog: 64,
  strangerPerS: 50,
  strangerBurst: 300,
  tarpitMs: 1_000,
  principalPerS: 200,
  principalBurst: 500,
  trackedKeys: 4_096,
  closeMs: 500,
  liveSockets: 50,
  liveMessageBytes: 4_096,
  liveRequests: 100,
  liveBufferBytes: 262_144,
  liveSlowMs: 10_000,
  livePingMs: 15_000,
}
