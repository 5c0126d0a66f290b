import { shallowRef } from 'vue'
import type { Router } from 'vue-router'
import type { ServiceClient } from './client/service-client.ts'
import { takeCodeFromAddress } from './client/sign-in.ts'

/** Why the sign-in link that was opened did not let anybody in. */
export const linkError = shallowRef<unknown>()

/** Follows links such as /#/sign-in?code=CODE: the one this page was opened with, and those opened in it later. */
export async function installSignInLinks(router: Router, service: ServiceClient): Promise<void> {
  const follow = async (): Promise<void> => {
    const code = takeCodeFromAddress()
    if (code === undefined) return
    linkError.value = undefined
    await service.signIn('api/v1/session', { kind: 'code', code }).catch((error: unknown) => (linkError.value = error))
  }
  await follow()
  router.beforeEach(async ({ redirectedFrom }) => {
    if (redirectedFrom?.path === '/sign-in') await follow()
  })
}
