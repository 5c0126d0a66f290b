import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { type Problem, problem } from '#contract/api.ts'
import { openAccess, type OpenedAccess } from '../../../service/access/access.ts'
import type { AuditRecord } from '../../../service/access/audit.ts'
import type { ApiLimits } from '../../../service/api/limits.ts'
import { type Api, createApi } from '../../../service/api/server.ts'
import type { Clock } from '../../../service/domain/clock.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'
import { type FakeSources, fakeSources } from './fake-sources.ts'

export const token = 'test-token-0123456789'

export interface TestApi extends Api {
  readonly sources: FakeSources
  readonly logged: string[]
  /** What went to the journal, oldest first. */
  readonly audited: AuditRecord[]
  readonly opened: OpenedAccess
  /** Where the accounts are. */
  readonly folder: string
}

/** A hash that costs next to nothing. */
export const cheap = { logN: 4, r: 1, p: 1 }

/** Accounts in a folder of their own; `token` is an admin's. */
export async function openTestAccess(
  options: { clock?: Clock; folder?: string; bootId?: string; audited?: AuditRecord[] } = {},
): Promise<{ opened: OpenedAccess; folder: string; audited: AuditRecord[] }> {
  const { clock = systemClock, bootId = 'boot-1', audited = [] } = options
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'r-ems-access-')))
  const opened = await openAccess({
    folder,
    clock,
    audit: {
      append: (record) => audited.push(record),
      appendDurable: async (record) => audited.push(record),
    },
    boot: { id: bootId, uptimeMs: 0 },
    presets: [{ name: 'API token', kind: 'token', secret: token }],
    pairs: true,
    cost: cheap,
  })
  onTestFinished(async () => {
    await opened.access[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  return { opened, folder, audited }
}

/** A real server on a free loopback port; ends with the test. */
export async function startApi(
  options: { sources?: FakeSources; rendererFolder?: string; limits?: Partial<ApiLimits>; clock?: Clock } = {},
): Promise<TestApi> {
  const { sources = fakeSources(), clock, ...rest } = options
  const logged: string[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      logged.push(String(chunk))
      done()
    },
  })
  const { opened, folder, audited } = await openTestAccess(clock ? { clock } : {})
  const api = await createApi({
    host: '127.0.0.1',
    port: 0,
    access: opened.access,
    version: '0.1.0',
    sources,
    log: pino({ level: 'debug' }, sink),
    ...rest,
  })
  onTestFinished(() => api[Symbol.asyncDispose]())
  return { ...api, sources, logged, audited, opened, folder }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  json(): unknown
  /** The body as a problem document; fails when it is none. */
  problem(): Problem
}

interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string | Buffer
  /** Another token than the admin's; null for none. */
  readonly as?: string | null
}

/** One request with full control over its headers, which fetch does not give. */
export function ask(api: Pick<Api, 'port'>, path: string, options: Ask = {}): Promise<Answer> {
  const { method = 'GET', body, as = token } = options
  const shown = as === null || options.headers?.['cookie'] !== undefined ? {} : { authorization: `Bearer ${as}` }
  const headers: Readonly<Record<string, string | string[]>> = { ...shown, ...options.headers }
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        host: '127.0.0.1',
        port: api.port,
        path,
        method,
        headers,
        agent: false,
        setHost: headers['host'] === undefined,
      },
      (answer) => {
        text(answer).then(
          (body) => resolve(toAnswer(answer.statusCode ?? 0, answer.headers, body)),
          (error: unknown) => reject(error),
        )
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

function toAnswer(status: number, headers: IncomingHttpHeaders, body: string): Answer {
  return {
    status,
    headers,
    body,
    json: () => JSON.parse(body),
    problem() {
      if (!headers['content-type']?.startsWith('application/problem+json'))
        throw new Error(`status ${status} came as ${headers['content-type']}: ${body.slice(0, 200)}`)
      return problem.parse(JSON.parse(body))
    },
  }
}

export const putControl = (
  api: Api,
  headers: Readonly<Record<string, string>> = {},
  body = '{"enabled":false,"reason":"maintenance"}',
): Promise<Answer> =>
  ask(api, '/api/v1/control', {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body,
  })

/** A request with a JSON body. */
export const send = (
  api: Pick<Api, 'port'>,
  method: string,
  path: string,
  body: unknown,
  { headers = {}, as }: Pick<Ask, 'headers' | 'as'> = {},
): Promise<Answer> =>
  ask(api, path, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(as !== undefined && { as }),
  })

/** Sends bytes as they are and resolves with everything that comes back until the service closes. */
export function rawExchange(api: Api, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(api.port, '127.0.0.1')
    let received = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      received += chunk
    })
    socket.on('close', () => resolve(received))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.write(bytes)
  })
}
