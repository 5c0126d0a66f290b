import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { licensed } from './support/test-license.ts'

export const root = resolve(import.meta.dirname, '../..')
const readyLine = z.object({
  ready: z.literal(true),
  url: z.url(),
  pid: z.number(),
  signInCode: z.string().optional(),
  secureUrl: z.url().optional(),
})

/** The admin's token of every service that tests start. */
export const serviceToken = 'token-of-the-tests-0123456789'
export const authorized = { authorization: `Bearer ${serviceToken}` }

export interface ServiceProcess extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  readonly child: ChildProcess
  readonly dataFolder: string
  readonly signInCode: string | undefined
  /** Of the service on the network. */
  readonly secureUrl: string | undefined
  /** What it said last on its standard error. */
  errors(): string
  /** From spawn to the ready line. */
  readonly readyMs: number
  readonly spawnedAtMs: number
}

/** Starts the built service with a data folder of its own and waits until it listens. */
export async function startService(
  args: readonly string[],
  options: { readonly dataFolder?: string; readonly environment?: NodeJS.ProcessEnv } = {},
): Promise<ServiceProcess> {
  const dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), 'r-ems-service-'))
  const spawnedAtMs = performance.now()
  const child = spawn(
    process.execPath,
    [join(root, 'out/service/r-emsd.js'), 'run', ...args, '--port', '0', '--data-dir', dataFolder, '--ready-json'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...licensed, R_EMS_API_TOKEN: serviceToken, ...options.environment },
    },
  )
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors = `${errors}${chunk.toString()}`.slice(-40_000)))
  const lines = createInterface({ input: child.stdout })
  const exited = once(child, 'exit')
  for await (const line of lines) {
    if (!line.startsWith('{')) continue
    const { url, pid, signInCode, secureUrl } = readyLine.parse(JSON.parse(line))
    return {
      url,
      pid,
      signInCode,
      secureUrl,
      errors: () => errors,
      child,
      dataFolder,
      spawnedAtMs,
      readyMs: performance.now() - spawnedAtMs,
      async [Symbol.asyncDispose]() {
        child.kill('SIGTERM')
        if (child.exitCode === null && child.signalCode === null) await exited
        rmSync(dataFolder, { recursive: true, force: true })
      },
    }
  }
  throw new Error(`the service ended before it was ready: ${errors}`)
}

/** Resident memory of a process, in megabytes. */
export function residentMb(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kilobytes) / 102.4) / 10
}

/** The simulated plant is the one child process of the service. */
export function plantPid({ pid }: ServiceProcess): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  if (children.length !== 1 || !children[0])
    throw new Error(`expected one child process, found "${children.join(' ')}"`)
  return Number(children[0])
}
