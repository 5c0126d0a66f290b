import type { ImportColumn, ImportTable, MapFormat, MapImportOptions } from '#contract/map-import.ts'
import { type Addressed, findBase } from './base.ts'
import { isFormula, readAddress, readFunction } from './cells.ts'
import { columnsByTitle, parseColumns, secondAddress } from './columns.ts'
import { delimiterName, type Rows } from './delimited.ts'
import { combineHalves } from './halves.ts'
import { divisors, rowPoint } from './table-row.ts'
import type { TablePlan, TableRow } from './table-types.ts'
import {
  type Assumption,
  type ForeignPoint,
  type ForeignSum,
  oneLine,
  refuse,
  type Skipped,
  type Understood,
} from './types.ts'

const titleRowsLooked = 30

/** Any table of registers: of VOLTTRON, PythonProtocolGateway, Growatt, or of nobody in particular. */
export function readTable(rows: Rows, file: string, format: MapFormat, options: MapImportOptions): Understood {
  const titleAt = findTitles(rows, options)
  const titles = titleAt === undefined ? [] : rows.rows[titleAt]!.cells
  const widest = rows.rows.slice(0, 50).reduce((most, { cells }) => Math.max(most, cells.length), 0)
  const named = titles.length > 0 ? titles : Array.from({ length: widest }, (_, index) => `column ${index + 1}`)
  const told = parseColumns(options.columns, named)
  if (typeof told === 'string') return refuse(file, told)
  const columns = cleaned({ ...columnsByTitle(titles), ...told })
  const body = rows.rows.slice(titleAt === undefined ? 0 : titleAt + 1)
  const comma = options.decimalMark === 'auto' ? guessComma(body, columns) : options.decimalMark === 'comma'
  const hexadecimal =
    options.numbers === 'auto' ? guessHexadecimal(body, columns.address) : options.numbers === 'hexadecimal'
  const describe = (base: ImportTable['base']): ImportTable => ({
    titles: named.map((title) => oneLine(title, 80)),
    sample: body.slice(0, 8).map(({ cells }) => cells.map((cell) => oneLine(cell, 80))),
    rows: body.length + rows.beyond,
    titleRow: titleAt === undefined ? 0 : rows.rows[titleAt]!.number,
    ...(rows.delimiter && { delimiter: delimiterName(rows.delimiter) }),
    ...(rows.sheets && { sheets: rows.sheets.map((sheet) => oneLine(sheet, 80)) }),
    columns: Object.fromEntries(Object.entries(columns).map(([key, index]) => [key, index + 1])),
    base,
    numbers: hexadecimal ? 'hexadecimal' : 'decimal',
    decimalMark: comma ? 'comma' : 'point',
  })
  if (columns.address === undefined) {
    const list =
      titles.length > 0
        ? `; its columns are ${named
            .slice(0, 20)
            .map((title) => oneLine(title, 30))
            .join(', ')}`
        : ''
    const place = titleAt === undefined ? file : `${file}:${rows.rows[titleAt]!.number}`
    return {
      ...refuse(place, `no column holds the addresses of registers${list}; say which with columns, such as address=3`),
      table: describe(options.base),
    }
  }
  const skipped: Skipped[] = []
  const nameColumns = namesOf(titles, columns)
  const prepared = readRows(body, { file, columns, nameColumns, hexadecimal, options }, skipped)
  if (prepared.length === 0)
    return {
      ...refuse(skipped[0]?.place ?? file, skipped[0]?.reason ?? 'there are no rows below the titles'),
      table: describe(options.base),
    }
  const second = secondAddress(titles, columns.address)
  const found = options.base === 'auto' ? findBase(addressed(prepared, second)) : { base: options.base }
  if ('reason' in found) return { ...refuse(`${file}:${found.row}`, found.reason), table: describe('auto') }
  const assumptions: Assumption[] = found.assumption ? [found.assumption] : []
  const standard = options.function ?? functionOfName(file) ?? 'holding'
  const silent =
    found.base !== 'modicon' && options.function === undefined && prepared.some((row) => row.function === undefined)
  if (silent)
    assumptions.push({ about: 'function', text: `Rows that do not say it are read as ${standard} registers.` })
  if (hexadecimal && options.numbers === 'auto')
    assumptions.push({
      about: 'base',
      text: 'The addresses were read as hexadecimal numbers, because some have letters.',
    })
  const plan: TablePlan = {
    file,
    format,
    columns,
    names: nameColumns,
    titles,
    comma,
    hexadecimal,
    base: found.base,
    options,
    standard,
  }
  return finish(prepared, plan, { assumptions, skipped, rows, table: describe(found.base) })
}

function finish(
  prepared: readonly TableRow[],
  plan: TablePlan,
  parts: { assumptions: Assumption[]; skipped: Skipped[]; rows: Rows; table: ImportTable },
): Understood {
  const { assumptions, skipped, rows, table } = parts
  const divide = divisors(prepared, plan)
  if (divide.assumption) assumptions.push(divide.assumption)
  const made: ForeignPoint[] = []
  const sums: ForeignSum[] = []
  let guessed = 0
  const products: { readonly point: ForeignPoint; readonly by: string }[] = []
  for (const row of prepared) {
    const result = rowPoint(row, plan, divide.rows)
    if ('reason' in result) skipped.push(result)
    else {
      made.push(result.point)
      if (result.guessedType) guessed += 1
      if (result.multiplyBy !== undefined) products.push({ point: result.point, by: result.multiplyBy })
    }
  }
  if (guessed > 0)
    assumptions.push({
      about: 'type',
      text: `${guessed} rows do not say their type and were taken as uint16; a value that jumps near 65535 is signed.`,
    })
  for (const { point, by } of products) {
    const factor = made.find(({ original }) => original === by)
    if (factor) sums.push({ place: point.place, original: `${point.original} scaled`, product: [point, factor] })
    else
      skipped.push({
        place: point.place,
        original: point.original,
        reason: `is multiplied by "${oneLine(by, 40)}", which is not in the table`,
      })
  }
  if (rows.beyond > 0)
    skipped.push({
      place: `${plan.file}:${(rows.rows.at(-1)?.number ?? 0) + 1}`,
      original: `${rows.beyond} rows`,
      reason: 'stand behind the last row that is read',
    })
  const combined = plan.format === 'volttron' ? made : combineHalves(made, assumptions)
  return { points: combined, sums, skipped, kept: [], assumptions, table }
}

const cleaned = (columns: Partial<Record<ImportColumn, number>>): Partial<Record<ImportColumn, number>> =>
  Object.fromEntries(Object.entries(columns).filter(([, index]) => index !== undefined && index >= 0))

/** Index among the rows, or undefined when the table has no titles. */
function findTitles({ rows }: Rows, { titleRow }: MapImportOptions): number | undefined {
  if (titleRow === 0) return undefined
  if (titleRow !== undefined) {
    const index = rows.findIndex(({ number }) => number === titleRow)
    return index === -1 ? undefined : index
  }
  let best: { index: number; count: number } | undefined
  for (const [index, { cells }] of rows.slice(0, titleRowsLooked).entries()) {
    const count = Object.keys(columnsByTitle(cells)).length
    if (count >= 2 && (!best || count > best.count)) best = { index, count }
  }
  if (best) return best.index
  // Titles of which none is known are still titles, and a person can say what they mean.
  const first = rows[0]?.cells ?? []
  return first.length > 1 && first.every((cell) => cell !== '' && !/\d/.test(cell)) ? 0 : undefined
}

const numberColumns = ['scale', 'unit', 'offset'] as const

function guessComma(body: Rows['rows'], columns: Partial<Record<ImportColumn, number>>): boolean {
  let commas = 0
  let points = 0
  for (const { cells } of body.slice(0, 5000))
    for (const column of numberColumns) {
      const cell = cells[columns[column] ?? -1] ?? ''
      if (/^[+-]?\d+,\d+/.test(cell)) commas += 1
      else if (/^[+-]?\d+\.\d+/.test(cell)) points += 1
    }
  return commas > points
}

function guessHexadecimal(body: Rows['rows'], column: number | undefined): boolean {
  if (column === undefined) return false
  const cells = body
    .slice(0, 5000)
    .map((row) => row.cells[column] ?? '')
    .filter((cell) => cell !== '' && !/0x|h$/i.test(cell))
  return (
    cells.some((cell) => /^(?=[0-9]*[A-F])[0-9A-F]{2,4}$/i.test(cell)) &&
    cells.filter((cell) => /^[0-9A-F]{1,4}$/i.test(cell)).length > cells.length * 0.8
  )
}

function namesOf(titles: readonly string[], columns: Partial<Record<ImportColumn, number>>): number[] {
  const more = titles.flatMap((title, index) => (/name|parameter|bezeichnung|signal/i.test(title) ? [index] : []))
  const list = [columns.name, ...more, columns.title].filter(
    (index) => index !== undefined && index !== columns.address,
  )
  return [...new Set(list as number[])]
}

interface Reading {
  readonly file: string
  readonly columns: Partial<Record<ImportColumn, number>>
  readonly nameColumns: readonly number[]
  readonly hexadecimal: boolean
  readonly options: MapImportOptions
}

/** A row says most by what it is; one without an address is noted and left out. */
function readRows(
  body: Rows['rows'],
  { file, columns, nameColumns, hexadecimal }: Reading,
  skipped: Skipped[],
): TableRow[] {
  const rows: TableRow[] = []
  for (const { number, cells } of body) {
    const text = cells[columns.address!] ?? ''
    const original = oneLine(
      nameColumns.map((index) => cells[index] ?? '').find((cell) => cell !== '') ?? `row ${number}`,
      120,
    )
    const address = isFormula(text) ? undefined : readAddress(text, hexadecimal)
    if (!address) {
      const reason = isFormula(text)
        ? 'its address is a formula; formulas are not evaluated'
        : text === ''
          ? 'has no address'
          : `its address "${oneLine(text, 40)}" is none`
      skipped.push({ place: `${file}:${number}`, original, reason })
      continue
    }
    rows.push({ number, cells, address, function: readFunction(cells[columns.function ?? -1] ?? '') })
  }
  return rows
}

const addressed = (rows: readonly TableRow[], second: number | undefined): Addressed[] =>
  rows.map(({ number, cells, address, function: fn }) => {
    const other = second === undefined ? undefined : readAddress(cells[second] ?? '', false)
    return {
      row: number,
      address: address.first,
      marked: address.marked,
      function: fn,
      ...(other && { other: other.first }),
    }
  })

/** `…holding_registry_map.csv` says what the table is about. */
function functionOfName(file: string): 'holding' | 'input' | undefined {
  const name = file.toLowerCase()
  if (/hold/.test(name)) return 'holding'
  return /input[_ -]?reg/.test(name) ? 'input' : undefined
}
