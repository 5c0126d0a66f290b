import type { MapPoint, PointMap, Quirks } from '#contract/point-map.ts'
import { multiply } from './decimal.ts'
import { uniqueIdMark } from './export-home-assistant.ts'
import { fittingOrder } from './registers.ts'
import { type ForeignMap, type ForeignPoint, isRefusal, refuse, type Skipped, type Understood } from './types.ts'
import { brief, entries, get, items, numberOf, readTree, textOf, type Tree } from './yaml-tree.ts'

/** Lists of a hub whose entries name registers. */
const lists = ['sensors', 'binary_sensors', 'switches', 'climates', 'covers', 'fans', 'lights'] as const
const used: ReadonlySet<string> = new Set([
  'name',
  'address',
  'input_type',
  'data_type',
  'count',
  'scale',
  'offset',
  'swap',
  'nan_value',
  'unit_of_measurement',
  'slave',
  'device_address',
])

/** The modbus integration of Home Assistant: whole configurations, hubs, or only a list of sensors. */
export function readHomeAssistant(text: string, file: string): Understood {
  const read = readTree(text, file)
  if (isRefusal(read)) return read
  const { tree } = read
  const modbus = get(tree, 'modbus') ?? tree
  const whole = get(tree, 'modbus') !== undefined
  const hubs = modbus.kind === 'list' && get(modbus.items[0], 'address') === undefined ? modbus.items : [modbus]
  const points: ForeignPoint[] = []
  const skipped: Skipped[] = []
  for (const hub of hubs) {
    const fragments =
      hub.kind === 'list' ? [['sensors', hub] as const] : lists.map((name) => [name, get(hub, name)] as const)
    for (const [list, found] of fragments)
      for (const item of items(found)) {
        const made = readItem(item, list, file)
        if ('reason' in made) skipped.push(made)
        else points.push(made)
      }
  }
  if (points.length === 0 && skipped.length === 0)
    return refuse(file, 'there is no "modbus:" with sensors and addresses in it')
  const hub = hubs[0]
  const map: ForeignMap = {
    ...connectionOf(hub),
    points,
    skipped,
    kept: [
      ...(whole ? entries(tree).filter(([key]) => key !== 'modbus') : []),
      ...entries(hub).filter(([key]) => !(lists as readonly string[]).includes(key)),
    ].map(([key, value]) => ({ place: `${file}:${value.line}`, key, value: brief(value) })),
    assumptions: [],
  }
  return map
}

function connectionOf(hub: Tree | undefined): { connection?: NonNullable<PointMap['connection']>; quirks?: Quirks } {
  const kind = textOf(get(hub, 'type'))
  const port = numberOf(get(hub, 'port'))
  const baud = numberOf(get(hub, 'baudrate'))
  const parity = textOf(get(hub, 'parity')) ?? 'N'
  const format = `${numberOf(get(hub, 'bytesize')) ?? 8}${parity}${numberOf(get(hub, 'stopbits')) ?? 1}`
  const delayS = numberOf(get(hub, 'delay'))
  const gapMs = numberOf(get(hub, 'message_wait_milliseconds'))
  const tcp = (kind === 'tcp' || kind === 'rtuovertcp') && port !== undefined && port > 0 && port < 65_536
  const rtu = kind === 'serial' && baud !== undefined && /^[78][NEO][12]$/.test(format)
  const quirks: Quirks = {
    ...(delayS !== undefined && delayS > 0 && delayS <= 10 && { connectDelayMs: delayS * 1000 }),
    ...(gapMs !== undefined && gapMs > 0 && gapMs <= 10_000 && { requestGapMs: gapMs }),
    ...(kind === 'rtuovertcp' && { framing: 'rtu-over-tcp' as const }),
  }
  return {
    ...((tcp || rtu) && { connection: { ...(tcp && { tcp: { port } }), ...(rtu && { rtu: { baud, format } }) } }),
    ...(Object.keys(quirks).length > 0 && { quirks }),
  }
}

function readItem(item: Tree, list: (typeof lists)[number], file: string): ForeignPoint | Skipped {
  const original = textOf(get(item, 'name')) ?? 'an entry without a name'
  const place = `${file}:${item.line}`
  const skip = (reason: string): Skipped => ({ place, original, reason })
  const addressOf = get(item, 'address')
  const address = numberOf(addressOf)
  if (address === undefined || !Number.isInteger(address) || address < 0 || address > 65_535)
    return skip(`its address "${textOf(addressOf) ?? ''}" is no number from 0 to 65535`)
  const fn = functionOf(item, list)
  if (fn === undefined) return skip(`"${textOf(get(item, 'input_type')) ?? ''}" is not a kind of register`)
  const keys = fn === 'coil' || fn === 'discrete' ? { type: 'bool' } : registerKeys(item, list)
  if (typeof keys === 'string') return skip(keys)
  const unit = textOf(get(item, 'unit_of_measurement')) ?? textOf(get(item, 'temperature_unit'))
  const id = get(item, 'device_address') ?? get(item, 'slave')
  const mark = textOf(get(item, 'unique_id'))
  const wanted = mark?.startsWith(uniqueIdMark) ? mark.slice(uniqueIdMark.length) : undefined
  return {
    place,
    original,
    ...(wanted && { wanted }),
    originalAddress: textOf(addressOf) ?? '',
    keys: { address, function: fn, ...keys },
    ...(unit && { unit }),
    ...(textOf(id) !== undefined && { unitId: numberOf(id) ?? textOf(id)! }),
    kept: entries(item).flatMap(([key, value]) => (used.has(key) ? [] : [[key, brief(value)] as const])),
  }
}

function functionOf(item: Tree, list: (typeof lists)[number]): MapPoint['function'] {
  const standard = list === 'binary_sensors' ? 'coil' : 'holding'
  const kind = textOf(get(item, 'input_type')) ?? textOf(get(item, 'write_type')) ?? standard
  if (kind === 'holding' || kind === 'holdings' || kind === 'input' || kind === 'coil')
    return kind === 'holdings' ? 'holding' : kind
  if (kind === 'coils') return 'coil'
  return kind === 'discrete_input' ? 'discrete' : undefined
}

function registerKeys(item: Tree, list: (typeof lists)[number]): Omit<MapPoint, 'address' | 'function'> | string {
  const standard = list === 'sensors' || list === 'climates' ? 'int16' : 'uint16'
  const type = (textOf(get(item, 'data_type')) ?? standard).toLowerCase()
  const swap = textOf(get(item, 'swap')) ?? 'none'
  if (!['none', 'false', 'byte', 'word', 'word_byte'].includes(swap))
    return `its swap "${swap}" has no counterpart here`
  const order = {
    ...(swap.startsWith('word') && { wordOrder: 'little' as const }),
    ...(swap.endsWith('byte') && { byteOrder: 'little' as const }),
  }
  if (type === 'string') {
    const count = numberOf(get(item, 'count'))
    if (count === undefined || !Number.isInteger(count) || count < 1 || count > 125)
      return 'a text needs "count", the number of its registers'
    return { type: `string:${count}`, ...fittingOrder({ ...order, wordOrder: 'big' }, count) }
  }
  const match = /^(u?int|float)(16|32|64)$/.exec(type)
  if (!match || type === 'float16') return `its data type "${type}" has no counterpart here`
  const scale = get(item, 'scale') === undefined ? 1 : numberOf(get(item, 'scale'))
  const offset = get(item, 'offset') === undefined ? 0 : numberOf(get(item, 'offset'))
  if (scale === undefined || scale === 0) return 'its scale is no number other than 0'
  if (offset === undefined) return 'its offset is no number'
  const nan = numberOf(get(item, 'nan_value'))
  const bits = Number(match[2])
  const sentinel = nan !== undefined && Number.isSafeInteger(nan) && Math.abs(nan) < 2 ** bits && match[1] !== 'float'
  return {
    type,
    ...fittingOrder(order, bits / 16),
    ...(scale !== 1 && { scale: multiply(scale, 1) }),
    ...(offset !== 0 && { offset }),
    ...(sentinel && { sentinels: [nan] }),
  }
}
