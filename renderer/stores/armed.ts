import type { ArmedRequest, ArmedState } from '#contract/control.ts'
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { useService } from '../client/key.ts'
import { useAccess } from './access.ts'

/** How often the permission is asked for again: somebody may have ended it from another window. */
const everyMs = 15_000

/** A person's timed permission for manual writes. It has nothing to do with automatic control. */
export const useArmed = defineStore('armed', () => {
  const service = useService()
  const access = useAccess()
  const state = shallowRef<ArmedState>()
  /** On this window's clock: when the own permission ends. */
  const endsAtMs = ref<number>()
  const nowMs = ref(Date.now())

  function show(next: ArmedState | undefined): void {
    state.value = next
    nowMs.value = Date.now()
    const own = next?.permissions.find((permission) => permission.own)
    endsAtMs.value = own && nowMs.value + own.leftS * 1000
  }

  async function refresh(): Promise<void> {
    if (!access.may('installer')) return show(undefined)
    show(await service.get<ArmedState>('api/v1/armed'))
  }
  async function arm(request: ArmedRequest): Promise<void> {
    show(await service.send<ArmedState>('POST', 'api/v1/armed', request))
  }
  async function release(): Promise<void> {
    await service.send('DELETE', 'api/v1/armed')
    await refresh()
  }

  const quietly = (): void => void refresh().catch(() => undefined)
  service.onIdentity(() => queueMicrotask(quietly))
  setInterval(quietly, everyMs)
  setInterval(() => {
    nowMs.value = Date.now()
    if (endsAtMs.value !== undefined && endsAtMs.value <= nowMs.value) {
      endsAtMs.value = undefined
      quietly()
    }
  }, 1000)

  /** Seconds left, or undefined when not armed. */
  const leftS = computed(() =>
    endsAtMs.value === undefined ? undefined : Math.max(0, Math.ceil((endsAtMs.value - nowMs.value) / 1000)),
  )
  return { state, leftS, refresh, arm, release }
})
