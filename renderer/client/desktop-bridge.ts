import type { Desktop, ServiceState } from '#contract/desktop.ts'
import { type Ref, shallowRef } from 'vue'
import type { ServiceClient } from './service-client.ts'
import { signInDesktop } from './sign-in.ts'

declare global {
  interface Window {
    /** Given by the preload script of the desktop app; absent in a browser. */
    readonly desktop?: Desktop
  }
}

/** What the desktop app says about the service it supervises; undefined in a browser. */
export const desktopService: Ref<ServiceState | undefined> = shallowRef()

/** Follows the service of the desktop app, whose address changes with every start. */
export function followDesktop(desktop: Desktop, service: ServiceClient): void {
  let heard = false
  const enter = async (url: string, code: string | undefined): Promise<void> => {
    service.moveTo(url, await signInDesktop(url, code))
  }
  const take = (state: ServiceState): void => {
    desktopService.value = state
    if (state.phase === 'running') void enter(state.url, state.signInCode)
  }
  desktop.onService((state) => {
    heard = true
    take(state)
  })
  const ask = async (): Promise<void> => {
    const state = await desktop.service()
    // A change that came first is newer than the answer.
    if (!heard) take(state)
  }
  void ask()
}
