import type { Problem } from '#contract/api.ts'

/** The service refused a request, or answered with something that is not its own. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  /** Stable code from contract/errors where the service gave one. */
  readonly code: string | undefined
  readonly status: number
  /** One sentence on what to do, where the service gave one. */
  readonly action: string | undefined
  /** The fields that were refused. */
  readonly fields: NonNullable<Problem['errors']>

  constructor(status: number, problem: Partial<Problem> | undefined) {
    super(problem?.detail ?? problem?.title ?? `HTTP ${status}`)
    this.status = status
    this.code = problem?.type
    this.action = problem?.action
    this.fields = problem?.errors ?? []
  }
}

export type Query = Readonly<Record<string, string | number | undefined>>

export interface JsonRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly query?: Query
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** A file, sent as it is in place of a JSON body. */
  readonly file?: Blob | undefined
}

function problemOf(body: unknown): Partial<Problem> | undefined {
  return typeof body === 'object' && body !== null ? body : undefined
}

/** A request with a JSON answer, or with none. Rejects with RequestError when refused, TypeError when nobody answers. */
export async function requestJson<T>(base: string, path: string, request: JsonRequest): Promise<T> {
  const response = await send(base, path, request)
  const answer: unknown = await response.json().catch(() => undefined)
  if (!response.ok) throw new RequestError(response.status, problemOf(answer))
  // The service checks its answers against the same contract before it sends them.
  return answer as T
}

/** The same for an answer that is a file. */
export async function requestFile(base: string, path: string, request: JsonRequest): Promise<Blob> {
  const response = await send(base, path, request)
  if (response.ok) return response.blob()
  throw new RequestError(response.status, problemOf(await response.json().catch(() => undefined)))
}

function send(base: string, path: string, request: JsonRequest): Promise<Response> {
  const { method = 'GET', query = {}, body, headers, signal, file } = request
  const url = new URL(path, base)
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value))
  return fetch(url, {
    method,
    headers: {
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(file && { 'content-type': 'application/octet-stream' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(file && { body: file }),
    ...(signal && { signal }),
  })
}
