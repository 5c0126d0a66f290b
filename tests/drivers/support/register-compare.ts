import type { ResolvedMap, ResolvedPoint, SunspecLayout } from '../../../service/pointmap/types.ts'
import { type Fact, type Raw, type RegisterDump, readFact } from './register-facts.ts'

/** Powers that the sources count as positive when fed in, and the maps when taken. */
const turned = /^(active_power([123]|_total)?|meter_active_power([123]|_total)|p_grid_out|p_meter_active_ac[123])$/

/** Whether the source says in words what is in the registers. */
export function isLabel({ type, name, value }: Fact): boolean {
  if (type === 'timeslot' || type === 'datetime') return false
  return type.startsWith('Enum') || name.endsWith('_label') || Array.isArray(value) || String(value).startsWith('<')
}

/** Values made of several points, and scale factors, which are no points of their own. */
export const isCompound = ({ type }: Fact) => ['timeslot', 'firmware_version', 'sunssf'].includes(type)

/** The point of a map that reads the registers of a fact; of a register with two, the one of the same half. */
export function pointFor(fact: Fact, map: ResolvedMap): ResolvedPoint | undefined {
  const wanted = fact.addresses.join()
  if (isSplit(fact))
    return map.points.find(({ addresses, type }) => type === 'flags32' && addresses[0] === fact.addresses[0])
  const candidates = map.points.filter(
    (point) =>
      point.function === fact.space && point.addresses.join() === wanted && halfOf(point.type) === halfOf(fact),
  )
  const hex = (point: ResolvedPoint) => point.type.startsWith('bytes')
  if (fact.type === 'hex' && !isLabel(fact)) return candidates.find(hex)
  return (
    candidates.find((point) => !hex(point) && isLabel(fact) === Boolean(point.values ?? point.bits)) ??
    candidates.find((point) => !hex(point)) ??
    candidates[0]
  )
}

/** Two registers apart; the fact names only the high one. */
const isSplit = ({ type }: Fact) => type === 'EnumBitmap22'

const lowBytes = new Set(['battery_soc_min', 'discharge_soc', 'enable_inverter', 'num_phases'])

function halfOf(of: string | Fact): 'high' | 'low' | 'whole' {
  if (typeof of === 'string') return /^u?int8h$/.test(of) ? 'high' : /^u?int8l$/.test(of) ? 'low' : 'whole'
  if (of.type === 'duint8') return lowBytes.has(of.name) ? 'low' : 'high'
  if (/high byte|EnumH/.test(of.type)) return 'high'
  return /low byte|EnumL/.test(of.type) ? 'low' : 'whole'
}

/** The reading that raw words should give at this point, by the facts; undefined for not available or implausible. */
export function ourValue(
  fact: Fact,
  raw: Raw,
  point: ResolvedPoint,
  power = fact.power,
): number | string | string[] | undefined {
  if (raw === undefined) return undefined
  if ('text' in raw) return raw.text
  if ('float' in raw) return plausible(raw.float, point)
  const { whole } = raw
  if (point.type.startsWith('flags')) return bitsOf(whole, point)
  if (point.values) return point.values[String(whole)] ?? String(whole)
  if (power === undefined) return undefined
  const [factor, shift] = conversion(fact, point)
  // Adding 0 makes 0 of -0.
  const value = Number(`${whole * factor}e${power + shift}`) + 0
  return point.asText ? String(value) : plausible(value, point)
}

/** What brings a number of the source to the unit and the sign of the point: a factor and a power of ten. */
function conversion({ name, type, unit }: Fact, point: ResolvedPoint): readonly [number, number] {
  const sign = turned.test(name) ? -1 : 1
  if (type === 'pf') return [1, -4]
  if (unit === 'kWh' && point.unit === 'Wh') return [1, 3]
  if (unit === 'h' && point.unit === 's') return [3600, 0]
  if (unit === 'Pct' && point.unit === '') return [1, -2]
  return [sign, 0]
}

function plausible(value: number, { range }: ResolvedPoint): number | undefined {
  if (!range) return value
  const slack = (range[1] - range[0]) * 1e-6
  return value < range[0] - slack || value > range[1] + slack ? undefined : value
}

function bitsOf(whole: number, { bits }: ResolvedPoint): string[] {
  const set: string[] = []
  for (let bit = 0, rest = whole; rest > 0; bit++, rest = Math.floor(rest / 2))
    if (rest % 2 === 1) set.push(bits?.[String(bit)] ?? `bit ${bit}`)
  return set
}

export const wordsOf = (dump: Pick<RegisterDump, 'word'>, { space, addresses }: Fact): number[] =>
  addresses.map((address) => dump.word(space, address) ?? 0)

/** The power of ten of a fact: its own, or the scale factor of that name in the same SunSpec model. */
export function powerOf(
  fact: Fact,
  facts: readonly Fact[],
  layout: SunspecLayout | undefined,
  dump: Pick<RegisterDump, 'word'>,
): number | undefined {
  if (fact.scaleName === undefined) return fact.power
  const inside = ({ addresses: [at = 0] }: Fact, model: { address: number; length: number }) =>
    at >= model.address && at < model.address + model.length
  const model = layout?.models.find((one) => inside(fact, one))
  const factor = facts.find((one) => model && one.name === fact.scaleName && inside(one, model))
  const raw = factor && readFact(factor, wordsOf(dump, factor))
  return raw && 'whole' in raw && Math.abs(raw.whole) <= 10 ? raw.whole : undefined
}

interface Seen {
  readonly value?: unknown
}

/**
 * Holds one expected value of a dump against what was read. Returns what is wrong, or undefined. It also checks that the
 * decoder of these tests agrees with the source.
 */
export function problemWith(
  fact: Fact,
  dump: RegisterDump,
  map: ResolvedMap,
  readings: ReadonlyMap<string, Seen>,
  layout?: SunspecLayout,
): string | undefined {
  const valueAt = (point: ResolvedPoint | undefined) => point && readings.get(point.name)?.value
  if (isCompound(fact)) return compoundProblem(fact, map, valueAt)
  const point = pointFor(fact, map)
  if (!point) return `${fact.name}: no point reads ${fact.space} ${fact.addresses.join(', ')}`
  const value = valueAt(point)
  if (isSplit(fact)) {
    // What the source says is of no use: it shifts by "16 + low word" where it means to add the low word.
    const [high = 0, low = 0] = point.addresses.map((address) => dump.word(fact.space, address))
    const flags = bitsOf(high * 65_536 + low, point)
    return sameReading(value, flags, undefined)
      ? undefined
      : `${point.name} says ${String(value)}, not ${flags.join(', ')}`
  }
  if (isLabel(fact))
    return sameLabel(fact, value) ? undefined : `${point.name} says ${String(value)}, not ${String(fact.value)}`
  const raw = readFact(fact, wordsOf(dump, fact))
  if (!sourceAgrees(fact, raw)) return `${fact.name}: the test reads ${JSON.stringify(raw)}, not ${String(fact.value)}`
  const ours = ourValue(fact, raw, point, powerOf(fact, dump.facts, layout, dump))
  return sameReading(value, ours, raw) ? undefined : `${point.name} reads ${String(value)}, not ${String(ours)}`
}

/** A float is the same when it is the same 32-bit number, however many digits it is shown with. */
export function sameReading(value: unknown, wanted: unknown, raw: Raw): boolean {
  if (raw && 'float' in raw && typeof value === 'number' && typeof wanted === 'number')
    return Math.fround(value) === wanted
  return JSON.stringify(value) === JSON.stringify(wanted)
}

function compoundProblem(
  { name, type, space, addresses, value }: Fact,
  map: ResolvedMap,
  valueAt: (point: ResolvedPoint) => unknown,
): string | undefined {
  if (type === 'sunssf') {
    const scaled = map.points.filter(({ scaleFactorAddress }) => scaleFactorAddress === addresses[0])
    return scaled.some((point) => valueAt(point) !== undefined) ? undefined : `${name}: nothing is scaled with it`
  }
  const parts = addresses.map((address) => {
    const point = map.points.find((one) => one.function === space && one.addresses.join() === String(address))
    return point && Number(valueAt(point))
  })
  const wanted =
    type === 'firmware_version'
      ? String(value)
          .match(/\d+(?=-|$)/g)
          ?.map(Number)
      : timesOf(String(value))
  return parts.join() === wanted?.join() ? undefined : `${name} reads ${parts.join()}, not ${String(value)}`
}

/** Both forms of a slot as hhmm numbers: from_repr(30, 430), and TimeSlot(datetime.time(0, 30), datetime.time(4, 30)). */
function timesOf(text: string): number[] {
  const times = [...text.matchAll(/time\((\d+), (\d+)\)/g)].map(
    ([, hour, minute]) => Number(hour) * 100 + Number(minute),
  )
  return times.length > 0 ? times : [...text.matchAll(/\d+/g)].map(([digits]) => Number(digits))
}

function sourceAgrees({ value, type, power, source }: Fact, raw: Raw): boolean {
  // SunSpec facts are raw, so 65535 stands where nothing is available.
  if (raw === undefined) return value === null || (source === 'sunspec' && value === 65_535)
  if ('text' in raw) return type === 'datetime' ? raw.text === timeOf(String(value)) : raw.text === value
  if ('float' in raw) return Math.abs(raw.float * 10 ** (power ?? 0) - Number(value)) < 1e-3
  const scale = source === 'sunspec' ? 0 : type === 'pf' ? -4 : (power ?? 0)
  return Number(`${raw.whole}e${scale}`) === Number(value)
}

function timeOf(text: string): string {
  const [year, month, day, hour, minute, second] = [...text.matchAll(/\d+/g)].map(([digits]) => digits.padStart(2, '0'))
  return `${year}-${month}-${day}T${hour}:${minute}:${second}`
}

/** Letters and digits only, small: how words of two sources are compared. */
const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

function sameLabel({ value: wanted }: Fact, value: unknown): boolean {
  const ours = Array.isArray(value) ? value.join(', ') : String(value)
  const [, member] = /^<\w+\.(\w+)>$/.exec(String(wanted)) ?? []
  // The source takes "not available" for no flag at all.
  if (value === undefined) return wanted === ''
  if (member === undefined) return ours === (Array.isArray(wanted) ? wanted.join(', ') : wanted)
  // Members of an enumeration: SELF_CONSUMPTION is "Self-consumption", PF_1 "Power factor 1", HYBRID "Hybrid 5 kW".
  return plain(ours).startsWith(plain(member.replace(/^PF_/, 'power factor ')))
}
