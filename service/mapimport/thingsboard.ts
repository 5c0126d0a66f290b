import type { MapPoint, PointMap } from '#contract/point-map.ts'
import { typeSpec } from '../pointmap/point-types.ts'
import { fittingOrder } from './registers.ts'
import { type ForeignMap, type ForeignPoint, isRefusal, refuse, type Skipped, type Understood } from './types.ts'
import { brief, entries, get, items, numberOf, readTree, textOf, type Tree } from './yaml-tree.ts'

const functions: Readonly<Record<number, NonNullable<MapPoint['function']>>> = {
  1: 'coil',
  2: 'discrete',
  3: 'holding',
  4: 'input',
}
const used: ReadonlySet<string> = new Set([
  'tag',
  'type',
  'functionCode',
  'objectsCount',
  'address',
  'multiplier',
  'divider',
  'key',
  'method',
])
const lists = ['attributes', 'timeseries', 'attributeUpdates', 'rpc'] as const

/** Configuration of the Modbus connector of the ThingsBoard gateway. */
export function readThingsboard(text: string, file: string): Understood {
  const read = readTree(text, file)
  if (isRefusal(read)) return read
  const master = findMaster(read.tree, 0)
  const slaves = items(get(master, 'slaves')).length > 0 ? items(get(master, 'slaves')) : items(get(master, 'servers'))
  if (slaves.length === 0) return refuse(file, 'there is no "master" with "slaves" in it')
  const points: ForeignPoint[] = []
  const skipped: Skipped[] = []
  for (const slave of slaves)
    for (const list of lists)
      for (const item of items(get(slave, list))) {
        const made = readItem(item, list, slave, file)
        if ('reason' in made) skipped.push(made)
        else points.push(made)
      }
  const [first] = slaves
  const model = textOf(get(first, 'deviceName'))
  const connection = connectionOf(first)
  const map: ForeignMap = {
    ...(model && { model }),
    ...(connection && { connection }),
    points,
    skipped,
    kept: entries(first).flatMap(([key, value]) =>
      (lists as readonly string[]).includes(key) || ['unitId', 'deviceName', 'byteOrder', 'wordOrder'].includes(key)
        ? []
        : [{ place: `${file}:${value.line}`, key, value: brief(value) }],
    ),
    assumptions: [],
  }
  return map
}

function findMaster(tree: Tree | undefined, depth: number): Tree | undefined {
  const own = get(tree, 'master')
  if (own !== undefined || depth > 5) return own
  for (const [, value] of entries(tree)) {
    const found = findMaster(value, depth + 1)
    if (found) return found
  }
  return undefined
}

function connectionOf(slave: Tree | undefined): PointMap['connection'] {
  const kind = textOf(get(slave, 'type'))
  const port = numberOf(get(slave, 'port'))
  const baud = numberOf(get(slave, 'baudrate'))
  const unitId = numberOf(get(slave, 'unitId'))
  const format = `${numberOf(get(slave, 'bytesize')) ?? 8}${textOf(get(slave, 'parity')) ?? 'N'}${numberOf(get(slave, 'stopbits')) ?? 1}`
  return {
    ...(kind === 'tcp' && port !== undefined && port > 0 && port < 65_536 && { tcp: { port } }),
    ...(kind === 'serial' &&
      baud !== undefined &&
      baud >= 300 &&
      /^[78][NEO][12]$/.test(format) && { rtu: { baud, format } }),
    ...(unitId !== undefined && unitId >= 0 && unitId < 256 && { unitId }),
  }
}

function readItem(item: Tree, list: (typeof lists)[number], slave: Tree, file: string): ForeignPoint | Skipped {
  const original = textOf(get(item, 'tag')) ?? textOf(get(item, 'key')) ?? 'an entry without a name'
  const place = `${file}:${item.line}`
  const skip = (reason: string): Skipped => ({ place, original, reason })
  const code = numberOf(get(item, 'functionCode')) ?? 3
  const fn = functions[code]
  if (list === 'attributeUpdates' || fn === undefined)
    return skip('is written to the device; a command needs limits, which this file does not have')
  const address = numberOf(get(item, 'address'))
  if (address === undefined || !Number.isInteger(address) || address < 0 || address > 65_535)
    return skip(`its address "${textOf(get(item, 'address')) ?? ''}" is no number from 0 to 65535`)
  const keys = fn === 'coil' || fn === 'discrete' ? { type: 'bool' } : typeKeys(item, slave)
  if (typeof keys === 'string') return skip(keys)
  const unitId = numberOf(get(slave, 'unitId'))
  return {
    place,
    original,
    originalAddress: textOf(get(item, 'address')) ?? '',
    keys: { address, function: fn, ...keys },
    ...(unitId !== undefined && { unitId }),
    kept: entries(item).flatMap(([key, value]) => (used.has(key) ? [] : [[key, brief(value)] as const])),
  }
}

function typeKeys(item: Tree, slave: Tree): Omit<MapPoint, 'address' | 'function'> | string {
  const named = (textOf(get(item, 'type')) ?? '').toLowerCase()
  const count = numberOf(get(item, 'objectsCount')) ?? numberOf(get(item, 'registerCount')) ?? 1
  if (!Number.isInteger(count) || count < 1 || count > 125)
    return `its objectsCount ${count} is no number from 1 to 125`
  if (named === 'string') return { type: `string:${count}` }
  if (named === 'bytes') return count <= 64 ? { type: `bytes:${count}` } : 'more than 64 registers of bytes'
  if (named === 'bits' || named === 'bit')
    return count === 16
      ? { type: 'flags16' }
      : count === 1
        ? { type: 'bit:0' }
        : `${count} bits of a register have no counterpart here`
  const match = /^(16|32|64)(int|uint|float)$/.exec(named)
  if (!match || named === '16float') return `its type "${named}" has no counterpart here`
  const type = `${match[2]}${match[1]}`
  const { words } = typeSpec(type)
  if (count !== words) return `${named} takes ${words} registers, but objectsCount says ${count}`
  const multiplier = get(item, 'multiplier') === undefined ? 1 : numberOf(get(item, 'multiplier'))
  const divider = get(item, 'divider') === undefined ? 1 : numberOf(get(item, 'divider'))
  if (!multiplier || !divider) return 'its multiplier or divider is no number other than 0'
  const scale = Number((multiplier / divider).toPrecision(12))
  return { type, ...orderOf(slave, item, words), ...(scale !== 1 && { scale }) }
}

/** Texts keep their order there, whatever the orders say. */
function orderOf(slave: Tree, item: Tree, words: number): Pick<MapPoint, 'wordOrder' | 'byteOrder'> {
  const little = (key: string) =>
    (textOf(get(item, key)) ?? textOf(get(slave, key)) ?? 'BIG').toUpperCase() === 'LITTLE'
  return fittingOrder(
    {
      ...(little('wordOrder') && { wordOrder: 'little' as const }),
      ...(little('byteOrder') && { byteOrder: 'little' as const }),
    },
    words,
  )
}
