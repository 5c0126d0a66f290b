import { request } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { EdgePlace } from './edge-address.ts'

const longestAnswer = 1_500_000
const timeoutMs = 10_000

export interface EdgeReply {
  readonly status: number
  /** Undefined when it is no JSON. */
  readonly body: unknown
}

/** One request over a connection whose certificate was accepted. Rejects when no whole answer comes. */
export function askEdge(
  socket: TLSSocket,
  place: EdgePlace,
  { method, path, body }: { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: unknown },
): Promise<EdgeReply> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const sent = request({
      createConnection: () => socket,
      method,
      path,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        host: place.address.slice('https://'.length),
        accept: 'application/json',
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
