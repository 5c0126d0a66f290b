import type { Fault, SiteEvent } from '#contract/api.ts'

/** What is wrong now. A fault is raised once, stays until it is cleared, and leaves an event at both ends. */
export interface Faults {
  raise(key: string, fault: Omit<Fault, 'sinceMs'>): void
  clear(key: string, message: string): void
  list(): Fault[]
}

/** More than this would only hide the first ones. */
const maxFaults = 200

export function createFaults(nowMs: () => number, addEvent: (event: Omit<SiteEvent, 'id'>) => void): Faults {
  const current = new Map<string, Fault>()
  return {
    raise(key, fault) {
      if (current.has(key) || current.size >= maxFaults) return
      const atMs = nowMs()
      current.set(key, { ...fault, sinceMs: atMs })
      const { code, message, severity, deviceId } = fault
      addEvent({ atMs, code, message, severity, ...(deviceId && { deviceId }) })
    },
    clear(key, message) {
      const fault = current.get(key)
      if (!fault) return
      current.delete(key)
      const { code, deviceId } = fault
      addEvent({ atMs: nowMs(), code, message, severity: 'info', ...(deviceId && { deviceId }) })
    },
    list: () => [...current.values()],
  }
}
