import { randomUUID } from 'node:crypto'
import type { Principal } from '#contract/access.ts'
import type { ControlState } from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import type { HeldBus, Lease, LeaseRequest } from '#contract/workbench.ts'
import type { Clock } from '../../domain/clock.ts'
import type { ArmedBus } from '../../drivers/modbus/bus.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'
import type { Relinquish } from './relinquish.ts'

/** A lease ends when nobody has said for so long that it is still wanted. */
export const renewWithinMs = 30_000

export interface Leases extends AsyncDisposable {
  /** Throws bus.unknown, workbench.busy or workbench.refused. */
  borrow(request: LeaseRequest, by: Principal): Promise<Lease>
  /** Says that it is still wanted. Throws workbench.unknown. */
  renew(id: string): Lease
  /** Resolves once the service has the bus again. */
  end(id: string, why: string): Promise<void>
  /** Ends all of them, such as before control is switched on. */
  endAll(why: string): Promise<void>
  /** Of a bus of the site. */
  of(bus: string): Lease | undefined
  list(): Lease[]
  heldBuses(): HeldBus[]
  /** Throws workbench.refused where a bus of the site must not be searched now. */
  assertScannable(bus: string): void
}

interface Held {
  lease: Lease
  /** Monotonic: a clock that is set back must not prolong it. */
  readonly untilMs: number
  renewByMs: number
  readonly over: AbortController
  readonly ended: Promise<void>
}

/**
 * Lends buses of the site to the workbench, for minutes. Control is given back and proven first; the service takes the bus
 * again when the time is over, when whoever borrowed it has gone, and after a restart, because nothing of it is stored.
 */
export function createLeases(options: {
  clock: Clock
  buses: ReadonlyMap<string, ArmedBus>
  entries: readonly SiteDeviceEntry[]
  control(): ControlState
  relinquish: Relinquish
  /** Ends what works on the bus; resolves when the port is free. */
  vacate(bus: string): Promise<void>
  journal(by: string, detail: string): void
  changed(): void
}): Leases {
  const { clock, buses, entries, control, relinquish, vacate, journal, changed } = options
  const held = new Map<string, Held>()
  const underWay = new Set<string>()

  const on = (bus: string): SiteDeviceEntry[] => entries.filter((entry) => entry.bus === bus)

  /** Automatic control needs its meters at every moment: without them it could not hold a fuse. */
  function obstacle(bus: string): string | undefined {
    const { enabled } = control()
    const grid = on(bus).find(({ config }) => config.role === 'grid-meter')
    if (enabled && grid) return `${grid.config.name} guards the main fuse; switch control off first`
    const needed = on(bus).find(({ config }) => config.role === 'meter')
    return enabled && needed ? `control depends on ${needed.config.name}; switch control off first` : undefined
  }

  /** A bus on which control may act at any moment is not searched. */
  function scanObstacle(bus: string): string | undefined {
    const { enabled, dryRun } = control()
    if (!enabled || dryRun || held.has(bus)) return undefined
    const acts = on(bus).find(
      ({ config, map }) => config.role === 'battery' || Object.keys(map.map.commands).length > 0,
    )
    const why = acts ? `control acts on ${acts.config.name}` : obstacle(bus)
    return why === undefined ? undefined : `${why}: a bus that is controlled is not scanned`
  }

  async function watch(current: Held, giveBack: () => void, deviceIds: readonly string[]): Promise<void> {
    const { signal } = current.over
    for (;;) {
      const leftMs = Math.min(current.untilMs, current.renewByMs) - clock.monotonicMs()
      if (leftMs <= 0 || signal.aborted) break
      await clock.sleep(leftMs, signal).catch(() => undefined)
    }
    const { lease } = current
    const why: unknown = signal.aborted ? signal.reason : undefined
    const gone = clock.monotonicMs() < current.untilMs ? 'whoever borrowed it has gone' : 'the time is over'
    try {
      await vacate(lease.bus)
    } finally {
      giveBack()
      relinquish.takeBack(deviceIds)
      held.delete(lease.bus)
      journal(lease.heldBy, `takes ${lease.bus} back: ${typeof why === 'string' ? why : gone}`)
      changed()
    }
  }

  async function borrow({ bus, minutes, reason }: LeaseRequest, by: Principal): Promise<Lease> {
    const port = buses.get(bus)
    if (!port) throw new EdgeError('bus.unknown', `this service does not hold the bus ${bus}`)
    if (held.has(bus) || underWay.has(bus)) throw new EdgeError('workbench.busy', `${bus} is lent already`)
    const why = obstacle(bus)
    if (why !== undefined) throw new EdgeError('workbench.refused', why)
    underWay.add(bus)
    const deviceIds = on(bus).map(({ config }) => config.id)
    const until = `${bus} is lent to ${by.name}: ${reason}`
    try {
      const released = await relinquish.give(deviceIds, until)
      const giveBack = await port.lend(until)
      const sinceMs = clock.nowMs()
      const nowMs = clock.monotonicMs()
      const lease: Lease = {
        id: randomUUID(),
        bus,
        reason,
        heldBy: by.name,
        sinceMs,
        untilMs: sinceMs + minutes * 60_000,
        renewByMs: sinceMs + renewWithinMs,
        released: [...released],
      }
      const { promise: ended, resolve } = Promise.withResolvers<void>()
      const current: Held = {
        lease,
        untilMs: nowMs + minutes * 60_000,
        renewByMs: nowMs + renewWithinMs,
        over: new AbortController(),
        ended,
      }
      held.set(bus, current)
      journal(`${by.name} (${by.address})`, `borrows ${bus} for ${minutes} min: ${reason}`)
      void watch(current, giveBack, deviceIds).finally(resolve)
      changed()
      return lease
    } finally {
      underWay.delete(bus)
    }
  }

  function find(id: string): Held {
    const found = [...held.values()].find(({ lease }) => lease.id === id)
    if (!found) throw new EdgeError('workbench.unknown', 'this lease has ended')
    return found
  }

  async function endAll(why: string): Promise<void> {
    const all = [...held.values()]
    for (const { over } of all) over.abort(why)
    await Promise.all(all.map(({ ended }) => ended))
  }

  return {
    borrow,
    renew(id) {
      const current = find(id)
      current.renewByMs = clock.monotonicMs() + renewWithinMs
      current.lease = { ...current.lease, renewByMs: clock.nowMs() + renewWithinMs }
      return current.lease
    },
    async end(id, why) {
      const { over, ended } = find(id)
      over.abort(why)
      await ended
    },
    endAll,
    of: (bus) => held.get(bus)?.lease,
    list: () => [...held.values()].map(({ lease }) => lease),
    assertScannable(bus) {
      const why = scanObstacle(bus)
      if (why !== undefined) throw new EdgeError('workbench.refused', why)
    },
    heldBuses: () =>
      [...buses.keys()].map((bus) => {
        const notLendable = obstacle(bus)
        const notScannable = scanObstacle(bus)
        return {
          bus,
          devices: on(bus).map(({ config }) => config.id),
          ...(notLendable !== undefined && { notLendable }),
          ...(notScannable !== undefined && { notScannable }),
        }
      }),
    [Symbol.asyncDispose]: () => endAll('the service stops'),
  }
}
