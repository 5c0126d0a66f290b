import { request } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { EdgePlace } from './edge-address.ts'

const longestAnswer = 16_000_000
const timeoutMs = 10_000

export interface EdgeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  /** For the whole answer; 10 s by default. */
  readonly withinMs?: number
}

export interface EdgeReply {
  readonly status: number
  /** Undefined when it is no JSON. */
  readonly body: unknown
}

/** One request over a connection whose certificate was accepted. Rejects when no whole answer comes. */
export function askEdge(
  socket: TLSSocket,
  place: EdgePlace,
  { method, path, body, withinMs = timeoutMs, token }: EdgeRequest & { readonly token?: string },
): Promise<EdgeReply> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const sent = request({
      createConnection: () => socket,
      method,
      path,
      signal: AbortSignal.timeout(withinMs),
      headers: {
        host: place.address.slice('https://'.length),
        accept: 'application/json',
        // One question per connection: the next one has the certificate judged again.
        connection: 'close',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(text !== undefined && {
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(text)),
        }),
      },
    })
    sent.on('error', reject)
    sent.on('response', (answer) => {
      let received = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        received += chunk
        if (received.length > longestAnswer) sent.destroy(new Error('the answer is too long'))
      })
      answer.on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: parse(received) }))
    })
    sent.end(text)
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
