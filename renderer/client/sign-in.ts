import type { LiveTicket } from '#contract/access.ts'
import { liveProtocol, pageHeader, ticketProtocol } from '#contract/access-names.ts'
import { requestJson } from './http.ts'

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

const storageKey = (url: string): string => `r-ems.session ${new URL(url).origin}`

export const pageCredentials: Credentials = {
  headers: () => ({ [pageHeader]: '1' }),
  protocols: () => Promise.resolve([liveProtocol]),
}

/** Shows a token at the service at `url`. */
export function tokenCredentials(url: string, token: string): Credentials {
  const headers = { authorization: `Bearer ${token}` }
  return {
    headers: () => headers,
    async protocols() {
      const { ticket } = await requestJson<LiveTicket>(url, 'api/v1/session/live-ticket', { method: 'POST', headers })
      return [liveProtocol, `${ticketProtocol}${ticket}`]
    },
  }
}

/** Keeps a token over a reload of this window, per service. */
export const keepToken = (url: string, token: string): void => sessionStorage.setItem(storageKey(url), token)
export const keptToken = (url: string): string | undefined => sessionStorage.getItem(storageKey(url)) ?? undefined
export const dropToken = (url: string): void => sessionStorage.removeItem(storageKey(url))

/** Takes the code of a link such as /#/sign-in?code=CODE out of the address, before it is used or remembered. */
export function takeCodeFromAddress(): string | undefined {
  const [path, query] = location.hash.split('?', 2)
  if (path !== '#/sign-in') return undefined
  const code = new URLSearchParams(query).get('code') ?? undefined
  history.replaceState(history.state, '', '#/site')
  return code
}
