import { metrics } from '#contract/metrics-table.ts'
import { parsePointName } from '#contract/metrics.ts'
import { unitFactor } from '../pointmap/units.ts'

/**
 * Names for foreign values. A name of the common vocabulary is given only when every word of the foreign name is
 * understood and the unit fits; anything else becomes a vendor point, which nothing but people uses.
 */

type Role = 'subsystem' | 'metric' | 'direction' | 'time' | 'noise'
type Meaning = readonly [role: Role, value: string]

const words: Readonly<Record<string, Meaning>> = {
  battery: ['subsystem', 'battery'],
  batt: ['subsystem', 'battery'],
  bat: ['subsystem', 'battery'],
  bms: ['subsystem', 'battery'],
  pv: ['subsystem', 'pv'],
  solar: ['subsystem', 'pv'],
  mppt: ['subsystem', 'mppt'],
  string: ['subsystem', 'string'],
  grid: ['subsystem', 'grid'],
  mains: ['subsystem', 'grid'],
  meter: ['subsystem', 'meter'],
  load: ['subsystem', 'load'],
  house: ['subsystem', 'load'],
  backup: ['subsystem', 'backup'],
  eps: ['subsystem', 'backup'],
  ups: ['subsystem', 'backup'],
  generator: ['subsystem', 'generator'],
  inverter: ['subsystem', 'inverter'],
  room: ['subsystem', 'room'],
  ambient: ['subsystem', 'ambient'],
  heatsink: ['subsystem', 'heatsink'],
  voltage: ['metric', 'voltage'],
  volt: ['metric', 'voltage'],
  volts: ['metric', 'voltage'],
  current: ['metric', 'current'],
  curr: ['metric', 'current'],
  power: ['metric', 'power'],
  watt: ['metric', 'power'],
  watts: ['metric', 'power'],
  wattage: ['metric', 'power'],
  energy: ['metric', 'energy'],
  kwh: ['metric', 'energy'],
  production: ['metric', 'energy'],
  generation: ['metric', 'energy'],
  yield: ['metric', 'energy'],
  frequency: ['metric', 'frequency'],
  freq: ['metric', 'frequency'],
  temperature: ['metric', 'temperature'],
  temp: ['metric', 'temperature'],
  soc: ['metric', 'soc'],
  soh: ['metric', 'soh'],
  factor: ['metric', 'factor'],
  humidity: ['metric', 'humidity'],
  cycles: ['metric', 'cycles'],
  serial: ['metric', 'serial'],
  import: ['direction', 'import'],
  imported: ['direction', 'import'],
  buy: ['direction', 'import'],
  bought: ['direction', 'import'],
  purchased: ['direction', 'import'],
  export: ['direction', 'export'],
  exported: ['direction', 'export'],
  sell: ['direction', 'export'],
  sold: ['direction', 'export'],
  feedin: ['direction', 'export'],
  charge: ['direction', 'charge'],
  charged: ['direction', 'charge'],
  charging: ['direction', 'charge'],
  discharge: ['direction', 'discharge'],
  discharged: ['direction', 'discharge'],
  discharging: ['direction', 'discharge'],
  today: ['time', 'today'],
  daily: ['time', 'today'],
  day: ['time', 'today'],
  reactive: ['metric', 'reactive'],
  apparent: ['metric', 'apparent'],
  total: ['noise', 'total'],
  lifetime: ['noise', 'total'],
  cumulative: ['noise', 'total'],
  accumulated: ['noise', 'total'],
  active: ['noise', ''],
  real: ['noise', ''],
  instantaneous: ['noise', ''],
  the: ['noise', ''],
  of: ['noise', ''],
  value: ['noise', ''],
  input: ['noise', 'input'],
  number: ['noise', 'number'],
  sn: ['metric', 'serial'],
}

const phaseWords: Readonly<Record<string, string>> = {
  l1: 'l1',
  l2: 'l2',
  l3: 'l3',
  'phase a': 'l1',
  'phase b': 'l2',
  'phase c': 'l3',
  'phase 1': 'l1',
  'phase 2': 'l2',
  'phase 3': 'l3',
  'phase l1': 'l1',
  'phase l2': 'l2',
  'phase l3': 'l3',
  'phase r': 'l1',
  'phase s': 'l2',
  'phase t': 'l3',
  'a phase': 'l1',
  'b phase': 'l2',
  'c phase': 'l3',
  'r phase': 'l1',
  's phase': 'l2',
  't phase': 'l3',
  'a b': 'l12',
  'b c': 'l23',
  'c a': 'l31',
  'l1 l2': 'l12',
  'l2 l3': 'l23',
  'l3 l1': 'l31',
}

/** "PV1Voltage" and "pv_1-voltage" as the same words. */
function wordsOf(text: string): string[] {
  return text
    .normalize('NFKD')
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .replaceAll(/(?<=[a-zA-Z]{2})(?=\d)/g, ' ')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, ' ')
    .trim()
    .split(' ')
    .filter((word) => word !== '')
}

interface Read {
  readonly subsystems: string[]
  readonly metric: Set<string>
  direction?: string
  time?: string
  phase?: string
  noise: Set<string>
}

/** The name in the vocabulary, or undefined when any word or the unit does not fit. */
function commonName(text: string, unit: string | undefined): string | undefined {
  const parts = wordsOf(text.replaceAll(/\([^)]*\)/g, ' '))
  if (parts.length === 0 || parts.length > 8) return undefined
  const read: Read = { subsystems: [], metric: new Set(), noise: new Set() }
  for (let at = 0; at < parts.length; at += 1) {
    const pair = phaseWords[`${parts[at]} ${parts[at + 1]}`]
    const phase = pair ?? phaseWords[parts[at]!]
    if (phase !== undefined) {
      if (read.phase !== undefined) return undefined
      read.phase = phase
      if (pair !== undefined) at += 1
      continue
    }
    const meaning = Object.hasOwn(words, parts[at]!) ? words[parts[at]!] : undefined
    if (!meaning) return undefined
    const [role, value] = meaning
    if (role === 'subsystem') {
      const index = /^[1-9]\d?$/.test(parts[at + 1] ?? '') ? Number(parts[++at]) : undefined
      read.subsystems.push(index === undefined ? value : `${value}.${index}`)
    } else if (role === 'direction' || role === 'time') {
      if (read[role] !== undefined) return undefined
      read[role] = value
    } else if (role === 'metric') read.metric.add(value)
    else read.noise.add(value)
  }
  const metric = metricOf(read, unit)
  if (metric === undefined || read.subsystems.length > 1) return undefined
  return [...read.subsystems, metric, ...(read.phase === undefined ? [] : [read.phase])].join('.')
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

const plain: Readonly<Record<string, string>> = {
  voltage: 'voltageV',
  current: 'currentA',
  frequency: 'frequencyHz',
  temperature: 'temperatureC',
  soc: 'socPercent',
  soh: 'sohPercent',
  'factor power': 'powerFactor',
  'power reactive': 'reactivePowerVar',
  reactive: 'reactivePowerVar',
  'apparent power': 'apparentPowerVa',
  apparent: 'apparentPowerVa',
  humidity: 'humidityPercent',
  cycles: 'cycles',
  serial: 'serial',
}

function metricOf({ metric, direction, time, noise, subsystems }: Read, unit: string | undefined): string | undefined {
  if (noise.has('input') && !subsystems.some((name) => /^(pv|mppt|string)/.test(name))) return undefined
  const set = [...metric].toSorted().join(' ')
  if (set === '' && unit === '%' && direction === undefined && subsystems[0]?.startsWith('battery')) return 'socPercent'
  const counts = unit !== undefined && /^[kMG]?Wh$/.test(unit)
  if ((set === 'energy' || set === '' || set === 'energy power') && counts) {
    const energyOf = direction === undefined ? 'energy' : `energy${capital(direction)}`
    return `${energyOf}${time === undefined ? '' : 'Today'}Wh`
  }
  if (time !== undefined || set === 'energy') return undefined
  if (set === 'power') return direction === undefined ? 'powerW' : `power${capital(direction)}W`
  if (direction !== undefined) return undefined
  if (noise.has('number') && set !== 'serial') return undefined
  return plain[set]
}

/** Whether a name means something and the unit and type of the value can be what it says. */
export function fits(name: string, unit: string | undefined, kind: 'number' | 'text' | 'word' | 'flags'): boolean {
  const parsed = name.length <= 60 ? parsePointName(name) : undefined
  if (!parsed) return false
  if (parsed.vendorName !== undefined) return true
  const { type } = parsed.metric
  if (type === 'number') {
    if (kind !== 'number') return false
    if (parsed.metric.unit === '') return unit === undefined
    return unit !== undefined && unitFactor(parsed.metric, unit) !== undefined
  }
  if (unit !== undefined) return false
  return type === 'text' || (type === 'enum' && kind !== 'flags') || (type === 'flags' && kind === 'flags')
}

/** Unit of the common quantity that a name says, such as kWh values being energies. */
export const unitOfName = (name: string): string | undefined => parsePointName(name)?.metric.unit

/** `vendor.` and the words of the foreign name. */
export function vendorName(text: string): string {
  const parts = wordsOf(text).map((word, index) => (index === 0 ? word : capital(word)))
  const joined = parts.join('').slice(0, 40)
  const start = /^[a-z]/.test(joined) ? joined : `x${capital(joined)}`
  return `vendor.${start.length < 2 ? `${start}Value` : start}`
}

/** The best name for a value: that of the dialect, a common one, or a vendor's. */
export function nameFor(
  value: { readonly original: string; readonly wanted?: string | undefined; readonly within?: string | undefined },
  unit: string | undefined,
  kind: 'number' | 'text' | 'word' | 'flags',
): string {
  const placed = (name: string) =>
    value.within === undefined || name.startsWith('vendor.') ? name : `${value.within}.${name}`
  if (value.wanted !== undefined && fits(placed(value.wanted), unit, kind)) return placed(value.wanted)
  // A table of ours, or of somebody who knows our names.
  if (value.wanted === undefined && value.original.includes('.') && fits(value.original, unit, kind))
    return value.original
  const exact = parsePointName(value.original)?.metricName !== undefined && fits(value.original, unit, kind)
  const common = value.wanted === undefined ? (exact ? value.original : commonName(value.original, unit)) : undefined
  if (common !== undefined && fits(common, unit, kind)) return common
  const base = value.wanted === undefined ? value.original : `${value.within ?? ''} ${value.original}`
  return vendorName(base)
}

/** Metrics whose sign is a convention and not in the number itself. */
export function isSigned(name: string): boolean {
  const found = parsePointName(name)
  if (found?.metricName === undefined) return false
  const first = found.parts[0]?.subsystem
  return (
    ['powerW', 'currentA', 'reactivePowerVar'].includes(found.metricName) &&
    first !== 'pv' &&
    first !== 'load' &&
    metrics[found.metricName].type === 'number'
  )
}

/** What all names of a file end with, such as "inv 1" for the first of two inverters, says nothing about one of them. */
export function withoutShared(entries: readonly { readonly original: string }[]): (original: string) => string {
  const lists = entries.map(({ original }) => original.trim().split(/\s+/))
  if (lists.length < 6) return (original) => original
  let shared = 0
  const [first = []] = lists
  while (shared < 3) {
    const word = first.at(-1 - shared)
    if (word === undefined || !lists.every((list) => list.length > shared + 1 && list.at(-1 - shared) === word)) break
    shared += 1
  }
  return (original) => (shared === 0 ? original : original.trim().split(/\s+/).slice(0, -shared).join(' '))
}
