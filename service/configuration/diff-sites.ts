import type { z } from 'zod'
import type { SiteChange } from '#contract/configuration.ts'
import { economics } from '#contract/economics.ts'
import {
  batterySettings,
  chargerSettings,
  loadSettings,
  pvSettings,
  siteDevice,
  type SiteDevice,
} from '#contract/site-device.ts'
import { type Circuit, grid, type Signal, signal, type Site, site, tie } from '#contract/site.ts'
import { namedLimits } from '../domain/site-limits.ts'
import type { CheckedSite } from './check-site.ts'
import { type Compared, valueChange, wholeChange } from './change-text.ts'
import { diffMaps } from './diff-maps.ts'
import { fieldName } from './field-names.ts'
import { isLooser } from './limits.ts'

type Fields = Readonly<Record<string, unknown>>
type Area = SiteChange['area']

/**
 * What the second site does differently from the first, in the order in which a person looks: limits, circuits, devices, points,
 * preferences. The order of entries in the files and everything that means the same is no change.
 */
export function diffSites(before: CheckedSite, after: CheckedSite): SiteChange[] {
  const [old, next] = [before.site, after.site]
  return [
    ...diffLimits(old, next),
    ...diffFields('site', 'site', 'Site', pick(old, siteKeys), pick(next, siteKeys), site),
    ...diffLists('grid', 'circuits', old.grids, next.grids, grid, ['connection']),
    ...diffCircuits(old, next),
    ...diffLists('tie', 'circuits', old.ties, next.ties, tie),
    ...diffSignals(old.signals, next.signals),
    ...diffDevices(old.devices, next.devices),
    ...diffMaps(before.maps, after.maps),
    ...diffFields(
      'economics',
      'economics',
      'Preferences',
      without(old.economics, ['peakImportW']),
      without(next.economics, ['peakImportW']),
      economics,
    ),
  ]
}

const siteKeys = ['name', 'cycleMs', 'timeZone'] as const

function pick(value: Fields, keys: readonly string[]): Fields {
  return Object.fromEntries(keys.map((key) => [key, value[key]]))
}

function without(value: Fields, keys: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))
}

/** Limits of circuits and devices that are in both sites, and of circuits that are gone. */
function diffLimits(before: Site, after: Site): SiteChange[] {
  const next = new Map(namedLimits(after).map((limit) => [limit.name, limit]))
  return namedLimits(before).flatMap((old) => {
    const limit = next.get(old.name)
    const gone = limit === undefined && old.name.startsWith('limit/circuit/')
    if (!limit && !gone) return []
    const looser = isLooser(old.looser, old.value, limit?.value)
    const { name: id, owner, title: what, unit } = limit ?? old
    return valueChange({ id, area: 'limits', owner, what, unit, factor: true }, old.value, limit?.value, looser) ?? []
  })
}

/** Field by field; what is itself a mapping is compared by its fields. */
function diffFields(
  id: string,
  area: Area,
  owner: string,
  before: Fields,
  after: Fields,
  schema?: z.ZodObject,
  more: { readonly place?: readonly string[]; looser?(key: string, before: unknown, after: unknown): boolean } = {},
): SiteChange[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => {
    const { title, unit } = fieldName(schema, key)
    const compared: Compared = {
      id: `${id}/${key}`,
      area,
      owner,
      what: title,
      unit,
      ...(more.place?.includes(key) && { place: true }),
    }
    const looser = more.looser?.(key, before[key], after[key]) ?? false
    return valueChange(compared, before[key], after[key], looser) ?? []
  })
}

interface Entry extends Fields {
  readonly id: string
  readonly name: string
}

function diffLists(
  kind: string,
  area: Area,
  before: readonly Entry[],
  after: readonly Entry[],
  schema: z.ZodObject,
  leftOut: readonly string[] = [],
): SiteChange[] {
  return pairs(before, after).flatMap(({ id, old, next }) => {
    const place = { id: `${kind}/${id}`, area, owner: next?.name ?? old?.name ?? id }
    if (!old || !next) return wholeChange(place, next ? 'added' : 'removed', undefined)
    return diffFields(place.id, area, place.owner, without(old, leftOut), without(next, leftOut), schema)
  })
}

function pairs<T extends { readonly id: string }>(
  before: readonly T[],
  after: readonly T[],
): { readonly id: string; readonly old: T | undefined; readonly next: T | undefined }[] {
  const old = new Map(before.map((entry) => [entry.id, entry]))
  const next = new Map(after.map((entry) => [entry.id, entry]))
  return [...new Set([...next.keys(), ...old.keys()])].map((id) => ({ id, old: old.get(id), next: next.get(id) }))
}

interface PlacedCircuit extends Entry {
  readonly below: string
  readonly meter: string | undefined
}

function circuitsOf({ grids }: Site): PlacedCircuit[] {
  const add = ({ id, name, meter, circuits = [] }: Circuit, below: string): PlacedCircuit[] => [
    { id, name, meter, below },
    ...circuits.flatMap((child) => add(child, id)),
  ]
  return grids.flatMap(({ id, connection }) => add(connection, `grid ${id}`))
}

function diffCircuits(before: Site, after: Site): SiteChange[] {
  return pairs(circuitsOf(before), circuitsOf(after)).flatMap(({ id, old, next }) => {
    const place = { id: `circuit/${id}`, area: 'circuits', owner: next?.name ?? old?.name ?? id } as const
    if (!old || !next) return wholeChange(place, next ? 'added' : 'removed', `below ${(next ?? old)?.below ?? ''}`)
    return diffFields(place.id, place.area, place.owner, old, next, undefined, { place: ['below', 'meter'] })
  })
}

/** A demand from outside that is gone, holds less or is seen otherwise lets the site do more. */
function diffSignals(before: readonly Signal[], after: readonly Signal[]): SiteChange[] {
  const looser = (key: string, was: unknown, is: unknown): boolean => {
    if (key === 'limitW') return isLooser('larger', asNumber(was), asNumber(is))
    return key !== 'name' && !(key === 'whenUnknown' && is === 'active')
  }
  return pairs(before, after).flatMap(({ id, old, next }) => {
    const place = { id: `signal/${id}`, area: 'signals', owner: next?.name ?? old?.name ?? id } as const
    if (!old || !next) return wholeChange(place, next ? 'added' : 'removed', (next ?? old)?.kind, !next)
    return diffFields(place.id, place.area, place.owner, old, next, signal, { looser })
  })
}

const asNumber = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

const settings = { battery: batterySettings, charger: chargerSettings, load: loadSettings, pv: pvSettings } as const
const ofLimits = ['maxChargeW', 'maxDischargeW', 'minSocPercent', 'maxSocPercent', 'maxCurrentA', 'maxW']
/** Settings outside the limits that let a device do more than before. */
const looserSettings: Readonly<Record<string, (before: unknown, after: unknown) => boolean>> = {
  safeCurrentA: (before, after) => isLooser('larger', asNumber(before), asNumber(after)),
  safeW: (before, after) => isLooser('larger', asNumber(before), asNumber(after)),
  dimmable: (before, after) => before === true && after !== true,
  curtailable: (before, after) => before === true && after !== true,
  derating: (before) => before !== undefined,
}

function diffDevices(before: readonly SiteDevice[], after: readonly SiteDevice[]): SiteChange[] {
  return pairs(before, after).flatMap(({ id, old, next }) => {
    const place = { id: `device/${id}`, area: 'devices', owner: next?.name ?? old?.name ?? id } as const
    if (!old || !next) {
      const { role, map, connection, unitId } = (next ?? old)!
      return wholeChange(place, next ? 'added' : 'removed', `${role}, ${map}, ${connection} unit ${unitId}`)
    }
    const plain = (device: SiteDevice): Fields => without(device, [...Object.keys(settings), 'verified'])
    const changes = diffFields(place.id, place.area, place.owner, plain(old), plain(next), siteDevice, {
      place: ['connection', 'unitId', 'circuit'],
    })
    for (const [key, schema] of Object.entries(settings)) {
      const of = (device: SiteDevice): Fields => without({ ...device[key as keyof typeof settings] }, ofLimits)
      changes.push(
        ...diffFields(`${place.id}/${key}`, 'control', place.owner, of(old), of(next), schema, {
          looser: (name, was, is) => looserSettings[name]?.(was, is) ?? false,
        }),
      )
    }
    const proven = siteDevice.shape.verified.unwrap()
    changes.push(
      ...diffFields(`${place.id}/verified`, 'control', place.owner, { ...old.verified }, { ...next.verified }, proven),
    )
    return changes
  })
}
