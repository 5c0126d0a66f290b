import { phases } from '#contract/metrics.ts'
import type { AgedReading, Readings } from '../domain/measured.ts'
import type { SiteModel } from '../domain/site-model.ts'
import type { Faults } from './faults.ts'

/**
 * Notices meters that answer and always say the same: behind a hung gateway or transducer every reading is new and none is true, and
 * control that trusts it raises until the fuse blows. Mains voltage and currents never stand still, so there are two signs:
 * a meter whose values used to change does not change any more, or devices behind it have moved and it has not.
 */
export interface FrozenMeters {
  /** The readings with those of frozen meters marked as bad. `monotonicMs` is the time of the ages. */
  look(readings: Readings, monotonicMs: number): Readings
}

/** Changes from which on it is known how long the values of a meter stand still when all is well. */
const knownAfter = 10
/** Standing still for so many times the longest time known is frozen, */
const stillFactor = 5
/** and never before. */
const leastStillMs = 5_000
/** What devices behind it move without being seen in any value is beyond any meter's resolution. */
const movedW = 250
/** A meter shows what devices do within this, or within twice the longest time its values are known to stand still. */
const showsWithinMs = 1_500
/** The same before anything is known of it. */
const showsAtFirstWithinMs = 5_000

const pointsOf = (metric: string): string[] =>
  [metric, ...phases.map((phase) => `${metric}.${phase}`)].flatMap((point) => [point, `grid.${point}`])
const flows = [...pointsOf('powerW'), ...pointsOf('currentA')]
const watched = [...flows, ...pointsOf('voltageV'), 'frequencyHz', 'grid.frequencyHz']

interface Meter {
  readonly id: string
  readonly name: string
  /** Devices that it measures with others, none that is simulated where it is real; with the points of their power. */
  readonly devices: readonly { readonly id: string; readonly points: readonly string[]; readonly sign: 1 | -1 }[]
}

interface Seen {
  /** Of the `watched` points, NaN where there is none. */
  values: readonly number[]
  /** First and last answer with these values. */
  sinceMs: number
  untilMs: number
  /** What each device behind it took then, W; NaN where it was not measured. */
  powersW: readonly number[]
  /** Since when they take something else; undefined while they do not. */
  movedMs: number | undefined
  changes: number
  longestMs: number
  frozen: string | undefined
}

export function createFrozenMeters(
  model: SiteModel,
  isSimulated: (deviceId: string) => boolean,
  faults: Pick<Faults, 'raise' | 'clear'>,
): FrozenMeters {
  const meters = metersOf(model, isSimulated)
  const seen = new Map<string, Seen>()

  function tell({ id, name }: Meter, before: string | undefined, now: string | undefined): void {
    if (now !== undefined && before === undefined)
      faults.raise(`frozen ${id}`, {
        code: 'meter.frozen',
        severity: 'error',
        message: `${name} ${now}: its values are not used`,
        action: 'Start the meter or its gateway anew; without it, devices behind it hold their safe values.',
        deviceId: id,
      })
    else if (now === undefined && before !== undefined)
      faults.clear(`frozen ${id}`, `the values of ${name} change again`)
  }

  /** Why the values of a meter are not believed, or undefined. */
  function frozen(meter: Meter, points: ReadonlyMap<string, AgedReading>, readings: Readings, nowMs: number) {
    const { values, atMs } = valuesOf(points, nowMs)
    const before = seen.get(meter.id)
    if (atMs === undefined) return before?.frozen
    const powersW = meter.devices.map(({ id, points, sign }) => {
      const device = readings.get(id)
      const reading = device?.get(points[0] ?? '') ?? device?.get(points[1] ?? '')
      return reading?.quality === 'good' && typeof reading.value === 'number' ? sign * reading.value : Number.NaN
    })
    if (!before || values.some((value, index) => !Object.is(value, before.values[index]))) {
      // What it said in between is not known: a gap between two answers is ours, and no standing still.
      const stillMs = before && before.frozen === undefined ? before.untilMs - before.sinceMs : 0
      seen.set(meter.id, {
        values,
        sinceMs: atMs,
        untilMs: atMs,
        powersW,
        movedMs: undefined,
        changes: (before?.changes ?? -1) + 1,
        longestMs: Math.max(before?.longestMs ?? 0, stillMs),
        frozen: undefined,
      })
      tell(meter, before?.frozen, undefined)
      return undefined
    }
    before.untilMs = atMs
    // A device that is not measured says nothing.
    const changeW = powersW.reduce((sum, watt, index) => sum + (watt - (before.powersW[index] ?? NaN) || 0), 0)
    if (Math.abs(changeW) < movedW) before.movedMs = undefined
    else before.movedMs ??= atMs
    // Nothing flows through an open breaker, for as long as one likes.
    const open = values.every((value, index) => index >= flows.length || Number.isNaN(value) || value === 0)
    const now = before.frozen ?? (open ? undefined : whyFrozen(before, atMs, changeW))
    tell(meter, before.frozen, now)
    before.frozen = now
    return now
  }

  return {
    look(readings, monotonicMs) {
      let marked: Map<string, ReadonlyMap<string, AgedReading>> | undefined
      for (const meter of meters) {
        const points = readings.get(meter.id)
        const why = points && frozen(meter, points, readings, monotonicMs)
        if (points && why !== undefined) {
          marked ??= new Map(readings)
          marked.set(meter.id, withoutValues(points, why))
        }
      }
      return marked ?? readings
    },
  }
}

function whyFrozen({ sinceMs, movedMs, changes, longestMs }: Seen, atMs: number, changeW: number): string | undefined {
  const stillMs = atMs - sinceMs
  const known = changes >= knownAfter
  const seconds = `${Math.round(stillMs / 1000)} s`
  if (known && stillMs > Math.max(leastStillMs, stillFactor * longestMs))
    return `has said exactly the same for ${seconds}`
  const withinMs = known ? Math.max(showsWithinMs, 2 * longestMs) : showsAtFirstWithinMs
  if (movedMs === undefined || atMs - movedMs <= withinMs) return undefined
  return `has said exactly the same for ${seconds}, while devices behind it changed by ${Math.round(Math.abs(changeW))} W`
}

function valuesOf(points: ReadonlyMap<string, AgedReading>, nowMs: number) {
  let atMs: number | undefined
  const values = watched.map((name) => {
    const reading = points.get(name)
    if (reading?.quality !== 'good' || typeof reading.value !== 'number') return Number.NaN
    atMs = Math.max(atMs ?? -Infinity, nowMs - reading.ageMs)
    return reading.value
  })
  return { values, atMs }
}

const rolePoints = {
  charger: { points: ['powerW'], sign: 1 },
  load: { points: ['powerW'], sign: 1 },
  battery: { points: ['battery.powerW', 'powerW'], sign: -1 },
  pv: { points: ['pv.powerW', 'powerW'], sign: -1 },
} as const

function metersOf(model: SiteModel, isSimulated: (deviceId: string) => boolean): Meter[] {
  return model.nodes.flatMap(({ index, meter }) => {
    const config = model.devices[meter]?.config
    if (!config) return []
    const devices = model.devices.flatMap(({ config: { id, role }, places, controlled }) => {
      const [place] = places
      const below = places.length === 1 && place && model.nodes[place.node]?.path.includes(index)
      const kind = controlled?.kind ?? (role === 'pv' || role === 'battery' || role === 'charger' ? role : undefined)
      return below && kind && isSimulated(id) === isSimulated(config.id) ? [{ id, ...rolePoints[kind] }] : []
    })
    return [{ id: config.id, name: config.name, devices }]
  })
}

function withoutValues(points: ReadonlyMap<string, AgedReading>, why: string): ReadonlyMap<string, AgedReading> {
  const result = new Map(points)
  for (const name of watched) {
    const reading = points.get(name)
    if (reading?.quality !== 'good') continue
    const { value: _untrue, ...rest } = reading
    result.set(name, { ...rest, quality: 'bad', reason: `it ${why}` })
  }
  return result
}
