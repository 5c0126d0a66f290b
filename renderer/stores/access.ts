import type { WhoAmI } from '#contract/access.ts'
import { type Role, roleIncludes } from '#contract/access-names.ts'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { useService } from '../client/key.ts'
import type { Connection } from '../client/service-client.ts'

/** How often what a person does in this window is told as a use of the session. */
const useEveryMs = 60_000

/** Who is signed in at the service that this window shows, and what that person may do. */
export const useAccess = defineStore('access', () => {
  const service = useService()
  const who = shallowRef<WhoAmI>()
  const connection = shallowRef<Connection>()
  let toldAtMs = 0

  service.onIdentity((next) => {
    who.value = next
    toldAtMs = Date.now()
  })
  service.onConnection((next) => (connection.value = next))

  const signedOut = computed(() => connection.value?.state === 'signedOut')
  const may = (needed: Role): boolean => who.value !== undefined && roleIncludes(who.value.principal.role, needed)

  /** Values come without requests: whoever works in this window uses the session all the same. */
  function noteUse(): void {
    if (!who.value?.session || Date.now() - toldAtMs < useEveryMs) return
    toldAtMs = Date.now()
    // When it has ended, the client has noticed by now.
    void service.checkIdentity().catch(() => undefined)
  }

  return { who, signedOut, may, noteUse, signOut: service.signOut }
})
