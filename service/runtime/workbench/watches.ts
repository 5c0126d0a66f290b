import { randomBytes } from 'node:crypto'
import type { Principal } from '#contract/access.ts'
import { EdgeError } from '#contract/errors.ts'
import type { RegisterSnapshot, RegisterWatch, WatchRequest, WatchUpdate } from '#contract/workbench-registers.ts'
import type { Lease } from '#contract/workbench.ts'
import type { Quirks } from '#contract/point-map.ts'
import { takeSnapshot } from '../../commissioning/values/snapshot.ts'
import { createValueHistory, type ValueHistory } from '../../commissioning/values/history.ts'
import { blockMessage, createUnitWatch, type UnitWatch } from '../../commissioning/values/watch-unit.ts'
import type { Clock } from '../../domain/clock.ts'
import { parseBusAddress } from '../../drivers/modbus/address.ts'
import { type ArmedBus, createReadOnlyBus, type ReadOnlyBus } from '../../drivers/modbus/bus.ts'
import { findPlace, type WorkPlace } from './places.ts'
import { type WatchedMap, watchedPoints } from './watched-points.ts'

/** Registers of units that are followed for people. Nothing of it is stored. */
export interface Watches extends AsyncDisposable {
  /** Throws config.invalid, workbench.busy or workbench.full. */
  start(request: WatchRequest, by: Principal): Promise<RegisterWatch>
  /** Throws workbench.unknown, as all of these do. */
  get(id: string): RegisterWatch
  /** Says that it is still wanted. */
  renew(id: string): void
  end(id: string): Promise<void>
  /** The newest of everything, for the live socket. */
  recent(id: string): WatchUpdate | undefined
  snapshot(id: string, name: string, baselineMs: number, by: string): RegisterSnapshot
  /** What it read in the last minutes; undefined when it has ended. */
  history(id: string): ValueHistory | undefined
  /** The places of watches that have a bus of their own. Whoever else wants one has to wait. */
  busyPlaces(): { readonly places: readonly string[]; readonly what: string }[]
  /** Ends what has a bus of its own at a place. Resolves when it is free. */
  vacate(place: string): Promise<void>
  ownBuses(): ReadOnlyBus[]
}

interface Own {
  readonly places: readonly string[]
  readonly bus: ReadOnlyBus
  users: number
}

interface Watch {
  readonly id: string
  readonly request: WatchRequest
  readonly by: string
  readonly startedAtMs: number
  readonly own: Own | undefined
  readonly unit: UnitWatch
  readonly history: ValueHistory
  readonly stop: AbortController
  readonly ended: Promise<void>
  points: RegisterWatch['points']
  renewByMs: number
  dirty: boolean
}

const most = 4
/** A watch ends when nobody has said for so long that it is still wanted. */
const renewWithinMs = 30_000
const tellEveryMs = 250

export function createWatches(options: {
  clock: Clock
  /** Of the site, by canonical address. */
  buses: ReadonlyMap<string, ArmedBus>
  leaseOf(bus: string): Lease | undefined
  /** Throws workbench.busy when a job has one of the places. */
  assertFree(places: readonly string[]): void
  /** What is known about a unit. */
  mapOf(bus: string, unitId: number): WatchedMap | undefined
  publish(update: WatchUpdate): void
}): Watches {
  const { clock, buses, leaseOf, assertFree, mapOf, publish } = options
  const watches = new Map<string, Watch>()
  const owned = new Set<Own>()

  function find(id: string): Watch {
    const watch = watches.get(id)
    if (!watch) throw new EdgeError('workbench.unknown', 'this watch has ended')
    return watch
  }

  function update(watch: Watch, blocks: WatchUpdate['blocks'], ended = false): WatchUpdate {
    const { problem, requests, failures, roundMs } = watch.unit
    return {
      id: watch.id,
      state: ended ? 'ended' : problem === undefined ? 'reading' : 'silent',
      ...(problem !== undefined && { problem }),
      requests,
      failures,
      roundMs,
      blocks,
      refused: [...watch.unit.refused()],
    }
  }

  const latest = (watch: Watch): WatchUpdate => update(watch, watch.unit.values().map(blockMessage))

  const view = (watch: Watch): RegisterWatch => ({
    id: watch.id,
    request: watch.request,
    startedBy: watch.by,
    startedAtMs: watch.startedAtMs,
    shared: watch.own === undefined,
    points: watch.points,
    latest: latest(watch),
  })

  /** A bus that the service does not poll, for all watches of it. */
  function openOwn({ address, names }: WorkPlace): Own {
    let own = [...owned].find(({ places }) => places.some((place) => names.includes(place)))
    if (!own) {
      assertFree(names)
      owned.add((own = { places: names, bus: createReadOnlyBus({ address, clock }), users: 0 }))
    }
    own.users++
    return own
  }

  async function letGo(own: Own): Promise<void> {
    own.users--
    if (own.users > 0) return
    owned.delete(own)
    await own.bus[Symbol.asyncDispose]()
  }

  /** Tells what was read, and ends what nobody wants any more. */
  async function accompany(watch: Watch): Promise<void> {
    const { signal } = watch.stop
    while (!signal.aborted) {
      await clock.sleep(tellEveryMs, signal).catch(() => undefined)
      if (clock.monotonicMs() > watch.renewByMs) watch.stop.abort()
      else if (watch.dirty && !signal.aborted) {
        watch.dirty = false
        publish(update(watch, watch.unit.takeRead()))
      }
    }
  }

  async function live(watch: Watch): Promise<void> {
    try {
      await Promise.all([watch.unit.run(), accompany(watch)])
    } finally {
      watches.delete(watch.id)
      publish(update(watch, [], true))
      if (watch.own) await letGo(watch.own)
    }
  }

  async function start(request: WatchRequest, by: Principal): Promise<RegisterWatch> {
    if (watches.size >= most)
      throw new EdgeError('workbench.full', `${most} watches run already; close one of them first`)
    const place = await findPlace(parseBusAddress(request.bus), buses)
    const { held } = place
    const shared = held !== undefined && leaseOf(held.name) === undefined
    const own = shared ? undefined : openOwn(place)
    const bus = own?.bus ?? reading(held!)
    const known = mapOf(held?.name ?? request.bus, request.unitId)
    const quirks: Quirks = known?.loaded.map.quirks ?? {}
    const stop = new AbortController()
    const history = createValueHistory()
    const { unitId } = request
    const unit = createUnitWatch({
      bus,
      unitId: request.unitId,
      ranges: request.ranges,
      limits: { bits: quirks.maxReadBits, registers: quirks.maxReadRegisters, noScanRanges: quirks.noScanRanges },
      everyMs: request.everyMs,
      clock,
      signal: stop.signal,
      changed: () => (watch.dirty = true),
      read: ({ fn, address }, words) => history.record({ unitId, fn, address, words, atMs: clock.nowMs() }),
    })
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    const watch: Watch = {
      id: randomBytes(4).toString('hex'),
      request,
      by: by.name,
      startedAtMs: clock.nowMs(),
      own,
      unit,
      history,
      stop,
      ended,
      points: [],
      renewByMs: clock.monotonicMs() + renewWithinMs,
      dirty: false,
    }
    watches.set(watch.id, watch)
    void live(watch).finally(resolve)
    if (known) watch.points = await watchedPoints(known, bus.unit(request.unitId), stop.signal)
    return view(watch)
  }

  async function end(watch: Watch): Promise<void> {
    watch.stop.abort()
    await watch.ended
  }

  return {
    start,
    get: (id) => view(find(id)),
    renew(id) {
      find(id).renewByMs = clock.monotonicMs() + renewWithinMs
    },
    end: (id) => end(find(id)),
    recent(id) {
      const watch = watches.get(id)
      return watch && latest(watch)
    },
    history: (id) => watches.get(id)?.history,
    snapshot(id, name, baselineMs, takenBy) {
      const { unit, request, own } = find(id)
      const bus = own?.bus.name ?? request.bus
      return takeSnapshot(unit.values(), {
        bus,
        unitId: request.unitId,
        name,
        takenBy,
        takenAtMs: clock.nowMs(),
        nowMs: clock.monotonicMs(),
        baselineMs,
        refused: unit.refused(),
      })
    },
    busyPlaces: () => [...owned].map(({ places, bus }) => ({ places, what: `a watch of registers on ${bus.name}` })),
    async vacate(place) {
      const there = [...watches.values()].filter(({ own }) => own?.places.includes(place))
      await Promise.all(there.map(end))
    },
    ownBuses: () => [...owned].map(({ bus }) => bus),
    async [Symbol.asyncDispose]() {
      await Promise.all([...watches.values()].map(end))
    },
  }
}

/** The bus of the site, for reading. The needs of the devices on it stay as they are. */
function reading(bus: ArmedBus): ReadOnlyBus {
  const { name, costs, stats, tap, watch } = bus
  return {
    name,
    costs,
    stats,
    tap,
    watch,
    access: 'read-only',
    unit(unitId) {
      const { ask, preview, stats: unitStats } = bus.unit(unitId)
      return { unitId, ask, preview, stats: unitStats }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
