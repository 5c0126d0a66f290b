import { type LiveTicket, liveProtocol, pageHeader, type SignedIn, ticketProtocol } from '#contract/access.ts'

/**
 * How this window shows who it is. Served by the service itself, the browser holds a cookie that no script can read. Under
 * app:// there are no cookies: the token stays in this window, and outlives a reload but not the window.
 */
export interface Credentials {
  /** For requests. */
  headers(): Record<string, string>
  /** For a live socket. */
  protocols(): Promise<string[]>
}

const storageKey = 'r-ems.session'

async function redeem(base: string, code: string, bearer: boolean): Promise<SignedIn | undefined> {
  const response = await fetch(new URL('api/v1/session', base), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'code', code, bearer }),
  })
  return response.ok ? ((await response.json()) as SignedIn) : undefined
}

/** Signs in with the code of a link such as /#/sign-in?code=CODE, and takes it out of the address. */
export async function signInFromAddress(): Promise<void> {
  const [path, query] = location.hash.split('?', 2)
  const code = new URLSearchParams(query).get('code')
  if (path !== '#/sign-in' || code === null) return
  history.replaceState(undefined, '', '#/site')
  await redeem(new URL('/', location.href).href, code, false).catch(() => undefined)
}

export const pageCredentials: Credentials = {
  headers: () => ({ [pageHeader]: '1' }),
  protocols: () => Promise.resolve([liveProtocol]),
}

/** Signs the desktop app in at the service it has started; a code that was used before a reload has left its token. */
export async function signInDesktop(url: string, code: string | undefined): Promise<Credentials | undefined> {
  const kept = sessionStorage.getItem(storageKey)?.split(' ', 2)
  let token = kept?.[0] === url ? kept[1] : undefined
  if (token === undefined && code !== undefined) token = (await redeem(url, code, true).catch(() => undefined))?.token
  return token === undefined ? undefined : tokenCredentials(url, token)
}

/** Shows a token at the service at `url`. */
export function tokenCredentials(url: string, token: string): Credentials {
  sessionStorage.setItem(storageKey, `${url} ${token}`)
  const headers = { authorization: `Bearer ${token}` }
  return {
    headers: () => headers,
    async protocols() {
      const response = await fetch(new URL('api/v1/session/live-ticket', url), { method: 'POST', headers })
      if (!response.ok) return [liveProtocol]
      const { ticket } = (await response.json()) as LiveTicket
      return [liveProtocol, `${ticketProtocol}${ticket}`]
    },
  }
}
