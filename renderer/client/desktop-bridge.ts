import type { SignedIn } from '#contract/access.ts'
import type { Desktop, EdgeProblem, ServiceState } from '#contract/desktop.ts'
import { type Ref, shallowRef } from 'vue'
import { requestJson } from './http.ts'
import type { ServiceClient } from './service-client.ts'
import { type Credentials, keepToken, keptToken, tokenCredentials } from './sign-in.ts'

declare global {
  interface Window {
    /** Given by the preload script of the desktop app; absent in a browser. */
    readonly desktop?: Desktop
  }
}

/** What the desktop app says about the service it supervises; undefined in a browser, and while it shows another edge. */
export const desktopService: Ref<ServiceState | undefined> = shallowRef()
/** The edge on the network that this window shows, by its ID; undefined for the service on this machine. */
export const shownEdge: Ref<string | undefined> = shallowRef()
/** Why the chosen edge is not shown. */
export const edgeProblem: Ref<EdgeProblem | undefined> = shallowRef()

const storageKey = 'r-ems.edge'

/** Shows another edge, or the service on this machine, in a window that begins anew: nothing of one site stays. */
export function showEdge(id: string | undefined): void {
  if (id === undefined) sessionStorage.removeItem(storageKey)
  else sessionStorage.setItem(storageKey, id)
  location.reload()
}

/** Signs in at the service that the app has started; a code that was used before a reload has left its token. */
async function signInLocally(url: string, code: string | undefined): Promise<Credentials | undefined> {
  let token = keptToken(url)
  if (token === undefined && code !== undefined) {
    const request = { method: 'POST', body: { kind: 'code', code, bearer: true } } as const
    // Refused or not, whoever is not signed in after this is asked to.
    token = (await requestJson<SignedIn>(url, 'api/v1/session', request).catch(() => undefined))?.token
    if (token !== undefined) keepToken(url, token)
  }
  return token === undefined ? undefined : tokenCredentials(url, token)
}

/** Follows the service of the desktop app, whose address changes with every start. */
async function followLocal(desktop: Desktop, service: ServiceClient): Promise<void> {
  let heard = false
  let newest = ''
  const take = async (state: ServiceState): Promise<void> => {
    desktopService.value = state
    if (state.phase !== 'running' || state.url === newest) return
    newest = state.url
    const credentials = await signInLocally(state.url, state.signInCode)
    if (newest === state.url) service.moveTo(state.url, credentials)
  }
  desktop.onService((state) => {
    heard = true
    void take(state)
  })
  const state = await desktop.service()
  // A change that came first is newer than the answer.
  if (!heard) await take(state)
}

/** Brings the window to the edge that was chosen before it was loaded, or to the service on this machine. */
export async function followDesktop(desktop: Desktop, service: ServiceClient): Promise<void> {
  const id = sessionStorage.getItem(storageKey)
  if (id === null) return followLocal(desktop, service)
  const answer = await desktop.edges.connect(id)
  if (answer.ok) {
    shownEdge.value = id
    service.moveTo(answer.value.url, tokenCredentials(answer.value.url, answer.value.token))
    return
  }
  edgeProblem.value = answer.problem
  sessionStorage.removeItem(storageKey)
  return followLocal(desktop, service)
}
