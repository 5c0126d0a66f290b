import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** Programs that take connections on a Modbus port and are none. */
export const hostileKinds = {
  'says nothing': (socket) => socket.resume(),
  'closes at once': (socket) => socket.destroy(),
  'resets at the first byte': (socket) => socket.once('data', () => socket.resetAndDestroy()),
  'sends random bytes without end': (socket) => flood(socket, randomBytes(4096)),
  'sends zeros without end': (socket) => flood(socket, Buffer.alloc(65_536)),
  'sends frames of its own without end': (socket) =>
    flood(socket, Buffer.from([0, 99, 0, 0, 0, 5, 1, 3, 2, 0, 7]), 1000),
  'sends back what it gets': (socket) => socket.on('data', (chunk) => socket.write(chunk)),
  'sends half a frame': (socket) => socket.once('data', (chunk) => socket.write(chunk.subarray(0, 5))),
  'sends a frame byte by byte': (socket) =>
    socket.once('data', (chunk) => {
      const bytes = [...chunk.subarray(0, 2), 0, 0, 0, 200, 1, 3, 2]
      const timer = setInterval(() => socket.write(Buffer.from([bytes.shift() ?? 0])), 50)
      socket.on('close', () => clearInterval(timer))
    }),
} satisfies Record<string, (socket: Socket) => unknown>

export type HostileKind = keyof typeof hostileKinds

export interface Listener extends AsyncDisposable {
  readonly port: number
  readonly open: ReadonlySet<Socket>
}

function flood(socket: Socket, bytes: Buffer, times = 16): void {
  const more = (): void => {
    for (let i = 0; i < times && !socket.destroyed; i++)
      if (!socket.write(bytes)) return void socket.once('drain', more)
    if (!socket.destroyed) setImmediate(more)
  }
  more()
}

export const listenHostile = (kind: HostileKind, host: string, port: number): Promise<Listener> =>
  listenAt(createServer(hostileKinds[kind]), host, port)

export const listenHttp = (host: string, port: number): Promise<Listener> =>
  listenAt(
    createHttpServer((_, response) => void response.end('hello')),
    host,
    port,
  )

export async function listenAt(server: Server, host: string, port: number): Promise<Listener> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
  })
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    open,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
