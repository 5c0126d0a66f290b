import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Whether clients and servers are kept on a core each. Where the scheduler may put both on one, a round trip takes a
 * tenth of the time, now and then: no device is ever that near.
 */
export const pinned = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0

/** Keeps this process, or lets it go, with all its threads. */
export function pinSelf(cores: string): void {
  if (pinned) spawnSync('taskset', ['-acp', cores, String(process.pid)])
}

const onCore = (core: number, command: string, args: readonly string[]): [string, string[]] =>
  pinned ? ['taskset', ['-c', String(core), command, ...args]] : [command, [...args]]

export interface Server extends Disposable {
  readonly port: number
}

/** The bare responder of responder.ts. */
export async function startResponder(): Promise<Server> {
  const child = spawn(...onCore(1, process.execPath, [join(import.meta.dirname, 'responder.ts')]), {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  return { port: Number(port.toString()), [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

const yardstickSource = resolve(import.meta.dirname, '../../../../shared/peers/libmodbus_bench.c')

/** Builds the libmodbus yardstick. Undefined where gcc, libmodbus-dev or its source are missing. */
export function buildYardstick(folder: string): string | undefined {
  if (!existsSync(yardstickSource)) return undefined
  const program = join(folder, 'libmodbus_bench')
  const build = spawnSync('gcc', ['-O2', '-I/usr/include/modbus', yardstickSource, '-lmodbus', '-o', program])
  return build.status === 0 ? program : undefined
}

export async function startYardstickServer(program: string): Promise<Server> {
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  free.close()
  await once(free, 'close')
  const child = spawn(...onCore(1, program, ['serve', String(port)]), { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  await delay(50)
  return { port, [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

/** Sequential reads of 125 registers with libmodbus, per second. */
export function yardstickReads(program: string, port: number, count: number): number {
  const run = spawnSync(...onCore(0, program, ['read', String(port), String(count)]), { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`libmodbus could not read: ${run.stderr}`)
  return Number(run.stdout)
}

/** Runs 300 devices in a process of their own, with the heap setting of the service; see devices.ts. */
export async function runDevices(args: readonly string[]): Promise<Record<string, number>> {
  const child = spawn(
    process.execPath,
    ['--semi-space-growth-factor=1', join(import.meta.dirname, 'devices.ts'), ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await once(child, 'close')
  return JSON.parse(text) as Record<string, number>
}
