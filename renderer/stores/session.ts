import type { Status } from '#contract/api.ts'
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { desktopService } from '../client/desktop-bridge.ts'
import { useService } from '../client/key.ts'
import type { Connection } from '../client/service-client.ts'
import { atMost, readableMs } from './at-most.ts'

/** The service as a whole: is it reachable, what does it say about itself, what time is it there. */
export const useSession = defineStore('session', () => {
  const service = useService()
  const connection = shallowRef<Connection>({ state: 'connecting', sinceMs: Date.now() })
  const status = shallowRef<Status>()
  const latencyMs = ref<number>()
  /** Time at the service, advancing once per second and with every status. */
  const nowMs = ref(Date.now())
  /** Time here, for what happens in this window. */
  const localMs = ref(Date.now())
  let aheadMs = 0
  let latencies: readonly number[] = []

  const tick = (): void => {
    localMs.value = Date.now()
    nowMs.value = localMs.value + aheadMs
  }

  const show = atMost(readableMs, (next: Status) => {
    status.value = next
    tick()
  })

  service.watch('status')
  service.onConnection((next) => {
    connection.value = next
    if (next.state !== 'online') latencyMs.value = undefined
    tick()
  })
  service.onLatency((next) => {
    latencies = [...latencies.slice(-4), next]
    latencyMs.value = latencies.toSorted((a, b) => a - b)[latencies.length >> 1]
  })
  service.onMessage((message) => {
    if (message.type !== 'status') return
    aheadMs = message.data.nowMs - Date.now()
    show(message.data)
  })
  setInterval(tick, 1000)

  const address = computed(() => {
    void connection.value
    return service.url === undefined ? '' : new URL(service.url).host
  })
  /** False when what is shown is no longer live. */
  const live = computed(() => connection.value.state === 'online')

  return {
    connection,
    status,
    latencyMs,
    nowMs,
    localMs,
    address,
    live,
    desktop: desktopService,
    reconnect: service.reconnect,
  }
})
