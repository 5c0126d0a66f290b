import type { FastifyBaseLogger } from 'fastify'
import type { SiteEvent } from '#contract/api.ts'
import type { Clock } from './domain/clock.ts'
import { createFaults, type Faults } from './runtime/faults.ts'
import type { Storage } from './storage/types.ts'

/** What happens and what is wrong: stored, logged, and told to whoever follows. */
export interface ServiceEvents {
  readonly faults: Faults
  add(event: Omit<SiteEvent, 'id'>): SiteEvent
  /** Tells from now on. */
  connect(publish: (event: SiteEvent) => void): void
}

/** Begins with what opening the folder has found. */
export function createServiceEvents(parts: {
  storage: Storage
  log: FastifyBaseLogger
  clock: Clock
  /** File that damaged accounts were set aside as. */
  accountsSetAside: string | undefined
  identityWarning: string | undefined
}): ServiceEvents {
  const { storage, log, clock, accountsSetAside, identityWarning } = parts
  let publish: (event: SiteEvent) => void = () => undefined
  const add = (event: Omit<SiteEvent, 'id'>): SiteEvent => {
    const stored = storage.addEvent(event)
    log[event.severity === 'warning' ? 'warn' : event.severity](
      { code: event.code, device: event.deviceId },
      event.message,
    )
    publish(stored)
    return stored
  }
  const note = ({ severity, code, message }: Pick<SiteEvent, 'severity' | 'code' | 'message'>): void =>
    void add({ atMs: clock.nowMs(), severity, code, message })
  const faults = createFaults(clock.nowMs, (event) => void add(event))
  storage.subscribe({ raise: faults.raise, clear: faults.clear, note })
  if (accountsSetAside !== undefined)
    note({
      severity: 'error',
      code: 'access.damaged',
      message: `the accounts were damaged and are kept as ${accountsSetAside}; nobody can sign in with a password until users are added again`,
    })
  for (const warning of storage.warnings) note(warning)
  if (identityWarning !== undefined) note({ severity: 'warning', code: 'storage.folder', message: identityWarning })
  return {
    faults,
    add,
    connect(to) {
      publish = to
    },
  }
}
