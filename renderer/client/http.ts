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
}

function problemOf(body: unknown): Partial<Problem> | undefined {
  return typeof body === 'object' && body !== null ? body : undefined
}

/** A request with a JSON answer, or with none. Rejects with RequestError when refused, TypeError when nobody answers. */
export async function requestJson<T>(base: string, path: string, request: JsonRequest): Promise<T> {
  const { method = 'GET', query = {}, body, headers, signal } = request
  const url = new URL(path, base)
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value))
  const response = await fetch(url, {
    method,
    headers: {
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  })
  const answer: unknown = await response.json().catch(() => undefined)
  if (!response.ok) throw new RequestError(response.status, problemOf(answer))
  // The service checks its answers against the same contract before it sends them.
  return answer as T
}
