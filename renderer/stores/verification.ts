import type { ProofTarget, Verifiable, Verification } from '#contract/verification.ts'
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { useService } from '../client/key.ts'

/** Somebody may verify something from another window. */
const everyMs = 15_000

const keyOf = ({ deviceId, kind, name }: ProofTarget): string => `${deviceId} ${kind} ${name}`
const pathOf = (target: ProofTarget): string =>
  `api/v1/verification/${[target.deviceId, target.kind, target.name].map(encodeURIComponent).join('/')}`

/** What is proven on this site. Automatic control waits for what it needs of it. */
export const useVerification = defineStore('verification', () => {
  const service = useService()
  const state = shallowRef<Verification>()

  async function refresh(): Promise<void> {
    state.value = await service.get<Verification>('api/v1/verification')
  }
  async function verify(target: ProofTarget, how: string): Promise<void> {
    state.value = await service.send<Verification>('POST', pathOf(target), { how })
  }
  async function withdraw(target: ProofTarget, reason: string): Promise<void> {
    const query = reason === '' ? '' : `?reason=${encodeURIComponent(reason)}`
    state.value = await service.send<Verification>('DELETE', `${pathOf(target)}${query}`)
  }

  const quietly = (): void => void refresh().catch(() => undefined)
  service.onIdentity((who) => {
    if (who) queueMicrotask(quietly)
    else state.value = undefined
  })
  setInterval(() => {
    if (state.value) quietly()
  }, everyMs)

  const byKey = computed(() => new Map((state.value?.items ?? []).map((item) => [keyOf(item), item])))
  const find = (target: ProofTarget): Verifiable | undefined => byKey.value.get(keyOf(target))
  const open = computed(() =>
    (state.value?.items ?? []).filter(({ needed, provenance }) => needed && provenance !== 'verified'),
  )
  const needs = computed(() => {
    const counts = new Map<string, { needed: number; verified: number }>()
    for (const { deviceId, needed, provenance } of state.value?.items ?? []) {
      if (!needed) continue
      const count = counts.get(deviceId) ?? { needed: 0, verified: 0 }
      counts.set(deviceId, count)
      count.needed += 1
      if (provenance === 'verified') count.verified += 1
    }
    return counts
  })
  /** How much of what control needs of a device is verified; undefined where it needs nothing. */
  const progress = (deviceId: string): { needed: number; verified: number } | undefined => needs.value.get(deviceId)
  return { state, open, find, progress, refresh, verify, withdraw }
})
