import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'

/**
 * Register dumps with the values their sources expect, and a decoder of their own for the types these sources name: it
 * shares no code with the codec of the project.
 */

const folder = resolve(import.meta.dirname, '../../../../shared/data/registers')

/** Why there are no dumps, undefined when they are there. */
export const dumpsMissing = existsSync(folder) ? undefined : `${folder} is missing`

/** Every dump, the map that describes its device, and how many of its values are not derived by the source. */
export const subjects = [
  { file: 'givenergy-3ph-giv-3hy-11', map: 'givenergy/hybrid-3p', values: 25 },
  { file: 'givenergy-hv-bcu', map: 'givenergy/hv-bcu', values: 5 },
  { file: 'givenergy-hybrid-gen1-inverter', map: 'givenergy/hybrid-1p', values: 209 },
  { file: 'goodwe-GEH10_1U_10', map: 'goodwe/geh', values: 72 },
  { file: 'goodwe-GW10K_MS_TCP', map: 'goodwe/ms', values: 26 },
  { file: 'goodwe-GW20KAU_DT', map: 'goodwe/dt', values: 38 },
  { file: 'goodwe-GW20K_SDT_20', map: 'goodwe/dt', values: 43 },
  { file: 'goodwe-GW29K9_ET', map: 'goodwe/et-15-50', values: 209 },
  { file: 'goodwe-GW5000_MS', map: 'goodwe/ms', values: 29 },
  { file: 'goodwe-GW6000_DT', map: 'goodwe/dt', values: 35 },
  { file: 'goodwe-GW8K_DT', map: 'goodwe/dt', values: 37 },
  { file: 'sunspec-fixture-test_device_2', map: 'sunspec/inverter', values: 0 },
  { file: 'sunspec-fixture-test_inverter_1', map: 'sunspec/inverter', values: 43 },
  { file: 'sunspec-fixture-test_inverter_3', map: 'sunspec/inverter-multi-mppt', values: 154 },
] as const

const entry = z.object({
  name: z.string(),
  address: z.union([z.number(), z.array(z.string()), z.null()]),
  type: z.string(),
  scale: z.union([z.number(), z.string(), z.null()]),
  value: z.union([z.number(), z.string(), z.boolean(), z.null(), z.array(z.string())]),
  unit: z.string().nullish(),
  note: z.string().optional(),
})

const dump = z.object({
  unit_id: z.number(),
  registers: z.record(z.string(), z.array(z.number())),
  expected: z.array(entry),
  device_info_expected: z.record(z.string(), z.union([z.number(), z.string()])).default({}),
})

export type Space = 'holding' | 'input'

/** A value that the source of a dump reads from registers. */
export interface Fact {
  readonly source: 'goodwe' | 'givenergy' | 'sunspec'
  readonly name: string
  readonly type: string
  readonly space: Space
  readonly addresses: readonly number[]
  /** Power of ten of the source's scale; undefined when the registers of the device say it. */
  readonly power: number | undefined
  /** Name of the scale factor, of SunSpec. */
  readonly scaleName: string | undefined
  readonly unit: string
  readonly value: z.infer<typeof entry>['value']
}

export interface RegisterDump {
  readonly unit_id: number
  readonly registers: Readonly<Record<string, readonly number[]>>
  readonly facts: readonly Fact[]
  /** What the source says about the device itself. */
  readonly info: Readonly<Record<string, string | number>>
  word(space: Space, address: number): number | undefined
}

/** Reads a dump and those of its expected values that are neither derived by the source nor outside the dump. */
export function loadDump(file: string): RegisterDump {
  const content = JSON.parse(readFileSync(resolve(folder, `${file}.json`), 'utf8'))
  const { unit_id, registers, expected, device_info_expected: info } = dump.parse(content)
  const words = new Map<string, number>()
  for (const [key, block] of Object.entries(registers)) {
    const [, space = '', first = ''] = /^(?:(HR|IR):)?(\d+)$/.exec(key) ?? []
    for (const [index, word] of block.entries())
      for (const each of space === '' ? ['HR', 'IR'] : [space]) words.set(`${each}:${Number(first) + index}`, word)
  }
  const word = (space: Space, address: number) => words.get(`${space === 'holding' ? 'HR' : 'IR'}:${address}`)
  const facts = expected.flatMap((one): Fact[] => {
    if (one.note !== undefined || one.address === null) return []
    const fact = { ...factOf(one), source: sourceOf(file) }
    return fact.addresses.every((address) => word(fact.space, address) !== undefined) ? [fact] : []
  })
  return { unit_id, registers, facts, info, word }
}

function sourceOf(file: string): Fact['source'] {
  if (file.startsWith('goodwe')) return 'goodwe'
  return file.startsWith('givenergy') ? 'givenergy' : 'sunspec'
}

function factOf({ name, address, type, scale, value, unit }: z.infer<typeof entry>): Omit<Fact, 'source'> {
  const listed = Array.isArray(address)
  const first = listed ? (address[0] ?? '') : `HR:${address}`
  const start = Number(first.slice(3))
  return {
    name,
    // One source gives some numbers as hexadecimal text.
    type:
      /^uint(16|32)$/.test(type) && /^[0-9a-f]{4,8}$/.test(String(value)) && typeof value === 'string' ? 'hex' : type,
    space: first.startsWith('IR') ? 'input' : 'holding',
    addresses: listed
      ? address.map((text) => Number(text.slice(3)))
      : Array.from({ length: widthOf(type) }, (_, index) => start + index),
    power: typeof scale === 'string' ? undefined : Math.round(Math.log10(scale ?? 1)),
    scaleName: typeof scale === 'string' ? scale : undefined,
    unit: unit ?? unitByName(name),
    value,
  }
}

function widthOf(type: string): number {
  if (type === 'Timestamp') return 3
  if (type === 'string') return 8
  return ['u32', 's32', 'f32', 'EnumBitmap4', 'acc32', 'uint32', 'bitfield32'].includes(type) ? 2 : 1
}

/** One source names no units; its energies are kWh by the first letter. */
function unitByName(name: string): string {
  if (name.startsWith('e_')) return 'kWh'
  return name === 'work_time_total_hours' ? 'h' : ''
}

/** Second of two values that share a register byte by byte. */
const lowBytes = new Set(['battery_soc_min', 'discharge_soc', 'enable_inverter', 'num_phases'])

/** What the words say by the facts: a whole number before its scale, a float, a text, or nothing. */
export type Raw = { readonly whole: number } | { readonly float: number } | { readonly text: string } | undefined

/** Decodes words by the type of a fact. What the source takes as not available is undefined. */
export function readFact({ type, name, unit, source }: Fact, words: readonly number[]): Raw {
  const [first = 0, second = 0] = words
  const signed = (value: number, bits: number) => (value < 2 ** (bits - 1) ? value : value - 2 ** bits)
  const wide = first * 65_536 + second
  const unless = (absent: boolean, whole: number): Raw => (absent ? undefined : { whole })
  switch (type) {
    case 'u16':
      return unless(first === 65_535 || (unit === 'Hz' && first === 32_767), first)
    case 'u32':
      return unless(wide === 4_294_967_295, wide)
    case 's16':
      return unless(unit === 'C' && (first === 65_535 || first === 32_767), signed(first, 16))
    case 's32':
    case 'int32':
      return { whole: signed(wide, 32) }
    case 'uint32':
      return unless(source === 'sunspec' && wide === 4_294_967_295, wide)
    case 's8 (high byte)':
      return { whole: signed(Math.floor(first / 256), 8) }
    case 's8 (low byte)':
      return { whole: signed(first % 256, 8) }
    case 'f32':
      return float(first, second)
    case 'duint8':
      return { whole: lowBytes.has(name) ? first % 256 : Math.floor(first / 256) }
    case 'bool':
      return { whole: first === 0 ? 0 : 1 }
    case 'pf':
      return { whole: first - 10_000 }
    case 'hex':
      return { text: words.map((word) => word.toString(16).padStart(4, '0')).join('') }
    case 'Timestamp':
      return time(words.flatMap((word) => [Math.floor(word / 256), word % 256]))
    case 'datetime':
      return time(words)
    case 'serial':
    case 'string':
      return text(words)
    default:
      return source === 'sunspec' ? readSunspec(type, first, wide) : readPlain(type, first)
  }
}

function readPlain(type: string, first: number): Raw {
  if (type === 'uint16' || type === 'fstr') return { whole: first }
  if (type === 'int16') return { whole: first < 32_768 ? first : first - 65_536 }
  throw new Error(`the test does not know the type ${type}`)
}

/** Types with a value of their own for "not implemented". */
function readSunspec(type: string, first: number, wide: number): Raw {
  switch (type) {
    case 'uint16':
    case 'enum16':
      return first === 65_535 ? undefined : { whole: first }
    case 'int16':
    case 'sunssf':
      return first === 32_768 ? undefined : { whole: first < 32_768 ? first : first - 65_536 }
    case 'bitfield32':
      return wide === 4_294_967_295 ? undefined : { whole: wide }
    case 'acc32':
      return wide === 0 ? undefined : { whole: wide }
    default:
      throw new Error(`the test does not know the type ${type}`)
  }
}

function float(high: number, low: number): Raw {
  const sign = high >= 32_768 ? -1 : 1
  const exponent = Math.floor(high / 128) % 256
  const fraction = (high % 128) * 65_536 + low
  if (exponent === 255) return undefined
  const value = exponent === 0 ? fraction * 2 ** -149 : (fraction + 2 ** 23) * 2 ** (exponent - 150)
  return { float: value === 0 ? 0 : sign * value }
}

function time([year = 0, ...rest]: readonly number[]): Raw {
  if (year > 99) return undefined
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = rest
  const at = new Date(Date.UTC(2000 + year, month - 1, day, hour, minute, second))
  const same = [at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
  return same.every((part, index) => part === rest[index]) ? { text: at.toISOString().slice(0, 19) } : undefined
}

/** Printable ASCII up to the first zero; other bytes are not used in these tests. */
function text(words: readonly number[]): Raw {
  const bytes = words.flatMap((word) => [Math.floor(word / 256), word % 256])
  const end = bytes.indexOf(0)
  const read = String.fromCharCode(...(end === -1 ? bytes : bytes.slice(0, end))).trim()
  return read === '' ? undefined : { text: read }
}
