import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { type Problem, problem } from '#contract/api.ts'
import type { ApiLimits } from '../../../service/api/limits.ts'
import { type Api, createApi } from '../../../service/api/server.ts'
import { type FakeSources, fakeSources } from './fake-sources.ts'

export const token = 'test-token-0123456789'

export interface TestApi extends Api {
  readonly sources: FakeSources
  readonly logged: string[]
}

/** A real server on a free loopback port; ends with the test. */
export async function startApi(
  options: { sources?: FakeSources; rendererFolder?: string; limits?: Partial<ApiLimits> } = {},
): Promise<TestApi> {
  const { sources = fakeSources(), ...rest } = options
  const logged: string[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      logged.push(String(chunk))
      done()
    },
  })
  const api = await createApi({
    host: '127.0.0.1',
    port: 0,
    token,
    version: '0.1.0',
    sources,
    log: pino({ level: 'debug' }, sink),
    ...rest,
  })
  onTestFinished(() => api[Symbol.asyncDispose]())
  return { ...api, sources, logged }
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
}

/** One request with full control over its headers, which fetch does not give. */
export function ask(api: Api, path: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> {
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
