import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const script = resolve(import.meta.dirname, '../../../../shared/peers/pymodbus_server.py')

/** Why pymodbus cannot be used here, undefined when it can. */
export const pymodbusMissing = existsSync(script)
  ? spawnSync('/usr/bin/python3', ['-c', 'import pymodbus']).status === 0
    ? undefined
    : 'python3-pymodbus is not installed'
  : `${script} is missing`

export interface Dump {
  readonly unit_id: number
  readonly registers: Readonly<Record<string, readonly number[]>>
  readonly identity?: { readonly vendor: string; readonly product: string; readonly revision: string }
}

export interface Peer extends AsyncDisposable {
  readonly url: string
}

/** Serves the registers with pymodbus, on a free port of 127.0.0.1 or on a terminal. */
export async function startPymodbus(dump: Dump, tty?: string): Promise<Peer> {
  const folder = await mkdtemp(join(tmpdir(), 'r-ems-pymodbus-'))
  const file = join(folder, 'dump.json')
  await writeFile(file, JSON.stringify(dump))
  const port = await freePort()
  const place = tty === undefined ? ['--tcp', String(port)] : ['--rtu', tty, '--baud', '9600']
  const python = spawn('/usr/bin/python3', [script, file, ...place], { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(python.stdout, 'data')
  // It says "ready" a moment before it listens; on a terminal there is no telling.
  if (tty === undefined) await listening(port)
  else await delay(300)
  return {
    url: `tcp://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      python.kill('SIGKILL')
      if (python.exitCode === null && python.signalCode === null) await once(python, 'exit')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = connect(port, '127.0.0.1')
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (open) return
    await delay(50)
  }
  throw new Error(`pymodbus does not listen on ${port}`)
}
