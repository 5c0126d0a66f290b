import type { MapPoint } from '#contract/point-map.ts'
import { typeSpec } from '../pointmap/point-types.ts'
import { fittingOrder } from './registers.ts'
import { type ForeignMap, type ForeignPoint, isRefusal, refuse, type Skipped, type Understood } from './types.ts'
import { brief, entries, get, items, numberOf, readTree, textOf, type Tree } from './yaml-tree.ts'

const tables: Readonly<Record<string, NonNullable<MapPoint['function']>>> = {
  HOLDING_REGISTERS: 'holding',
  INPUT_REGISTERS: 'input',
  COILS: 'coil',
  DISCRETES_INPUT: 'discrete',
  DISCRETE_INPUTS: 'discrete',
}
const used: ReadonlySet<string> = new Set(['name', 'attributes', 'properties'])

/** A device profile of EdgeX. */
export function readEdgex(text: string, file: string): Understood {
  const read = readTree(text, file)
  if (isRefusal(read)) return read
  const { tree } = read
  const resources = items(get(tree, 'deviceResources'))
  if (resources.length === 0)
    return refuse(
      file,
      'this EdgeX file has no "deviceResources"; import the device profile, not the configuration of the service',
    )
  const points: ForeignPoint[] = []
  const skipped: Skipped[] = []
  for (const resource of resources) {
    const made = readResource(resource, file)
    if ('reason' in made) skipped.push(made)
    else points.push(made)
  }
  const maker = textOf(get(tree, 'manufacturer'))
  const model = textOf(get(tree, 'model')) ?? textOf(get(tree, 'name'))
  const map: ForeignMap = {
    ...(maker && { maker }),
    ...(model && { model }),
    points,
    skipped,
    kept: entries(tree).flatMap(([key, value]) =>
      ['manufacturer', 'model', 'deviceResources'].includes(key)
        ? []
        : [{ place: `${file}:${value.line}`, key, value: brief(value) }],
    ),
    assumptions: [
      { about: 'base', text: 'Addresses count from 0, as in today’s profiles; very old ones counted from 1.' },
    ],
  }
  return map
}

function readResource(resource: Tree, file: string): ForeignPoint | Skipped {
  const original = textOf(get(resource, 'name')) ?? 'a resource without a name'
  const place = `${file}:${resource.line}`
  const skip = (reason: string): Skipped => ({ place, original, reason })
  const attributes = get(resource, 'attributes')
  const properties = get(resource, 'properties')
  const table = textOf(get(attributes, 'primaryTable')) ?? ''
  const fn = tables[table.toUpperCase()]
  if (fn === undefined) return skip(`"${table}" is not a table of registers`)
  const written = textOf(get(attributes, 'startingAddress')) ?? ''
  const match = /^(0x[0-9a-f]+|\d+)(?:\.(\d{1,2}))?$/i.exec(written)
  const address = match ? Number(match[1]) : Number.NaN
  if (!(address <= 65_535)) return skip(`its address "${written}" is no number from 0 to 65535`)
  const access = textOf(get(properties, 'readWrite')) ?? 'R'
  if (!/R/i.test(access)) return skip('can only be written; a command needs limits, which this file does not have')
  const keys = match?.[2] === undefined ? valueKeys(attributes, properties, fn) : { type: `bit:${match[2]}` }
  if (typeof keys === 'string') return skip(keys)
  const unit = textOf(get(properties, 'units'))
  const usedThere = new Set([
    'primaryTable',
    'startingAddress',
    'rawType',
    'valueType',
    'scale',
    'offset',
    'units',
    'stringRegisterSize',
  ])
  const kept = [
    ...entries(resource).filter(([key]) => !used.has(key)),
    ...entries(attributes).filter(([key]) => !usedThere.has(key)),
    ...entries(properties).filter(([key]) => !usedThere.has(key)),
  ].map(([key, value]) => [key, brief(value)] as const)
  return {
    place,
    original,
    originalAddress: written,
    keys: { address, function: fn, ...keys },
    ...(unit && { unit }),
    kept,
  }
}

function valueKeys(
  attributes: Tree | undefined,
  properties: Tree | undefined,
  fn: MapPoint['function'],
): Omit<MapPoint, 'address' | 'function'> | string {
  if (fn === 'coil' || fn === 'discrete') return { type: 'bool' }
  const named = (textOf(get(attributes, 'rawType')) ?? textOf(get(properties, 'valueType')) ?? '').toLowerCase()
  if (named === 'string') {
    const count = numberOf(get(attributes, 'stringRegisterSize'))
    return count === undefined || !Number.isInteger(count) || count < 1 || count > 123
      ? 'a text needs "stringRegisterSize", the number of its registers'
      : { type: `string:${count}` }
  }
  if (named === 'bool') return { type: 'bit:0' }
  if (!/^(u?int(16|32|64)|float(32|64))$/.test(named)) return `its type "${named}" has no counterpart here`
  const { words } = typeSpec(named)
  const yes = (key: string) => textOf(get(attributes, key)) === 'true'
  const order = fittingOrder(
    {
      ...(yes('isWordSwap') && { wordOrder: 'little' as const }),
      ...(yes('isByteSwap') && { byteOrder: 'little' as const }),
    },
    words,
  )
  const scale = get(properties, 'scale') === undefined ? 1 : numberOf(get(properties, 'scale'))
  const offset = get(properties, 'offset') === undefined ? 0 : numberOf(get(properties, 'offset'))
  if (scale === undefined || scale === 0 || offset === undefined) return 'its scale or offset is no number'
  return { type: named, ...order, ...(scale !== 1 && { scale }), ...(offset !== 0 && { offset }) }
}
