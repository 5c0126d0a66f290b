import type { CheckReasonCode, PlannedWrite } from '#contract/checks.ts'
import type { Phase } from '#contract/metrics.ts'
import type { CommandName, MapCommand } from '#contract/point-map.ts'
import type { Site } from '#contract/site.ts'
import {
  consumptionOf,
  firstMeasured,
  headroomOf,
  type Headroom,
  type PowerChange,
} from '../../commissioning/checks/headroom.ts'
import type { Clock } from '../../domain/clock.ts'
import { placeOf } from '../../domain/island.ts'
import type { AgedReading, Readings } from '../../domain/measured.ts'
import type { NodeModel, SiteModel } from '../../domain/site-model.ts'
import { commandsOf } from '../device-view.ts'
import { outsideLimits } from '../guard.ts'
import { unsafeForEver } from '../held-for-ever.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'

/** A reading counts for a condition while it is not older. */
const freshMs = 10_000
/** What is asked within this time is asked about one moment. */
const sameMomentMs = 50

/** Powers of a role are named with or without the subsystem. */
const powerNames: Readonly<Partial<Record<SiteDeviceEntry['config']['role'], readonly string[]>>> = {
  'grid-meter': ['powerW', 'grid.powerW'],
  battery: ['powerW', 'battery.powerW'],
  pv: ['powerW', 'pv.powerW'],
}

/** What the checks know of the site: its model, its devices, and what they read now. */
export interface Desk {
  readonly clock: Clock
  readonly site: Site
  readonly entries: readonly SiteDeviceEntry[]
  model(): SiteModel
  entry(deviceId: string): SiteDeviceEntry | undefined
  commands(entry: SiteDeviceEntry): ReadonlyMap<string, MapCommand>
  /** The command by which control decides over the device, or would. */
  mainCommand(entry: SiteDeviceEntry): CommandName | undefined
  readings(): Readings
  /** A fresh number of the first of these points. */
  number(deviceId: string, ...points: readonly string[]): number | undefined
  /** The point that shows its power and has been read, with its present value. */
  power(entry: SiteDeviceEntry): { readonly point: string; readonly value: number } | undefined
  /** What it takes now, W; negative for what it gives. */
  consumption(entry: SiteDeviceEntry): number | undefined
  /** Circuits above a device, its own first. */
  above(deviceId: string): readonly NodeModel[]
  /** Devices in and below a circuit, meters not counted. */
  below(node: NodeModel): readonly SiteDeviceEntry[]
  /** The meter nearest above a device that is another device. */
  meterAbove(deviceId: string): SiteDeviceEntry | undefined
  /** The phases of the grid that a device loads now, as far as that can be told. */
  phasesOf(entry: SiteDeviceEntry): readonly Phase[]
  headroom(changes: readonly PowerChange[]): Headroom
  /** Why this value must not be written at all, or undefined. */
  forbidden(entry: SiteDeviceEntry, command: string, value: number): Obstacle | undefined
  planned(entry: SiteDeviceEntry, command: CommandName, values: readonly number[], after: string): PlannedWrite
}

export interface Obstacle {
  readonly code: CheckReasonCode
  readonly text: string
}

const measuring: ReadonlySet<string> = new Set(['meter', 'grid-meter', 'weather', 'sensor'])

export function createDesk(options: {
  clock: Clock
  site: Site
  entries: readonly SiteDeviceEntry[]
  model(): SiteModel
}): Desk {
  const { clock, site, entries, model } = options
  const byId = new Map(entries.map((entry) => [entry.config.id, entry]))

  let taken: { readonly atMs: number; readonly readings: Readings } | undefined
  const placed = new WeakMap<Readings, Map<string, NodeModel | undefined>>()

  /** Many checks ask for the same moment. */
  function readings(): Readings {
    const nowMs = clock.monotonicMs()
    if (!taken || nowMs - taken.atMs > sameMomentMs)
      taken = { atMs: nowMs, readings: new Map(entries.map((entry) => [entry.config.id, aged(entry, nowMs)])) }
    return taken.readings
  }

  function aged({ device }: SiteDeviceEntry, nowMs: number): ReadonlyMap<string, AgedReading> {
    const found = new Map<string, AgedReading>()
    for (const [name, reading] of device.readings())
      found.set(name, { ...reading, ageMs: Math.max(0, nowMs - reading.monotonicMs) })
    return found
  }

  const pointsOf = (deviceId: string): ReadonlyMap<string, AgedReading> | undefined => readings().get(deviceId)

  function placeNow(deviceId: string): NodeModel | undefined {
    const moment = readings()
    let known = placed.get(moment)
    if (!known) placed.set(moment, (known = new Map()))
    if (!known.has(deviceId)) {
      const now = model()
      const index = now.deviceIndex.get(deviceId)
      const place = index === undefined ? undefined : placeOf(now, index, moment)
      known.set(deviceId, place === undefined ? undefined : now.nodes[place])
    }
    return known.get(deviceId)
  }

  const desk: Desk = {
    clock,
    site,
    entries,
    model,
    entry: (deviceId) => byId.get(deviceId),
    commands: (entry) => commandsOf(entry.map),
    mainCommand({ config }) {
      const index = model().deviceIndex.get(config.id)
      return index === undefined ? undefined : model().devices[index]?.controlled?.command
    },
    readings,
    number: (deviceId, ...points) => firstMeasured(pointsOf(deviceId), points, freshMs),
    power({ config }) {
      for (const point of powerNames[config.role] ?? ['powerW']) {
        const value = desk.number(config.id, point)
        if (value !== undefined) return { point, value }
      }
      return undefined
    },
    consumption: ({ config }) => consumptionOf(pointsOf(config.id), config.role, freshMs),
    above(deviceId) {
      const node = placeNow(deviceId)
      return node ? node.path.map((at) => model().nodes[at]!) : []
    },
    below: (node) =>
      entries.filter(
        ({ config }) => !measuring.has(config.role) && desk.above(config.id).some(({ index }) => index === node.index),
      ),
    meterAbove(deviceId) {
      for (const { circuit } of desk.above(deviceId)) {
        const meter = circuit.meter === undefined ? undefined : byId.get(circuit.meter)
        if (meter && meter.config.id !== deviceId) return meter
      }
      return undefined
    },
    phasesOf(entry) {
      const own = entry.config.phases
      const currents = (['l1', 'l2', 'l3'] as const).map((phase) => desk.number(entry.config.id, `currentA.${phase}`))
      // A vehicle uses as many terminals as its own charger does.
      if (entry.config.role !== 'charger' || currents.every((current) => current === undefined)) return own
      return own.filter((_phase, terminal) => (currents[terminal] ?? 0) > 1)
    },
    headroom: (changes) => headroomOf(model(), readings(), changes),
    forbidden(entry, command, value) {
      const declared = commandsOf(entry.map).get(command)
      if (!declared) return { code: 'not-covered', text: `${entry.config.name} has no command ${command}` }
      const outside = outsideLimits(declared, value, entry.device)
      if (outside !== undefined) return { code: 'not-covered', text: outside }
      const forEver = unsafeForEver(command, declared, value, entry.config)
      return forEver === undefined ? undefined : { code: 'not-covered', text: forEver }
    },
    planned(entry, command, values, after) {
      const { unit = '' } = commandsOf(entry.map).get(command) ?? {}
      const list = values.map((value) => `${value} ${unit}`.trim()).join(', ')
      return {
        deviceId: entry.config.id,
        deviceName: entry.config.name,
        command,
        unit,
        values: [...values],
        text: `Writes ${command} ${list} to ${entry.config.name}, then ${after}.`.slice(0, 400),
      }
    },
  }
  return desk
}
