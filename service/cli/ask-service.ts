import type { z } from 'zod'
import { problem } from '#contract/api.ts'
import { parsePort, UsageError } from '../args.ts'

/** One request to the service; rejects with NoAnswer or Refused. */
export type Ask = <S extends z.ZodType>(method: string, path: string, schema: S, body?: object) => Promise<z.output<S>>

/** The address that was given, or that of the service on this machine. */
export function defaultUrl(given: string | undefined, environment: NodeJS.ProcessEnv): string {
  const port = parsePort(environment['R_EMS_API_PORT'] ?? '8080', 'R_EMS_API_PORT')
  const url = given ?? `http://127.0.0.1:${port}`
  if (!URL.canParse(url)) throw new UsageError(`--url: "${url}" is not an address`)
  return url
}

export function createAsk(url: string, token: string): Ask {
  return async (method, path, schema, body) => {
    let response: Response
    try {
      response = await fetch(new URL(path, url), {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
        // A token is not carried on to another place.
        redirect: 'error',
        signal: AbortSignal.timeout(60_000),
      })
    } catch (error) {
      throw new NoAnswer(`no answer from ${url}. Name the address of the service with --url.`, { cause: error })
    }
    const answer: unknown = response.status === 204 ? null : await response.json().catch(() => undefined)
    if (response.ok) return schema.parse(answer)
    const refused = problem.safeParse(answer).data
    throw new Refused(`${refused?.detail ?? refused?.title ?? `HTTP ${response.status}`}\n${refused?.action ?? ''}`)
  }
}

/** Nobody answers at the address of the service. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

/** The service has refused, in its words. */
export class Refused extends Error {
  override readonly name = 'Refused'
}
