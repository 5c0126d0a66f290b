import type { Problem } from '#contract/api.ts'

/** The service refused a request, or answered with something that is not its own. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  /** Stable code from contract/errors where the service gave one. */
  readonly code: string | undefined
  readonly status: number

  constructor(status: number, problem: Partial<Problem> | undefined) {
    super(problem?.detail ?? problem?.title ?? `HTTP ${status}`)
    this.status = status
    this.code = problem?.type
  }
}

export type Query = Readonly<Record<string, string | number | undefined>>

function problemOf(body: unknown): Partial<Problem> | undefined {
  return typeof body === 'object' && body !== null ? body : undefined
}

/** GET with a JSON answer. Rejects with RequestError when refused, TypeError when nobody answers. */
export async function getJson<T>(
  base: string,
  path: string,
  query: Query,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<T> {
  const url = new URL(path, base)
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value))
  const response = await fetch(url, { headers: { accept: 'application/json', ...headers }, ...(signal && { signal }) })
  const body: unknown = await response.json().catch(() => undefined)
  if (!response.ok) throw new RequestError(response.status, problemOf(body))
  // The service checks its answers against the same contract before it sends them.
  return body as T
}
