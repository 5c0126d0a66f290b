import type { MapExportResult } from '#contract/map-import.ts'
import { typeSpec } from '../pointmap/point-types.ts'
import type { EffectiveMap } from '../pointmap/types.ts'
import type { Exported } from './export-map.ts'
import { oneLine } from './types.ts'

type Left = MapExportResult['left'][number]

/** Before the name of a point in `unique_id`, so that an import finds it again. */
export const uniqueIdMark = 'r-ems '

const classes: Readonly<Record<string, string>> = {
  W: 'power',
  kW: 'power',
  V: 'voltage',
  A: 'current',
  Hz: 'frequency',
  Wh: 'energy',
  kWh: 'energy',
  '°C': 'temperature',
}

/** The `modbus:` part of a configuration of Home Assistant. */
export function homeAssistantText(map: EffectiveMap, points: readonly Exported[], left: Left[]): string {
  const sensors: string[] = []
  const binary: string[] = []
  for (const entry of points) {
    const bits = entry.function === 'coil' || entry.function === 'discrete'
    const lines = bits ? bitLines(entry) : sensorLines(entry)
    if (typeof lines === 'string') left.push({ point: entry.name, reason: lines })
    else if (bits) binary.push(itemText(lines))
    else {
      sensors.push(itemText(lines))
      if (entry.point.values) left.push({ point: entry.name, reason: 'is exported as a number, without its words' })
    }
  }
  const { tcp, rtu, unitId } = map.connection ?? {}
  const head = [`modbus:\n  - name: ${quoted(`${map.maker} ${map.model}`)}\n`]
  if (rtu && !tcp) {
    const [size, parity, stop] = rtu.format
    head.push(
      `    type: serial\n    port: /dev/ttyUSB0\n    baudrate: ${rtu.baud}\n    bytesize: ${size}\n    parity: ${parity}\n    stopbits: ${stop}\n    method: rtu\n`,
    )
  } else head.push(`    type: tcp\n    host: "address of the device"\n    port: ${tcp?.port ?? 502}\n`)
  if (map.quirks?.requestGapMs) head.push(`    message_wait_milliseconds: ${map.quirks.requestGapMs}\n`)
  const unit = `        device_address: ${unitId ?? 1}\n`
  const list = (name: string, items: readonly string[]) =>
    items.length === 0 ? '' : `    ${name}:\n${items.map((item) => `${item}${unit}`).join('')}`
  return `${head.join('')}${list('sensors', sensors)}${list('binary_sensors', binary)}`
}

type Lines = readonly (readonly [key: string, value: string | number])[]

const itemText = (lines: Lines): string =>
  lines.map(([key, value], index) => `      ${index === 0 ? '-' : ' '} ${key}: ${value}\n`).join('')

const quoted = (text: string): string => JSON.stringify(oneLine(text, 120))

const named = ({ name, title, address }: Exported): Lines => [
  ['name', quoted(title)],
  ['unique_id', quoted(`${uniqueIdMark}${name}`)],
  ['address', address],
]

function bitLines(entry: Exported): Lines | string {
  return [...named(entry), ['input_type', entry.function === 'coil' ? 'coil' : 'discrete_input']]
}

function sensorLines(entry: Exported): Lines | string {
  const { type, point } = entry
  const spec = typeSpec(type)
  const swap = swapOf(entry, spec.words)
  if (spec.kind === 'string')
    return [...named(entry), ['input_type', entry.function], ['data_type', 'string'], ['count', spec.words], ...swap]
  const dataType = { enum16: 'uint16', enum32: 'uint32' }[type] ?? type
  if (!/^(u?int(16|32|64)|float(32|64))$/.test(dataType)) return `Home Assistant has no data type for ${type}`
  const [first, ...more] = point.sentinels ?? []
  if (more.length > 0 || typeof first === 'string' || point.typeSentinels)
    return 'has values that mean "not available" which Home Assistant cannot be told'
  return [
    ...named(entry),
    ['input_type', entry.function],
    ['data_type', dataType],
    ...swap,
    ['scale', point.scale ?? 1],
    ['offset', point.offset ?? 0],
    ['precision', decimals(point.scale ?? 1)],
    ...(first === undefined ? [] : [['nan_value', first] as const]),
    ...(entry.unit === '' ? [] : [['unit_of_measurement', quoted(entry.unit)] as const]),
    ...(classes[entry.unit] ? [['device_class', classes[entry.unit]!] as const] : []),
  ]
}

function swapOf({ wordOrder, byteOrder }: Exported, words: number): Lines {
  const word = wordOrder === 'little' && words > 1
  const swap = byteOrder === 'little' ? (word ? 'word_byte' : 'byte') : word ? 'word' : undefined
  return swap === undefined ? [] : [['swap', swap]]
}

/** Digits behind the point that a scale leads to. */
const decimals = (scale: number): number => Math.min(6, /\.(\d+)$/.exec(String(Math.abs(scale)))?.[1]?.length ?? 0)
