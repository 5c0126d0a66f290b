import type { PointMap, Quirks } from '#contract/point-map.ts'
import type { ForeignPoint } from './types.ts'
import { brief, get, items, numberOf, textOf, type Tree } from './yaml-tree.ts'

/** What an attribute of a usage means here, and in which unit it counts there. */
export function evccNames(
  attribute: string,
  usage: string | undefined,
  phase: string | undefined,
): { readonly wanted?: string; readonly unit?: string } {
  const suffix = phase === undefined ? '' : `.${phase}`
  const charges = usage === 'battery'
  const meters = usage === 'grid'
  switch (attribute) {
    case 'power':
      return { wanted: 'powerW', unit: 'W' }
    case 'powers':
      return { wanted: `powerW${suffix}`, unit: 'W' }
    case 'currents':
      return { wanted: `currentA${suffix}`, unit: 'A' }
    case 'voltages':
      return { wanted: `voltageV${suffix}`, unit: 'V' }
    case 'energy':
      return { wanted: charges ? 'energyDischargeWh' : meters ? 'energyImportWh' : 'energyWh', unit: 'kWh' }
    case 'returnenergy':
      return { wanted: charges ? 'energyChargeWh' : 'energyExportWh', unit: 'kWh' }
    case 'soc':
      return { wanted: 'socPercent', unit: '%' }
    case 'temp':
      return { wanted: 'temperatureC', unit: '°C' }
    default:
      return {}
  }
}

const ratings: Readonly<Record<string, { readonly wanted: string; readonly unit: string }>> = {
  maxacpower: { wanted: 'ratedPowerW', unit: 'W' },
  capacity: { wanted: 'battery.capacityWh', unit: 'kWh' },
  minsoc: { wanted: 'battery.socMinPercent', unit: '%' },
  maxsoc: { wanted: 'battery.socMaxPercent', unit: '%' },
  maxchargepower: { wanted: 'battery.chargeLimitW', unit: 'W' },
  maxdischargepower: { wanted: 'battery.dischargeLimitW', unit: 'W' },
}

export interface EvccParameters {
  readonly usages: readonly string[]
  readonly defaults: ReadonlyMap<string, string>
  readonly connection?: NonNullable<PointMap['connection']>
  readonly quirks?: Quirks
  /** Values that the template reads to propose settings. */
  readonly points: readonly ForeignPoint[]
  readonly kept: readonly { readonly place: string; readonly key: string; readonly value: string }[]
}

export function readParameters(tree: Tree | undefined, file: string): EvccParameters {
  const defaults = new Map<string, string>()
  const points: ForeignPoint[] = []
  const kept: { place: string; key: string; value: string }[] = []
  let usages: readonly string[] = []
  let connection: EvccParameters['connection']
  let timeoutMs: number | undefined
  for (const item of items(tree)) {
    const name = textOf(get(item, 'name'))
    if (name === undefined) continue
    const standard = textOf(get(item, 'default'))
    if (standard !== undefined) defaults.set(name, standard)
    if (name === 'usage') usages = items(get(item, 'choice')).flatMap((choice) => textOf(choice) ?? [])
    else if (name === 'modbus') {
      connection = connectionOf(item)
      const seconds = /^(\d+(?:\.\d+)?)s$/.exec(textOf(get(item, 'timeout')) ?? '')?.[1]
      if (seconds !== undefined) timeoutMs = Math.min(30_000, Math.max(10, Number(seconds) * 1000))
    } else if (name === 'port' && numberOf(get(item, 'default')) !== undefined)
      connection = { ...connection, tcp: { port: numberOf(get(item, 'default'))! } }
    const service = textOf(get(item, 'service'))
    const place = `${file}:${(get(item, 'service') ?? item).line}`
    const point = service === undefined ? undefined : servicePoint(service, name, place)
    if (point) points.push(point)
    else if (service !== undefined) kept.push({ place, key: name, value: brief(get(item, 'service')!) })
  }
  return {
    usages,
    defaults,
    points,
    kept,
    ...(connection && { connection }),
    ...(timeoutMs !== undefined && { quirks: { timeoutMs } }),
  }
}

function connectionOf(item: Tree): NonNullable<PointMap['connection']> {
  const choices = new Set(items(get(item, 'choice')).flatMap((choice) => textOf(choice) ?? []))
  const baud = numberOf(get(item, 'baudrate'))
  const port = numberOf(get(item, 'port'))
  const id = numberOf(get(item, 'id'))
  const comset = textOf(get(item, 'comset'))
  const format = comset !== undefined && /^[78][NEO][12]$/.test(comset) ? comset : '8N1'
  return {
    ...((choices.has('tcpip') || port !== undefined) && { tcp: { port: port ?? 502 } }),
    ...(choices.has('rs485') && baud !== undefined && { rtu: { baud, format } }),
    ...(id !== undefined && { unitId: id }),
  }
}

/** `modbus/read?address=5000&type=input&encoding=uint16&scale=100` */
function servicePoint(service: string, name: string, place: string): ForeignPoint | undefined {
  const query = /^modbus\/read\?(.*)$/.exec(service)?.[1]
  if (query === undefined) return undefined
  const values = new URLSearchParams(query.replaceAll('{modbus}', ''))
  const address = Number(values.get('address') ?? Number.NaN)
  const fn = values.get('type') ?? 'holding'
  const type = typeOf(values.get('encoding') ?? '')
  const scale = Number(values.get('scale') ?? 1)
  if (!Number.isInteger(address) || typeof type === 'string' || !Number.isFinite(scale) || scale === 0) return undefined
  if (fn !== 'holding' && fn !== 'input') return undefined
  return {
    place,
    original: name,
    ...ratings[name],
    originalAddress: String(values.get('address')),
    keys: { address, function: fn, ...type, ...(scale !== 1 && { scale }), pollGroup: 'slow' },
    kept: [],
  }
}

/** `int32s`, `uint32nan`, `float32s`: s is low word first, nan says that the type's own value means not available. */
export function typeOf(decode: string): { type: string; wordOrder?: 'little'; typeSentinels?: true } | string {
  const match = /^(u?int(?:16|32|64)|float(?:32|64)|bool8|bool16)(s?)(nan)?(s?)$/i.exec(decode.trim())
  if (!match)
    return decode === ''
      ? 'it does not say how the register is decoded'
      : `the decoding "${decode}" has no counterpart here`
  const type = match[1]!.toLowerCase().replace(/^bool.*/, 'bool')
  const little = (match[2] || match[4]) && !type.endsWith('16') && type !== 'bool'
  return {
    type,
    ...(little && { wordOrder: 'little' as const }),
    ...(match[3] && type.includes('int') && { typeSentinels: true as const }),
  }
}
