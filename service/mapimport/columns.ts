import type { ImportColumn } from '#contract/map-import.ts'
import { importColumn } from '#contract/map-import.ts'

/** Titles of columns as tables in the field write them, per what they hold; the first that matches wins. */
const titles: readonly (readonly [ImportColumn, RegExp])[] = [
  [
    'function',
    /^(register )?(type|table|kind) ?of ?register$|^register ?type$|^(modbus )?function( code)?$|^fc$|^table$|^input type$|^primary ?table$|^object type$|^area$/,
  ],
  [
    'address',
    /^(start(ing)? )?(register |modbus |wire |reg )?(address|adresse|addr|offset address)( \(?(dec|decimal|hex|hexadecimal)\)?)?$|^register( ?(no|nr|number|index|#))?\.?$|^reg( no)?$|^registernummer$|^startadresse$|^dec(imal)?$|^hex$|^protocol address$/,
  ],
  [
    'count',
    /^(register |reg )?(count|quantity|length|size|anzahl|words?)( of registers)?$|^number of registers$|^(no of|num) (regs|registers|words)$|^länge$/,
  ],
  ['type', /^(data|value|variable|raw)? ?(type|format|datentyp|datatype)$|^datentyp$/],
  ['unit', /^units?( of measurement)?$|^einheit(en)?$|^uom$/],
  ['scale', /^(scale|scaling|factor|faktor|gain|multiplier|resolution|skalierung|scale factor|coefficient|auflösung)$/],
  ['offset', /^offset$/],
  ['wordOrder', /^(word|byte) ?order$|^endian(ness)?$|^swap$|^mixed endian$/],
  ['values', /^(values?|range|wertebereich|enum|enumeration|options|valid range)( notes)?$|^(range|value) ?(notes?)?$/],
  ['sentinels', /^sentinels?$|^(nan|invalid|not available)( value)?s?$/],
  ['access', /^(access|read ?\/? ?write|r\/?w|rw|writable|mode|zugriff|customer write|permission)$/],
  [
    'name',
    /^(variable|register|point|parameter|signal|data|volttron point|documented|field|tag|symbol|object)? ?name$|^(name|parameter|bezeichnung|signal|point|variable|item|tag)$/,
  ],
  ['title', /^(description|beschreibung|meaning|title|documented name|label|comment|bedeutung|definition)$/],
  ['note', /^(notes?|remarks?|bemerkung(en)?|kommentar|comments?)$/],
]

const plain = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[_\-.:]+/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()

/** Which column holds what, by the titles. */
export function columnsByTitle(row: readonly string[]): Partial<Record<ImportColumn, number>> {
  const found: Partial<Record<ImportColumn, number>> = {}
  const used = new Set<number>()
  for (const [column, pattern] of titles)
    for (const [index, title] of row.entries()) {
      if (found[column] !== undefined || used.has(index) || !pattern.test(plain(title))) continue
      found[column] = index
      used.add(index)
    }
  return found
}

/** A second column of addresses, such as one in hexadecimal beside one that counts from 40001. */
export function secondAddress(row: readonly string[], first: number): number | undefined {
  const pattern = titles.find(([column]) => column === 'address')![1]
  const index = row.findIndex((title, at) => at !== first && pattern.test(plain(title)))
  return index === -1 ? undefined : index
}

/** `address=3;name=Register name;unit=` as columns from 0, -1 for none; or what is wrong with it. */
export function parseColumns(text: string, row: readonly string[]): Partial<Record<ImportColumn, number>> | string {
  const found: Partial<Record<ImportColumn, number>> = {}
  for (const part of text.split(';').map((word) => word.trim())) {
    if (part === '') continue
    const at = part.indexOf('=')
    const name = importColumn.safeParse(at === -1 ? part : part.slice(0, at).trim())
    if (!name.success || at === -1)
      return `columns: "${part}" is not of the form address=3; what a column can be: ${importColumn.options.join(', ')}`
    const wanted = part.slice(at + 1).trim()
    const index = wanted === '' ? -1 : columnIndex(wanted, row)
    if (index === undefined)
      return `columns: there is no column "${wanted}"; there are ${row.slice(0, 20).join(', ') || 'none'}`
    found[name.data] = index
  }
  return found
}

function columnIndex(wanted: string, row: readonly string[]): number | undefined {
  const byTitle = row.findIndex((title) => plain(title) === plain(wanted))
  if (byTitle !== -1) return byTitle
  if (/^\d{1,2}$/.test(wanted))
    return Number(wanted) >= 1 && Number(wanted) <= Math.max(row.length, 1) ? Number(wanted) - 1 : undefined
  if (!/^[A-Za-z]{1,2}$/.test(wanted)) return undefined
  let number = 0
  for (const letter of wanted.toUpperCase()) number = number * 26 + letter.charCodeAt(0) - 64
  return number <= Math.max(row.length, 1) ? number - 1 : undefined
}
