import { connect } from 'node:net'
import type { Clock } from '../../domain/clock.ts'
import type { TcpAddress } from './address.ts'
import type { ByteStream, StreamEvents } from './wire.ts'

const usualConnectTimeoutMs = 3000
/** Finds a peer that vanished without a word, when nothing is asked. */
const keepAliveMs = 30_000

/** Connects. Rejects with one sentence when that fails or takes too long. */
export function openTcpStream(
  address: TcpAddress,
  events: StreamEvents,
  clock: Clock,
  signal: AbortSignal,
  connectTimeoutMs = usualConnectTimeoutMs,
): Promise<ByteStream> {
  const { host, port } = address
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const settled = new AbortController()
  return new Promise((resolve, reject) => {
    let open = false
    let closing = false
    let reason = 'the device closed the connection'
    const buffer = Buffer.alloc(16_384)
    const socket = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMs,
      onread: {
        buffer,
        callback(size) {
          if (!closing) events.data(buffer.subarray(0, size))
          return true
        },
      },
    })
    const abandon = (error: Error): void => {
      settled.abort()
      closing = true
      socket.destroy()
      reject(error)
    }
    const stop = (): void => abandon(new Error(`connecting to ${place} was cancelled`))
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true, signal: settled.signal })
    clock.sleep(connectTimeoutMs, settled.signal).then(
      () =>
        settled.signal.aborted
          ? undefined
          : abandon(new Error(`no connection to ${place} in ${connectTimeoutMs / 1000} s`)),
      () => undefined,
    )
    socket.on('connect', () => {
      if (closing) return
      open = true
      settled.abort()
      resolve({
        write: (bytes) => void socket.write(bytes),
        close() {
          closing = true
          // Not end(): a half-closed connection still counts for a device that allows only one.
          socket.destroy()
        },
      })
    })
    socket.on('error', (error) => {
      if (open) reason = describe(error, place)
      else if (!closing) abandon(new Error(describe(error, place), { cause: error }))
    })
    socket.on('close', () => {
      if (open && !closing) events.closed(reason)
    })
  })
}

function describe(error: NodeJS.ErrnoException, place: string): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return `${place} refuses the connection`
    case 'ECONNRESET':
    case 'EPIPE':
      return `${place} reset the connection: perhaps another client holds it`
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `there is no route to ${place}`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name in ${place} is unknown`
    default:
      return `${place}: ${error.message}`
  }
}
