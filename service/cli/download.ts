import { problem } from '#contract/api.ts'
import { defaultUrl, NoAnswer, Refused } from './ask-service.ts'
import { dataFolderOf, readToken } from './edge-target.ts'
import type { Terminal } from './terminal.ts'

/** Bytes from the running service. Throws NoAnswer, or Refused in the words of the service. */
export async function download(
  path: string,
  values: { readonly url?: string | undefined; readonly 'data-dir'?: string | undefined },
  { environment, signal }: Pick<Terminal, 'environment' | 'signal'>,
): Promise<AsyncIterable<Uint8Array>> {
  const url = defaultUrl(values.url, environment)
  const token = environment['R_EMS_API_TOKEN'] ?? (await readToken(dataFolderOf(values, environment)))
  let response: Response
  try {
    response = await fetch(new URL(path, url), {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal,
    })
  } catch (error) {
    throw new NoAnswer(`no answer from ${url}. Name the address of the service with --url.`, { cause: error })
  }
  if (response.ok && response.body) return response.body
  const refused = problem.safeParse(await response.json().catch(() => undefined)).data
  throw new Refused(`${refused?.detail ?? refused?.title ?? `HTTP ${response.status}`}\n${refused?.action ?? ''}`)
}
