import type { SiteChange } from '#contract/configuration.ts'
import type { MapCommand, MapPoint } from '#contract/point-map.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import { type Compared, valueChange, wholeChange } from './change-text.ts'
import { fieldName } from './field-names.ts'

type Fields = Readonly<Record<string, unknown>>
type Maps = ReadonlyMap<string, LoadedMap>

/** What a person need not be asked about: it changes nothing of what is read or written. */
const remarks = new Set(['note', 'source', 'confidence', 'title', 'overlapReason'])
const places = new Set(['address', 'sunspec', 'scaleFactor', 'decimals'])

/** What the maps that both sites use read and write differently, point by point. */
export function diffMaps(before: Maps, after: Maps): SiteChange[] {
  return [...after].flatMap(([id, next]) => {
    const old = before.get(id)
    return old && old.hash !== next.hash ? diffMap(id, old, next) : []
  })
}

function diffMap(id: string, { map: old }: LoadedMap, { map: next }: LoadedMap): SiteChange[] {
  return [
    ...diffEntries('point', id, old.points, next.points, pointChanges),
    ...diffEntries('derived', id, old.derived, next.derived, fieldChanges),
    ...diffEntries('command', id, old.commands, next.commands, commandChanges),
    ...(['defaults', 'quirks', 'poll', 'connection'] as const).flatMap((part) =>
      fieldChanges({ id: `map/${id}/${part}`, area: 'points', owner: id }, { ...old[part] }, { ...next[part] }, part),
    ),
  ]
}

type Place = Pick<Compared, 'id' | 'area' | 'owner'>
type Compare<T> = (place: Place, before: T, after: T, name: string) => SiteChange[]

function diffEntries<T>(
  kind: string,
  map: string,
  before: Readonly<Record<string, T>>,
  after: Readonly<Record<string, T>>,
  compare: Compare<T>,
): SiteChange[] {
  return [...new Set([...Object.keys(after), ...Object.keys(before)])].flatMap((name) => {
    const place: Place = { id: `${kind}/${map}/${name}`, area: kind === 'command' ? 'control' : 'points', owner: map }
    const old = Object.hasOwn(before, name) ? before[name] : undefined
    const next = Object.hasOwn(after, name) ? after[name] : undefined
    if (old === undefined || next === undefined) {
      const owner = `${kind === 'derived' ? 'computed point' : kind} ${name} of ${map}`
      return wholeChange({ ...place, owner }, next === undefined ? 'removed' : 'added', undefined)
    }
    return compare(place, old, next, name)
  })
}

function fieldChanges(place: Place, before: object, after: object, name: string): SiteChange[] {
  const old: Fields = { ...before }
  const next: Fields = { ...after }
  return [...new Set([...Object.keys(old), ...Object.keys(next)])]
    .filter((key) => !remarks.has(key))
    .flatMap((key) => {
      const { title, unit } = fieldName(undefined, key)
      const compared: Compared = {
        ...place,
        id: `${place.id}/${key}`,
        what: `${title} of ${name}`,
        ...(unit !== '' && { unit }),
        ...(places.has(key) && { place: true }),
        ...(key === 'scale' && { factor: true }),
      }
      // A scale that is not written is 1.
      const [was, is] = key === 'scale' ? [old[key] ?? 1, next[key] ?? 1] : [old[key], next[key]]
      return valueChange(compared, was, is) ?? []
    })
}

const pointChanges: Compare<MapPoint> = fieldChanges

/** A command that may write more, or more often, is looser. */
function commandChanges(place: Place, before: MapCommand, after: MapCommand, name: string): SiteChange[] {
  const { limits: oldLimits, ...old } = before
  const { limits: nextLimits, ...next } = after
  const looser: Readonly<Record<string, boolean>> = {
    storage: next.storage === 'volatile',
    dailyWrites: (next.dailyWrites ?? Infinity) > (old.dailyWrites ?? Infinity),
    expiry: true,
    safeValue: true,
  }
  const changes = fieldChanges(place, old, next, name).map((change) =>
    looser[change.id.slice(place.id.length + 1)] ? { ...change, looser: true as const } : change,
  )
  for (const end of ['min', 'max'] as const) {
    const [was, is] = [oldLimits[end], nextLimits[end]]
    const wider = typeof was === 'number' && typeof is === 'number' ? (end === 'max' ? is > was : is < was) : true
    const compared = {
      ...place,
      id: `${place.id}/limits/${end}`,
      what: `${end} of ${name}`,
      unit: after.unit,
      factor: true,
    }
    const change = valueChange({ ...compared, factor: true }, was, is, wider)
    if (change) changes.push(change)
  }
  return changes
}
