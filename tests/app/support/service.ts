import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Page } from '@playwright/test'
import type { SignInCode } from '#contract/access.ts'
import { readyLine } from '#contract/desktop.ts'

const program = resolve(import.meta.dirname, '../../../out/service/r-emsd.js')

/** The admin's token of every service that tests start. */
const serviceToken = 'token-of-the-tests-0123456789'

export interface RunningService {
  readonly url: string
  readonly port: number
  /** Of the service on the network, where it listens there. */
  readonly secureUrl: string | undefined
  /** A request as an admin. Rejects when it is refused. */
  ask<T>(method: string, path: string, body?: object): Promise<T>
  /** Ends the process at once, as a crash would. */
  kill(): Promise<void>
}

/** The built service with its demo site, in a data folder of its own; `more` is added to its command line. */
export const startService = (port = 0, more: readonly string[] = []): Promise<RunningService & AsyncDisposable> =>
  startSite(['--demo'], port, more)

/** The same with the site of a folder or file. */
export async function startSite(
  site: readonly string[],
  port = 0,
  more: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
): Promise<RunningService & AsyncDisposable> {
  if (!existsSync(program)) throw new Error('out/service is missing: build it first (npm run build)')
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-web-'))
  const child = spawn(
    process.execPath,
    [program, 'run', ...site, '--port', String(port), '--data-dir', folder, '--ready-json', ...more],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, R_EMS_LOG_LEVEL: 'warn', R_EMS_API_TOKEN: serviceToken, ...environment },
    },
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
    const { url, secureUrl } = readyLine.parse(JSON.parse(line))
    return {
      url,
      port: Number(new URL(url).port),
      secureUrl,
      ask: (method, path, body) => askAsAdmin(url, method, path, body),
      kill: () => stop('SIGKILL'),
      [Symbol.asyncDispose]: () => stop('SIGTERM'),
    }
  }
  throw new Error(`the service ended before it was ready: ${errors}`)
}

/** A code that signs in once, as an admin. */
export async function newSignInCode(url: string): Promise<string> {
  return (await askAsAdmin<SignInCode>(url, 'POST', 'api/v1/session/codes')).code
}

/** Signs a page in at a service, as a person with a sign-in link would be. */
export async function signIn(page: Page, url: string): Promise<void> {
  const data = { kind: 'code', code: await newSignInCode(url) }
  const entered = await page.request.post(`${url}/api/v1/session`, { data })
  if (!entered.ok()) throw new Error(`sign-in answered ${entered.status()}: ${await entered.text()}`)
}

async function askAsAdmin<T>(url: string, method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(new URL(path, url), {
    method,
    headers: { authorization: `Bearer ${serviceToken}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return (text === '' ? undefined : JSON.parse(text)) as T
}
