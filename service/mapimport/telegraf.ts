import { parse, TomlError } from 'smol-toml'
import type { MapPoint, PointMap } from '#contract/point-map.ts'
import { typeSpec } from '../pointmap/point-types.ts'
import { fittingOrder, orderOf } from './registers.ts'
import { type ForeignMap, type ForeignPoint, oneLine, refuse, type Skipped, type Understood } from './types.ts'

const functions: Readonly<Record<string, NonNullable<MapPoint['function']>>> = {
  coil: 'coil',
  discrete: 'discrete',
  holding: 'holding',
  input: 'input',
  coils: 'coil',
  discrete_inputs: 'discrete',
  holding_registers: 'holding',
  input_registers: 'input',
}
const used: ReadonlySet<string> = new Set([
  'name',
  'address',
  'type',
  'data_type',
  'scale',
  'length',
  'bit',
  'register',
  'byte_order',
])
type Table = Readonly<Record<string, unknown>>

const tableOf = (value: unknown): Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : {}
/** A text or number of the file; anything else is as good as nothing. */
const wordOf = (value: unknown, standard: string): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : standard
const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value]
const longest = 2_000_000

/** The modbus input of Telegraf in all three of its styles: by register, by request and by metric. */
export function readTelegraf(text: string, file: string): Understood {
  if (text.length > longest) return refuse(file, 'the file is larger than 2 MB')
  let root: Table
  try {
    root = tableOf(parse(text))
  } catch (error) {
    if (error instanceof TomlError)
      return refuse(
        `${file}:${error.line}:${error.column}`,
        `this is not TOML: ${oneLine(error.message.split('\n')[0] ?? '')}`,
      )
    if (error instanceof RangeError) return refuse(file, 'the file is nested too deeply')
    throw error
  }
  const devices = listOf(tableOf(root['inputs'])['modbus']).map(tableOf)
  if (devices.length === 0) return refuse(file, 'there is no [[inputs.modbus]] in it')
  const lines = fieldLines(text)
  const points: ForeignPoint[] = []
  const skipped: Skipped[] = []
  const kept: ForeignMap['kept'][number][] = []
  for (const device of devices)
    for (const { field, context } of fieldsOf(device)) {
      const original = typeof field['name'] === 'string' ? field['name'] : 'a field without a name'
      const place = `${file}${lines(field)}`
      const made = readField(field, context)
      if (typeof made === 'string') skipped.push({ place, original, reason: made })
      else points.push({ place, original, ...made })
    }
  const [first] = devices as [Table]
  for (const [key, value] of Object.entries(first))
    if (!structure.has(key)) kept.push({ place: file, key, value: oneLine(JSON.stringify(value) ?? '', 120) })
  if (points.length === 0 && skipped.length === 0)
    return refuse(file, 'it reads no registers: there are no fields in it')
  const name = first['name']
  const connection = connectionOf(first)
  return {
    ...(typeof name === 'string' && name !== '' && { model: oneLine(name, 100) }),
    ...(connection && { connection }),
    points,
    skipped,
    kept,
    assumptions: [],
  }
}

const structure: ReadonlySet<string> = new Set(['name', 'request', 'metric', 'slave_id', ...Object.keys(functions)])

interface Context {
  readonly order?: unknown
  readonly register: unknown
  readonly unitId: unknown
  readonly tags: string
}

function fieldsOf(device: Table): { readonly field: Table; readonly context: Context }[] {
  const fields: { field: Table; context: Context }[] = []
  const own = device['slave_id']
  for (const key of ['coils', 'discrete_inputs', 'holding_registers', 'input_registers'])
    for (const field of listOf(device[key]))
      fields.push({ field: tableOf(field), context: { register: key, unitId: own, tags: '' } })
  for (const style of ['request', 'metric'])
    for (const request of listOf(device[style]).map(tableOf)) {
      const tags = Object.keys(tableOf(request['tags'])).length > 0 ? JSON.stringify(request['tags']) : ''
      const context = {
        order: request['byte_order'],
        register: request['register'] ?? 'holding',
        unitId: request['slave_id'] ?? own,
        tags,
      }
      for (const field of listOf(request['fields'])) fields.push({ field: tableOf(field), context })
    }
  return fields
}

function connectionOf(device: Table): PointMap['connection'] {
  const controller = typeof device['controller'] === 'string' ? device['controller'] : ''
  const port = Number(/^tcp:\/\/.*:(\d+)\/?$/.exec(controller)?.[1] ?? Number.NaN)
  const baud = Number(device['baud_rate'] ?? Number.NaN)
  const format = `${wordOf(device['data_bits'], '8')}${wordOf(device['parity'], 'N').charAt(0)}${wordOf(device['stop_bits'], '1')}`
  if (port > 0 && port < 65_536) return { tcp: { port } }
  return baud >= 300 && baud <= 1_000_000 && /^[78][NEO][12]$/.test(format) ? { rtu: { baud, format } } : undefined
}

function readField(
  field: Table,
  { order, register, unitId, tags }: Context,
): Pick<ForeignPoint, 'keys' | 'originalAddress' | 'unitId' | 'kept'> | string {
  if (field['omit'] === true) return 'the file itself leaves it out (omit)'
  const fn = functions[wordOf(field['register'] ?? register, '')]
  if (fn === undefined) return `"${oneLine(wordOf(field['register'] ?? register, ''))}" is not a kind of register`
  const addresses = listOf(field['address'])
  const address = addresses[0]
  if (typeof address !== 'number' || !Number.isInteger(address) || address < 0 || address > 65_535)
    return `its address ${oneLine(JSON.stringify(field['address']) ?? '""')} is no number from 0 to 65535`
  const keys = fn === 'coil' || fn === 'discrete' ? { type: 'bool' } : typeKeys(field, order, addresses)
  if (typeof keys === 'string') return keys
  const kept = Object.entries(field).flatMap(([key, value]) =>
    used.has(key) ? [] : [[key, oneLine(JSON.stringify(value) ?? '', 120)] as const],
  )
  if (tags !== '') kept.push(['tags', oneLine(tags, 120)])
  return {
    keys: { address, function: fn, ...keys },
    originalAddress: addresses.join(', '),
    ...(typeof unitId === 'number' && { unitId }),
    kept,
  }
}

function typeKeys(
  field: Table,
  order: unknown,
  addresses: readonly unknown[],
): Omit<MapPoint, 'address' | 'function'> | string {
  const named = wordOf(field['type'] ?? field['data_type'], 'none').toUpperCase()
  const scale = field['scale'] ?? 1
  if (typeof scale !== 'number' || scale === 0 || !Number.isFinite(scale)) return 'its scale is no number other than 0'
  if (named === 'STRING') {
    const length = Number(field['length'] ?? addresses.length)
    return Number.isInteger(length) && length >= 1 && length <= 125
      ? { type: `string:${length}` }
      : 'a text needs "length", the number of its registers'
  }
  if (named === 'BIT') {
    const bit = Number(field['bit'] ?? 0)
    return Number.isInteger(bit) && bit >= 0 && bit <= 15 ? { type: `bit:${bit}` } : 'its bit is no number from 0 to 15'
  }
  const half = /^(U?INT8)([HL])$/.exec(named)
  const type = half ? `${half[1]!.toLowerCase()}${half[2]!.toLowerCase()}` : named.toLowerCase().replace(/-ieee$/, '')
  if (!half && !/^(u?int(16|32|64)|float(32|64))$/.test(type))
    return `its type ${oneLine(named, 30)} has no counterpart here`
  const { words } = typeSpec(type)
  if (addresses.length > 1) {
    const follow = addresses.every((at, index) => at === (addresses[0] as number) + index)
    if (addresses.length !== words || !follow)
      return `${named} takes ${words} registers in a row, but the addresses are ${addresses.join(', ')}`
  }
  const text = wordOf(field['byte_order'] ?? order, 'ABCD')
  const found = orderOf(text)
  if (!found) return `the byte order "${oneLine(text, 20)}" has no counterpart here`
  return { type, ...fittingOrder(found, words), ...(scale !== 1 && { scale }) }
}

/** Line of each field, by its name and address: the parser does not tell. Takes the next one each time. */
function fieldLines(text: string): (field: Table) => string {
  const found = new Map<string, number[]>()
  const keyOf = (name: string, address: string) => `${name} ${address.replaceAll(/\s/g, '')}`
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trimStart().startsWith('#')) continue
    const name = /\bname\s*=\s*["']([^"']*)["']/.exec(line)?.[1]
    const address = /\baddress\s*=\s*(\[[^\]]*\]|\w+)/.exec(line)?.[1]
    if (name === undefined || address === undefined) continue
    const key = keyOf(name, address)
    found.set(key, [...(found.get(key) ?? []), index + 1])
  }
  return (field) => {
    const address = Array.isArray(field['address']) ? `[${field['address'].join(',')}]` : String(field['address'])
    const line = found.get(keyOf(String(field['name']), address))?.shift()
    return line === undefined ? '' : `:${line}`
  }
}
