import type { CheckedPoint, Consent } from '#contract/deployment.ts'
import type { SiteDevice } from '#contract/site-device.ts'
import type { CheckedSite } from '../configuration/check-site.ts'
import type { LoadedMap } from '../pointmap/types.ts'

/** A device of a candidate of which something has to be read on the edge before it can be committed. */
export interface DeviceToRead {
  readonly device: SiteDevice
  readonly map: LoadedMap
  /** New and changed points; undefined: all of them, because the device is new, elsewhere, or read in another way. */
  readonly points: readonly string[] | undefined
}

/** Points of a map by name: those that are read, and those that are derived from them. */
const pointsOf = ({ map }: LoadedMap): ReadonlyMap<string, unknown> =>
  new Map<string, unknown>([...Object.entries(map.points), ...Object.entries(map.derived ?? {})])

/** What the candidate reads otherwise than what runs. */
export function devicesToRead(running: CheckedSite, candidate: CheckedSite): DeviceToRead[] {
  const before = new Map(running.site.devices.map((device) => [device.id, device]))
  return candidate.site.devices.flatMap((device): DeviceToRead[] => {
    const map = candidate.maps.get(device.map)
    if (!map) return []
    const old = before.get(device.id)
    const oldMap = old && running.maps.get(old.map)
    if (!old || !oldMap || old.connection !== device.connection || old.unitId !== device.unitId)
      return [{ device, map, points: undefined }]
    if (oldMap.hash === map.hash) return []
    if (JSON.stringify(oldMap.map.quirks) !== JSON.stringify(map.map.quirks))
      return [{ device, map, points: undefined }]
    const oldPoints = pointsOf(oldMap)
    const points = [...pointsOf(map)].flatMap(([name, declared]) =>
      JSON.stringify(declared) === JSON.stringify(oldPoints.get(name)) ? [] : [name],
    )
    return points.length === 0 ? [] : [{ device, map, points }]
  })
}

/** What is read well now and would not be read any more: each has to be given up by name. */
export function lostPoints(candidate: CheckedSite, goodNow: readonly string[]): Consent[] {
  const devices = new Map(candidate.site.devices.map((device) => [device.id, candidate.maps.get(device.map)]))
  const gone = new Set<string>()
  const consents: Consent[] = []
  for (const point of goodNow) {
    const [deviceId = '', name = ''] = point.split('/')
    const map = devices.get(deviceId)
    if (!map) {
      if (!gone.has(deviceId)) consents.push({ kind: 'lost', id: deviceId, text: `${deviceId} is not read any more` })
      gone.add(deviceId)
    } else if (!pointsOf(map).has(name))
      consents.push({ kind: 'lost', id: point, text: `${name} of ${deviceId} is not read any more` })
  }
  return consents
}

/** Below this a value is noise, and its sign says nothing. */
const noise: Readonly<Record<string, number>> = { W: 20, VA: 20, var: 20, A: 0.2, kW: 0.02 }

/**
 * Why what the candidate reads cannot be the same as what is read now, in words: the other sign, or another order of magnitude.
 * Both are the slips after which control drives in the wrong direction.
 */
export function implausible({
  unit,
  value,
  before,
}: Pick<CheckedPoint, 'unit' | 'value' | 'before'>): string | undefined {
  if (typeof value !== 'number' || typeof before !== 'number') return undefined
  const least = noise[unit] ?? 0.5
  if (Math.abs(before) < least) return undefined
  const ratio = value / before
  const shown = (number: number): string => `${Number(number.toPrecision(4))} ${unit}`.trim()
  if (ratio < 0 && Math.abs(ratio) > 0.4 && Math.abs(ratio) < 2.5)
    return `reads ${shown(value)} where ${shown(before)} is read now: the sign is the other way round`
  const size = Math.abs(ratio)
  if (value === 0) return Math.abs(before) < least * 5 ? undefined : `reads 0 where ${shown(before)} is read now`
  if (size >= 5 || size <= 0.2)
    return `reads ${shown(value)} where ${shown(before)} is read now: ${size >= 5 ? `${Number(size.toPrecision(2))} times as much` : `${Number((1 / size).toPrecision(2))} times less`}`
  return undefined
}
