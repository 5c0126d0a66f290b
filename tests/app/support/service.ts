import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { readyLine } from '#contract/desktop.ts'

const program = resolve(import.meta.dirname, '../../../out/service/r-emsd.js')

export interface RunningService {
  readonly url: string
  readonly port: number
  /** Ends the process at once, as a crash would. */
  kill(): Promise<void>
}

/** The built service with its demo site, in a data folder of its own. */
export async function startService(port = 0): Promise<RunningService & AsyncDisposable> {
  if (!existsSync(program)) throw new Error('out/service is missing: build it first (npm run build)')
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-web-'))
  const child = spawn(
    process.execPath,
    [program, 'run', '--demo', '--port', String(port), '--data-dir', folder, '--ready-json'],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, R_EMS_LOG_LEVEL: 'warn' } },
  )
  const exited = once(child, 'exit')
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors = `${errors}${chunk.toString()}`.slice(-2_000)))
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    await exited
    rmSync(folder, { recursive: true, force: true })
  }
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{"ready"')) continue
    const { url } = readyLine.parse(JSON.parse(line))
    return {
      url,
      port: Number(new URL(url).port),
      kill: () => stop('SIGKILL'),
      [Symbol.asyncDispose]: () => stop('SIGTERM'),
    }
  }
  throw new Error(`the service ended before it was ready: ${errors}`)
}
