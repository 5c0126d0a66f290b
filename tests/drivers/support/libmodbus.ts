import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Peer } from './pymodbus.ts'

const folder = mkdtempSync(join(tmpdir(), 'r-ems-libmodbus-'))
const program = join(folder, 'server')
const source = join(import.meta.dirname, 'libmodbus_server.c')
const built = spawnSync('gcc', ['-O1', '-I/usr/include/modbus', source, '-lmodbus', '-o', program])

/** Why libmodbus cannot be used here, undefined when it can. */
export const libmodbusMissing = built.status === 0 ? undefined : 'gcc and libmodbus-dev are not installed'

export const removeLibmodbus = (): Promise<void> => rm(folder, { recursive: true, force: true })

/** Starts a libmodbus device, on a free port of 127.0.0.1 or on a terminal. */
export async function startLibmodbus(tty?: string): Promise<Peer> {
  const child = spawn(program, tty === undefined ? ['tcp'] : ['rtu', tty], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    url: `tcp://127.0.0.1:${port.toString().trim()}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}
