import type { LimitChange, SiteLimit } from '#contract/site-limits.ts'
import type { Circuit, Site } from '#contract/site.ts'
import type { SiteDevice } from '#contract/site-device.ts'

type Path = readonly (string | number)[]

interface Described extends Omit<SiteLimit, 'id' | 'owner' | 'value' | 'optional' | 'looser'> {
  readonly key: string
  readonly optional?: true
  readonly looser?: 'smaller'
}

const watt = { unit: 'W', min: 0, max: 10_000_000 } as const
const ampere = { unit: 'A', min: 1, max: 10_000 } as const
const percent = { unit: '%', min: 0, max: 100 } as const

const ofCircuit: readonly Described[] = [
  { key: 'fuseA', title: 'Fuse per phase', tier: 'physical', optional: true, ...ampere },
  { key: 'maxImportW', title: 'Import limit', tier: 'safety', optional: true, ...watt },
  { key: 'maxExportW', title: 'Export limit', tier: 'safety', optional: true, ...watt },
  { key: 'maxUnbalanceA', title: 'Unbalance limit', tier: 'safety', optional: true, ...ampere },
]
const ofBattery: readonly Described[] = [
  { key: 'maxChargeW', title: 'Charge power limit', tier: 'physical', ...watt, min: 1 },
  { key: 'maxDischargeW', title: 'Discharge power limit', tier: 'physical', ...watt, min: 1 },
  { key: 'minSocPercent', title: 'Reserve', tier: 'safety', looser: 'smaller', ...percent },
  { key: 'maxSocPercent', title: 'Charge up to', tier: 'safety', ...percent },
]
const ofCharger: readonly Described[] = [
  { key: 'maxCurrentA', title: 'Highest charging current', tier: 'physical', unit: 'A', min: 1, max: 1000 },
]
const ofLoad: readonly Described[] = [{ key: 'maxW', title: 'Rated power', tier: 'physical', ...watt, min: 1 }]
const ofSite: readonly Described[] = [
  { key: 'peakImportW', title: '15-minute peak', tier: 'economic', optional: true, ...watt, min: 1 },
]

/** A limit with a name that stays the same when the site file is put in another order, such as `limit/circuit/main/fuseA`. */
export interface NamedLimit extends SiteLimit {
  readonly name: string
}

/** Every limit that may be changed by itself, in the order of the site file. */
export function siteLimits(site: Site): SiteLimit[] {
  return namedLimits(site).map(({ name: _name, ...limit }) => limit)
}

/** Like `siteLimits`, with names by which the limits of two sites can be compared. */
export function namedLimits(site: Site): NamedLimit[] {
  const limits: NamedLimit[] = []
  const collect = (owner: string, place: string, path: Path, holder: object, described: readonly Described[]): void => {
    const values = new Map<string, unknown>(Object.entries(holder))
    for (const { key, optional, looser, ...rest } of described) {
      const value = values.get(key)
      limits.push({
        name: `limit/${place}/${key}`,
        ...rest,
        id: [...path, key].join('.'),
        owner,
        optional: optional === true,
        looser: looser ?? 'larger',
        ...(typeof value === 'number' && { value }),
      })
    }
  }
  const circuits = (circuit: Circuit, path: Path): void => {
    collect(circuit.name, `circuit/${circuit.id}`, path, circuit, ofCircuit)
    for (const [index, child] of (circuit.circuits ?? []).entries()) circuits(child, [...path, 'circuits', index])
  }
  const device = ({ id, name, battery, charger, load }: SiteDevice, path: Path): void => {
    const place = `device/${id}`
    if (battery) collect(name, place, [...path, 'battery'], battery, ofBattery)
    if (charger) collect(name, place, [...path, 'charger'], charger, ofCharger)
    if (load) collect(name, place, [...path, 'load'], load, ofLoad)
  }
  for (const [index, { connection }] of site.grids.entries()) circuits(connection, ['grids', index, 'connection'])
  for (const [index, entry] of site.devices.entries()) device(entry, ['devices', index])
  collect('Site', 'site', ['economics'], site.economics, ofSite)
  return limits
}

/** IDs of the changes that allow more than before. Taking a limit away allows more. */
export function looserChanges(limits: readonly SiteLimit[], changes: readonly LimitChange[]): string[] {
  const byId = new Map(limits.map((limit) => [limit.id, limit]))
  return changes.flatMap(({ id, value }) => {
    const limit = byId.get(id)
    if (!limit || limit.value === undefined) return []
    const looser = value === null || (limit.looser === 'larger' ? value > limit.value : value < limit.value)
    return looser ? [id] : []
  })
}

/** What is wrong with a change in itself, in words; whether the whole site still fits is checked after it. */
export function changeProblem(limits: readonly SiteLimit[], { id, value }: LimitChange): string | undefined {
  const limit = limits.find((candidate) => candidate.id === id)
  if (!limit) return `there is no limit "${id}" on this site`
  const what = `${limit.title} of ${limit.owner}`
  if (value === null) return limit.optional ? undefined : `${what} cannot be taken away`
  if (value < limit.min || value > limit.max)
    return `${what} must be between ${limit.min} and ${limit.max} ${limit.unit}, not ${value}`
  return undefined
}
