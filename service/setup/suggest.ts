import type { deviceKind } from '#contract/point-map.ts'
import type { SetupDraft, SetupSuggestion } from '#contract/setup.ts'
import type { DeviceRole } from '#contract/site-device.ts'
import type { FoundDevice } from '#contract/workbench.ts'
import { listOf, recordOf, valueAt } from './places.ts'

/** A point map as far as it says what a device is for. */
export interface KnownMap {
  readonly id: string
  /** Maker and model. */
  readonly title: string
  readonly role: DeviceRole
  /** It measures one phase only. */
  readonly onePhase: boolean
}

const roles: Readonly<Record<(typeof deviceKind.options)[number], DeviceRole>> = {
  'pv-inverter': 'pv',
  'hybrid-inverter': 'battery',
  battery: 'battery',
  bms: 'sensor',
  meter: 'meter',
  'ev-charger': 'charger',
  'weather-station': 'weather',
  tracker: 'sensor',
  'wind-turbine': 'pv',
  generator: 'sensor',
  'heat-pump': 'load',
  relay: 'load',
  gateway: 'sensor',
}
/** What a device of a kind is usually for. */
export const roleOfKind = (kind: (typeof deviceKind.options)[number]): DeviceRole => roles[kind]

const most = 500

/** What the devices that were found, their maps and the answers so far make likely, with the reason. Nobody has decided it yet. */
export function suggestAnswers(
  draft: SetupDraft,
  found: readonly FoundDevice[],
  maps: readonly KnownMap[],
): SetupSuggestion[] {
  return [...foundDevices(draft, found, maps), ...roleOfMeter(draft), ...phasesOf(draft, maps), ...gridOf(draft)].slice(
    0,
    most,
  )
}

function foundDevices(draft: SetupDraft, found: readonly FoundDevice[], maps: readonly KnownMap[]): SetupSuggestion[] {
  const there = listOf(draft.devices).map((device) => recordOf(device))
  const known = new Set(
    there.map(({ connection, unitId = 1 }) => `${String(connection).toLowerCase()} ${String(unitId)}`),
  )
  const ids = new Set(there.map(({ id }) => String(id)))
  let next = there.length
  let hasGridMeter = there.some(({ role }) => role === 'grid-meter')
  return found.flatMap((device) => {
    if (known.has(`${device.bus.toLowerCase()} ${device.unitId}`)) return []
    const map = maps.find(({ id }) => id === device.map)
    const usual = map?.role ?? 'sensor'
    const role = usual === 'meter' && !hasGridMeter ? 'grid-meter' : usual
    if (role === 'grid-meter') hasGridMeter = true
    const id = freeId(device.name, ids)
    ids.add(id)
    const { evidence, confidence } = device
    const sure = confidence === undefined ? '' : `${Math.round(confidence * 100)} % sure: `
    return [
      {
        step: 'devices' as const,
        path: `devices.${next++}`,
        value: {
          id,
          name: device.name,
          role,
          ...(device.map !== undefined && { map: device.map }),
          connection: device.bus,
          unitId: device.unitId,
          ...(map?.onePhase && { phases: ['l1'] }),
        },
        text: `${device.name}, ${role}`,
        why: `${sure}${evidence[0] ?? 'accepted from a scan'}`.slice(0, 300),
      },
    ]
  })
}

/** A short name for files that nothing else has. */
export function freeId(name: string, taken: ReadonlySet<string>): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .replace(/-+$/, '')
    .slice(0, 30)
  const base = plain === '' ? 'device' : plain
  if (!taken.has(base)) return base
  let number = 2
  while (taken.has(`${base}-${number}`)) number += 1
  return `${base}-${number}`
}

function roleOfMeter(draft: SetupDraft): SetupSuggestion[] {
  const devices = listOf(draft.devices).map((device) => recordOf(device))
  if (devices.some(({ role }) => role === 'grid-meter')) return []
  const at = devices.findIndex(({ role }) => role === 'meter')
  if (at < 0 || devices.filter(({ role }) => role === 'meter').length > 1) return []
  return [
    {
      step: 'devices',
      path: `devices.${at}.role`,
      value: 'grid-meter',
      text: 'grid-meter',
      why: 'It is the only meter of the site, and no device measures the grid connection.',
    },
  ]
}

function phasesOf(draft: SetupDraft, maps: readonly KnownMap[]): SetupSuggestion[] {
  return listOf(draft.devices).flatMap((entry, at) => {
    const device = recordOf(entry)
    const map = maps.find(({ id }) => id === device['map'])
    const phases = listOf(device['phases'])
    if (!map?.onePhase || phases.length === 1) return []
    return [
      {
        step: 'devices' as const,
        path: `devices.${at}.phases`,
        value: ['l1'],
        text: 'L1',
        why: `${map.title} measures one phase; say which one it is on.`,
      },
    ]
  })
}

function gridOf(draft: SetupDraft): SetupSuggestion[] {
  const grids = listOf(draft.grids)
  const meters = listOf(draft.devices)
    .map((device) => recordOf(device))
    .filter(({ role }) => role === 'grid-meter')
  if (grids.length === 0) {
    const connection = { id: 'main', name: 'Grid connection', ...(meters.length === 1 && { meter: meters[0]?.['id'] }) }
    return [
      {
        step: 'grids',
        path: 'grids.0',
        value: { id: 'grid', name: 'Grid', connection },
        text: 'one grid with its connection',
        why: 'Nearly every site has one grid connection. Its main fuse is for you to say.',
      },
    ]
  }
  const used = new Set(grids.map((grid) => valueAt(grid, ['connection', 'meter'])))
  const free = meters.filter(({ id }) => !used.has(id))
  return grids.flatMap((grid, at) => {
    const [meter] = free
    if (free.length !== 1 || !meter || valueAt(grid, ['connection', 'meter']) !== undefined) return []
    return [
      {
        step: 'grids' as const,
        path: `grids.${at}.connection.meter`,
        value: meter['id'],
        text: String(meter['name'] ?? meter['id']),
        why: 'It is the only grid meter that measures no connection yet.',
      },
    ]
  })
}
