import type { Events, SiteEvent } from '#contract/api.ts'
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import { useService } from '../client/key.ts'
import type { Query } from '../client/http.ts'
import { mergeEvents } from './event-list.ts'

const pageSize = 100
/** Most events kept in this window; older ones are a click away again. */
const capacity = 5_000

export interface EventFilter {
  readonly severity?: SiteEvent['severity'] | undefined
  readonly device?: string | undefined
}

/** The log, newest first. */
export const useEvents = defineStore('events', () => {
  const service = useService()
  const events = shallowRef<readonly SiteEvent[]>([])
  const filter = ref<EventFilter>({})
  const loading = ref(false)
  /** False once the oldest event has been loaded. */
  const more = ref(true)
  const error = ref<string>()
  let pending: AbortController | undefined

  const matches = (event: SiteEvent): boolean =>
    (filter.value.severity === undefined || event.severity === filter.value.severity) &&
    (filter.value.device === undefined || event.deviceId === filter.value.device)

  service.onMessage((message) => {
    if (message.type === 'event' && matches(message.data))
      events.value = mergeEvents(events.value, [message.data], capacity)
  })

  async function load(before?: number): Promise<void> {
    pending?.abort()
    const request = new AbortController()
    pending = request
    loading.value = true
    error.value = undefined
    const query: Query = { limit: pageSize, before, severity: filter.value.severity, device: filter.value.device }
    try {
      const answer = await service.get<Events>('api/v1/events', query, request.signal)
      events.value = mergeEvents(events.value, answer.events, capacity)
      more.value = answer.events.length === pageSize && events.value.length < capacity
    } catch (cause) {
      if (!request.signal.aborted) error.value = cause instanceof Error ? cause.message : String(cause)
    } finally {
      if (pending === request) loading.value = false
    }
  }

  const loadOlder = (): Promise<void> => load(events.value.at(-1)?.id)

  /** Shows only what matches; the service filters, so that old matches are found too. */
  function setFilter(next: EventFilter): Promise<void> {
    filter.value = next
    events.value = []
    more.value = true
    return load()
  }

  return { events, filter, loading, more, error, load, loadOlder, setFilter }
})
