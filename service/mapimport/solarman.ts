import type { MapPoint } from '#contract/point-map.ts'
import type { RegisterFunction } from '../pointmap/types.ts'
import { multiply } from './decimal.ts'
import { consecutive, fromLowestFirst } from './registers.ts'
import { type ForeignMap, type ForeignPoint, isRefusal, refuse, type Skipped, type Understood } from './types.ts'
import { brief, entries, get, items, numberOf, readTree, textOf, type Tree } from './yaml-tree.ts'

const used: ReadonlySet<string> = new Set(['name', 'rule', 'registers', 'scale', 'offset', 'uom', 'lookup', 'code'])
const headKeys: ReadonlySet<string> = new Set(['parameters', 'default', 'requests', 'info'])

/** Definitions of ha-solarman and of the older Solarman integration, which differ in their head. */
export function readSolarman(text: string, file: string): Understood {
  const read = readTree(text, file)
  if (isRefusal(read)) return read
  const { tree } = read
  const groups = items(get(tree, 'parameters'))
  if (groups.length === 0) return refuse(file, 'the list "parameters" with the values is missing')
  const functionOf = functionsOf(tree)
  const points: ForeignPoint[] = []
  const skipped: Skipped[] = []
  for (const group of groups)
    for (const item of items(get(group, 'items'))) {
      const made = readItem(item, file, functionOf)
      if ('reason' in made) skipped.push(made)
      else points.push(made)
    }
  const info = get(tree, 'info')
  const maker = textOf(get(info, 'manufacturer'))
  const models = get(info, 'model')
  const model = models?.kind === 'list' ? textOf(models.items[0]) : textOf(models)
  const map: ForeignMap = {
    ...(maker && { maker }),
    ...(model && { model }),
    points,
    skipped,
    kept: entries(tree).flatMap(([key, value]) =>
      headKeys.has(key) && key !== 'default' ? [] : [{ place: `${file}:${value.line}`, key, value: brief(value) }],
    ),
    assumptions: [],
  }
  return map
}

const readFunctions: Readonly<Record<number, RegisterFunction>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' }

/** The function of an item: its own, that of the request around it, or the default of the file. */
function functionsOf(tree: Tree): (item: Tree, first: number) => RegisterFunction {
  const standard = readFunctions[numberOf(get(tree, 'default', 'code')) ?? 3] ?? 'holding'
  const requests = items(get(tree, 'requests')).flatMap((request) => {
    const start = numberOf(get(request, 'start'))
    const end = numberOf(get(request, 'end'))
    const fn = readFunctions[numberOf(get(request, 'mb_functioncode')) ?? 3]
    return start === undefined || end === undefined || fn === undefined ? [] : [{ start, end, fn }]
  })
  return (item, first) => {
    const own = numberOf(get(item, 'code')) ?? numberOf(get(item, 'code', 'read'))
    const around = requests.find(({ start, end }) => first >= start && first <= end)
    return (own === undefined ? around?.fn : readFunctions[own]) ?? standard
  }
}

function readItem(
  item: Tree,
  file: string,
  functionOf: (item: Tree, first: number) => RegisterFunction,
): ForeignPoint | Skipped {
  const original = textOf(get(item, 'name')) ?? textOf(get(item, 'platform')) ?? 'an entry without a name'
  const place = `${file}:${item.line}`
  const skip = (reason: string): Skipped => ({ place, original, reason })
  if (get(item, 'sensors')) return skip('is computed from several registers; nothing of a file is evaluated')
  if (get(item, 'registers') === undefined) return skip('names no registers')
  const nested = items(get(item, 'registers')).some((entry) => entry.kind === 'list')
  const list = nested ? items(items(get(item, 'registers'))[0]) : items(get(item, 'registers'))
  if (nested && list.length === 0) return skip('only other variants of the device have it')
  const registers = list.map((entry) => numberOf(entry) ?? Number.NaN)
  if (registers.length === 0) return skip('names no registers')
  if (registers.some((register) => !Number.isInteger(register) || register < 0 || register > 65_535))
    return skip('one of its registers is no number from 0 to 65535')
  for (const key of ['mask', 'magnitude', 'divide', 'multiply', 'inverted'] as const) {
    const value = get(item, key)
    if (value && textOf(value) !== 'false' && textOf(value) !== 'False')
      return skip(`its "${key}" has no counterpart here`)
  }
  const scale = get(item, 'scale') === undefined ? 1 : numberOf(get(item, 'scale'))
  if (scale === undefined || scale === 0) return skip('its scale is no single number other than 0')
  const offset = get(item, 'offset') === undefined ? 0 : numberOf(get(item, 'offset'))
  if (offset === undefined) return skip('its offset is no number')
  const keys = keysOf(item, registers, { scale, offset })
  if (typeof keys === 'string') return skip(keys)
  const unit = textOf(get(item, 'uom'))
  const kept = entries(item).flatMap(([key, value]) => (used.has(key) ? [] : [[key, brief(value)] as const]))
  if (nested) kept.push(['registers', brief(get(item, 'registers')!)])
  return {
    place,
    original,
    originalAddress: list.map((entry) => textOf(entry) ?? '').join(', '),
    keys: { ...keys, function: functionOf(item, registers[0]!) },
    ...(unit && { unit }),
    kept,
  }
}

const bitsOf = (registers: readonly number[]) => registers.length * 16

/** Rules 1 to 4 are numbers whose lowest word is listed first, 5 a text, 8 a date. */
function keysOf(
  item: Tree,
  registers: readonly number[],
  { scale, offset }: { scale: number; offset: number },
): Omit<MapPoint, 'function'> | string {
  const rule = numberOf(get(item, 'rule'))
  if (rule === 5 || rule === 8) {
    const address = consecutive(registers)
    if (address === undefined) return 'its text is in registers that do not follow one another'
    if (rule === 5) return { address, type: `string:${registers.length}` }
    return registers.length === 3 || registers.length === 6
      ? { address, type: registers.length === 3 ? 'date-time' : 'date-time:6' }
      : 'its date has another form than here'
  }
  if (rule === undefined || rule < 1 || rule > 4)
    return `rule ${rule ?? 'none'} (bits, versions, times of day) has no counterpart here`
  if (registers.length > 4) return 'a number takes at most 4 registers'
  const place = fromLowestFirst(registers)
  if (!place) return 'its registers stand in no order that a map can say'
  const lookup = get(item, 'lookup')
  if (lookup) {
    const words = wordsOf(lookup, registers.length)
    if (words) return { ...place, ...words }
  }
  const signed = rule === 2 || rule === 4
  return {
    ...place,
    type: `${signed ? 'int' : 'uint'}${bitsOf(registers)}`,
    ...(scale !== 1 && { scale }),
    // There (raw - offset) * scale.
    ...(offset !== 0 && { offset: multiply(-offset, scale) }),
  }
}

/** Words for numbers, or for bits, where all of them are plain. */
function wordsOf(lookup: Tree, count: number): Pick<MapPoint, 'type' | 'values' | 'bits'> | undefined {
  const values: Record<string, string> = {}
  const bits: Record<string, string> = {}
  for (const entry of items(lookup)) {
    const word = (textOf(get(entry, 'value')) ?? '').slice(0, 64)
    if (word === '') continue
    const bit = get(entry, 'bit')
    for (const number of bit ? numbersOf(bit) : numbersOf(get(entry, 'key')))
      if (bit?.kind === 'scalar' && number < count * 16) bits[String(number)] ??= word
      else if (!bit) values[String(number)] ??= word
  }
  if (Object.keys(bits).length > 0 && [1, 2, 4].includes(count)) return { type: `flags${count * 16}`, bits }
  if (Object.keys(values).length === 0 || count > 2) return undefined
  const fitting = Object.fromEntries(Object.entries(values).filter(([key]) => Number(key) < 2 ** (count * 16)))
  return { type: `enum${count * 16}`, values: fitting }
}

function numbersOf(tree: Tree | undefined): number[] {
  const all = tree?.kind === 'list' ? tree.items.map(numberOf) : [numberOf(tree)]
  return all.filter((number) => number !== undefined && Number.isInteger(number) && number >= 0) as number[]
}
