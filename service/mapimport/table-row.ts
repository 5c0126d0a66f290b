import type { ImportColumn } from '#contract/map-import.ts'
import type { MapPoint } from '#contract/point-map.ts'
import { typeSpec } from '../pointmap/point-types.ts'
import { toWire } from './base.ts'
import { isFormula, readNumber, readSentinels, readType, readWords } from './cells.ts'
import { multiply } from './decimal.ts'
import { fittingOrder, orderOf } from './registers.ts'
import type { TablePlan, TableRow } from './table-types.ts'
import { type Assumption, type ForeignPoint, oneLine, type Skipped } from './types.ts'
import { readUnit } from './units.ts'

interface RowResult {
  readonly point: ForeignPoint
  /** Its type is not in the table. */
  readonly guessedType: boolean
  /** Name of another row that it is multiplied by. */
  readonly multiplyBy?: string
}

const cellOf = (row: TableRow, plan: TablePlan, column: ImportColumn): string =>
  row.cells[plan.columns[column] ?? -1] ?? ''

/** One row as a value, or why it is none. */
export function rowPoint(row: TableRow, plan: TablePlan, dividing: ReadonlySet<number>): RowResult | Skipped {
  const place = `${plan.file}:${row.number}`
  const names = plan.names.map((index) => row.cells[index] ?? '').filter((cell) => cell !== '')
  const original = oneLine(names[0] ?? '', 120) || `Register ${row.address.first}`
  const skip = (reason: string): Skipped => ({ place, original, reason })
  if (names.some(isFormula) && names.length === 1) return skip('its name is a formula; formulas are not evaluated')
  if (/^(wo|write[ -]?only)$/i.test(cellOf(row, plan, 'access')))
    return skip('can only be written; a command needs limits, which this file does not have')
  if (/^(reserved?|-+|\/|spare|unused|free)\b/i.test(original) && row.address.last === row.address.first)
    return skip('is reserved')
  const wire = toWire(row.address.first, row.address.marked, plan.base)
  if (typeof wire === 'string') return skip(wire)
  const fn = wire.function ?? row.function ?? plan.standard
  if (wire.function && row.function && wire.function !== row.function)
    return skip(`its address says ${wire.function}, its row ${row.function}`)
  const typed = fn === 'coil' || fn === 'discrete' ? { type: 'bool' } : typeOf(row, plan)
  if (typeof typed === 'string') return skip(typed)
  const scaling = scalingOf(row, plan, dividing)
  if (typeof scaling === 'string') return skip(scaling)
  const { words, numeric } = typeSpec(typed.type ?? 'uint16')
  if (wire.address + words > 65_536) return skip(`${typed.type} at ${wire.address} runs past 65535`)
  const found = typed.type?.startsWith('string') ? undefined : readWords(cellOf(row, plan, 'values'))
  const asWords = /^u?int16$|^uint32$/.test(typed.type ?? '') && scaling.scale === 1 && scaling.unit === ''
  const type = found && asWords ? `enum${words * 16}` : (typed.type ?? 'uint16')
  const wording = found && wordsFor(type, found, words)
  const sentinels = numeric ? readSentinels(cellOf(row, plan, 'sentinels')) : undefined
  const { guessed, ...order } = typed as typeof typed & { guessed?: true }
  return {
    point: {
      place,
      original,
      originalAddress: oneLine(cellOf(row, plan, 'address'), 40),
      keys: {
        address: wire.address,
        function: fn,
        ...order,
        type,
        ...(numeric && !type.startsWith('enum') && scaling.scale !== 1 && { scale: scaling.scale }),
        ...(numeric && !type.startsWith('enum') && scaling.offset !== 0 && { offset: scaling.offset }),
        ...wording,
        ...(sentinels && { sentinels }),
      },
      ...(scaling.unit !== '' && { unit: scaling.unit }),
      kept: keptOf(row, plan, original, [wording && 'values', sentinels && 'sentinels']),
    },
    guessedType: guessed === true && !wording,
    ...(scaling.multiplyBy !== undefined && { multiplyBy: scaling.multiplyBy }),
  }
}

/** Words for numbers or bits, as the type has them. */
function wordsFor(
  type: string,
  found: Readonly<Record<string, string>>,
  words: number,
): Pick<MapPoint, 'values' | 'bits'> | undefined {
  const below = (most: number) => Object.fromEntries(Object.entries(found).filter(([key]) => Number(key) < most))
  if (type.startsWith('flags')) return { bits: below(words * 16) }
  if (type.startsWith('bit') || type.startsWith('u') || type.startsWith('i'))
    return type.startsWith('bit') ? { values: below(2) } : /8[hl]$/.test(type) ? { values: below(256) } : undefined
  return /^(enum|bool)/.test(type) ? { values: below(Math.min(2 ** (words * 16), 100_000)) } : undefined
}

type Typed = Pick<MapPoint, 'type' | 'wordOrder' | 'byteOrder'> & { readonly guessed?: true }

function typeOf(row: TableRow, plan: TablePlan): Typed | string {
  const { first, last, bit } = row.address
  const written = cellOf(row, plan, 'type')
  const countCell = cellOf(row, plan, 'count')
  const stated = /^\d{1,3}$/.test(countCell) ? Number(countCell) : undefined
  const count = last > first ? last - first + 1 : stated
  const bits = /^(\d{1,2}) ?bits?$/i.exec(written)?.[1]
  if (bit !== undefined || (bits !== undefined && Number(bits) < 16) || /^byte$/i.test(written))
    return partOf(bits, bit, written)
  const ascii = /^ascii$/i.test(cellOf(row, plan, 'unit')) && (written === '' || /16/.test(written))
  if (ascii) return { type: `string:${Math.min(count ?? 1, 125)}` }
  if (written === '' || written === '-') {
    if (count === undefined || count === 1) return { type: 'uint16', guessed: true }
    return count === 2
      ? withOrder({ type: 'uint32' }, row, plan)
      : `takes ${count} registers, but no type says how they are read`
  }
  const type = readType(written, count)
  if (typeof type === 'string') return type
  const { words } = typeSpec(type.type)
  if (count !== undefined && count !== words && !type.type.startsWith('string')) {
    const wider = /^(u?int)16$/.exec(type.type)
    if (wider && (count === 2 || count === 4) && last > first)
      return withOrder({ type: `${wider[1]}${count * 16}` }, row, plan)
    return `${oneLine(written, 30)} does not fill ${count} registers`
  }
  return withOrder(type, row, plan)
}

function withOrder(type: Typed, row: TableRow, plan: TablePlan): Typed | string {
  const { words } = typeSpec(type.type!)
  const cell = cellOf(row, plan, 'wordOrder')
  const fixed = fittingOrder(
    {
      ...(plan.options.wordOrder && { wordOrder: plan.options.wordOrder }),
      ...(plan.options.byteOrder && { byteOrder: plan.options.byteOrder }),
    },
    words,
  )
  if (cell === '') return { ...fixed, ...type }
  if (/^(true|yes|1|swap(ped)?|little|le|word|lsw.*)$/i.test(cell))
    return { ...type, ...fittingOrder({ wordOrder: 'little' }, words) }
  if (/^(false|no|0|none|big|be|msw.*)$/i.test(cell)) return type
  const order = orderOf(cell)
  return order
    ? { ...type, ...fittingOrder(order, words) }
    : `the word order "${oneLine(cell, 20)}" has no counterpart here`
}

/** Bits and bytes of a register. */
function partOf(bits: string | undefined, bit: number | undefined, written: string): Typed | string {
  const from = bit ?? 0
  const size = /^byte$/i.test(written) ? 8 : Number(bits ?? 1)
  if (size === 1 && from < 16) return { type: `bit:${from}` }
  if (size === 8 && (from === 0 || from === 8)) return { type: from === 8 ? 'uint8h' : 'uint8l' }
  return `${size} bits from bit ${from} on have no counterpart here`
}

interface Scaling {
  readonly scale: number
  readonly offset: number
  readonly unit: string
  readonly multiplyBy?: string
}

function scalingOf(row: TableRow, plan: TablePlan, dividing: ReadonlySet<number>): Scaling | string {
  const factorCell = cellOf(row, plan, 'scale')
  const offsetCell = cellOf(row, plan, 'offset')
  for (const cell of [factorCell, offsetCell])
    if (isFormula(cell)) return 'its factor is a formula; formulas are not evaluated'
  const written = factorCell === '' || factorCell === '-' ? 1 : readNumber(factorCell, plan.comma)
  if (written === undefined || written === 0) return `its factor "${oneLine(factorCell, 30)}" is no number other than 0`
  const offset = offsetCell === '' || offsetCell === '-' ? 0 : readNumber(offsetCell, plan.comma)
  if (offset === undefined) return `its offset "${oneLine(offsetCell, 30)}" is no number`
  const transform = plan.format === 'volttron' ? transformOf(row, plan) : { factor: 1 }
  if (typeof transform === 'string') return transform
  const cell = readUnit(cellOf(row, plan, 'unit'), plan.comma)
  const inUnit = cell.factor ?? 1
  const own = dividing.has(row.number) ? Number((1 / inUnit).toPrecision(12)) : inUnit
  const scale = multiply(multiply(written, own), transform.factor)
  return {
    scale,
    offset,
    unit: cell.unit ?? cell.rest ?? '',
    ...(transform.by !== undefined && { multiplyBy: transform.by }),
  }
}

/** VOLTTRON's own column: scale(0.1), scale_int(2), scale_reg(name of a register with the factor). */
function transformOf(row: TableRow, plan: TablePlan): { factor: number; by?: string } | string {
  const index = plan.titles.findIndex((title) => /^transform$/i.test(title))
  const text = (row.cells[index] ?? '').trim()
  if (text === '') return { factor: 1 }
  const scale = /^scale(?:_int)?\(\s*([-+.\deE]+)\s*\)$/.exec(text)?.[1]
  if (scale !== undefined && Number(scale) !== 0 && Number.isFinite(Number(scale))) return { factor: Number(scale) }
  const by = /^scale_reg\(\s*([^)]+?)\s*\)$/.exec(text)?.[1]
  return by === undefined ? `its transform "${oneLine(text, 40)}" has no counterpart here` : { factor: 1, by }
}

const meaning: readonly ImportColumn[] = [
  'address',
  'name',
  'type',
  'function',
  'unit',
  'scale',
  'offset',
  'count',
  'wordOrder',
]

/** Cells without a place in a map. */
function keptOf(
  row: TableRow,
  plan: TablePlan,
  original: string,
  alsoUsed: readonly (ImportColumn | undefined)[],
): ForeignPoint['kept'] {
  const used = new Set(
    [...meaning, ...alsoUsed].flatMap((column) => (column === undefined ? [] : (plan.columns[column] ?? []))),
  )
  return row.cells.flatMap((cell, index) =>
    cell === '' || cell === original || used.has(index) || cell === '-'
      ? []
      : [[oneLine(plan.titles[index] || `column ${index + 1}`, 40), oneLine(cell, 160)] as const],
  )
}

/**
 * Units such as 10V mean tenths in some tables and tens in others. The range of a row tells: 0 to 6553.5 can only be
 * tenths. Where that is proven for one row, it holds for the table.
 */
export function divisors(
  rows: readonly TableRow[],
  plan: TablePlan,
): { readonly rows: ReadonlySet<number>; readonly assumption?: Assumption } {
  const large: TableRow[] = []
  let proven: TableRow | undefined
  for (const row of rows) {
    const factor = Math.abs(readUnit(cellOf(row, plan, 'unit'), plan.comma).factor ?? 1)
    if (factor < 10) continue
    large.push(row)
    const range = /(-?\d+(?:\.\d+)?)\s*(?:to|~|\.\.|-)\s*(-?\d+(?:\.\d+)?)/.exec(cellOf(row, plan, 'values'))
    const most = range ? Math.max(Math.abs(Number(range[1])), Math.abs(Number(range[2]))) : 0
    if (
      [65_535, 65_536, 32_767, 32_768, 4_294_967_296, 2_147_483_648].some(
        (size) => most > 0 && Math.abs(most * factor - size) / size < 0.001,
      )
    )
      proven ??= row
  }
  if (!proven) return { rows: new Set() }
  return {
    rows: new Set(large.map(({ number }) => number)),
    assumption: {
      about: 'scale',
      text: `Units such as ${oneLine(cellOf(proven, plan, 'unit'), 20)} divide: the range in row ${proven.number} says so.`,
    },
  }
}
