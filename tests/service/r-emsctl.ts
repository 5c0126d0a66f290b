import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { root } from './service-process.ts'

export interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  /** The output as JSON. */
  json(): unknown
}

/** Runs the built command line without a terminal. Not synchronous: the devices it asks may live in this process. */
export async function runCtl(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Ran> {
  const child = spawn(process.execPath, [join(root, 'out/service/r-emsctl.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
    timeout: 30_000,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  await once(child, 'close')
  return { status: child.exitCode, stdout, stderr, json: () => JSON.parse(stdout) as unknown }
}

export interface CountingProxy extends AsyncDisposable {
  readonly port: number
  /** Connections since the start. */
  accepted: number
  /** Of the clients, now. */
  open: number
  /** The most that were open at any time. */
  mostOpen: number
}

/** A device as its clients reach it, with a count of them. */
export async function countConnections(port: number): Promise<CountingProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    proxy.accepted++
    proxy.open++
    proxy.mostOpen = Math.max(proxy.mostOpen, proxy.open)
    client.once('close', () => proxy.open--)
    const device = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [client, device],
      [device, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy()).on('close', () => to.destroy())
      from.pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = {
    port: (server.address() as AddressInfo).port,
    accepted: 0,
    open: 0,
    mostOpen: 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}
