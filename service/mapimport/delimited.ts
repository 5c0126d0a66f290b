import Papa from 'papaparse'

/** A table as rows of texts, each with the number of its row (line, for text files). */
export interface Rows {
  readonly rows: readonly { readonly number: number; readonly cells: readonly string[] }[]
  readonly delimiter?: string
  readonly sheets?: readonly string[]
  /** Rows beyond the bound, which were not read. */
  readonly beyond: number
}

/** Most rows of a table that are read. */
export const mostRows = 120_000
/** Most columns of a row. */
const mostColumns = 60

const names: Readonly<Record<string, string>> = { '\t': 'tab', ',': 'comma', ';': 'semicolon', '|': 'bar' }
export const delimiterName = (delimiter: string): string => names[delimiter] ?? delimiter

/** The separator with which most lines have the same number of fields, and more than one. */
export function findDelimiter(text: string): string | undefined {
  const sample = text.slice(0, 60_000)
  let best: { delimiter: string; score: number } | undefined
  for (const delimiter of ['\t', ';', ',', '|']) {
    const { data } = Papa.parse<string[]>(sample, { delimiter, preview: 60, skipEmptyLines: 'greedy' })
    const widths = data.map((row) => row.length)
    const counts = new Map<number, number>()
    for (const width of widths) counts.set(width, (counts.get(width) ?? 0) + 1)
    const [width = 1, count = 0] = [...counts].toSorted((a, b) => b[1] - a[1] || b[0] - a[0])[0] ?? []
    if (width < 2) continue
    const score = (count / widths.length) * Math.min(width, 12)
    if (!best || score > best.score) best = { delimiter, score }
  }
  return best?.delimiter
}

/** Reads step by step and stops at the bound, so that no file fills the memory. */
export function readDelimited(text: string, delimiter: string): Rows {
  const rows: { number: number; cells: string[] }[] = []
  let beyond = 0
  // Fields in quotes can span lines; the parser says where it is.
  let line = 1
  let cursor = 0
  Papa.parse<string[]>(text, {
    delimiter,
    step: ({ data, meta }) => {
      const number = line
      for (let at = text.indexOf('\n', cursor); at !== -1 && at < meta.cursor; at = text.indexOf('\n', at + 1))
        line += 1
      cursor = meta.cursor
      if (data.every((cell) => cell.trim() === '')) return
      if (rows.length < mostRows) rows.push({ number, cells: data.slice(0, mostColumns).map((cell) => cell.trim()) })
      else beyond += 1
    },
  })
  return { rows, delimiter, beyond }
}

const largestWorkbook = 64_000_000

/** A sheet of a workbook. Formulas count as the values that were saved with them; nothing is computed. */
export async function readWorkbook(bytes: Uint8Array, wanted: string): Promise<Rows | string> {
  if (unpackedSize(bytes) > largestWorkbook) return 'the workbook is larger than 64 MB unpacked'
  const { default: readSheets } = await import('read-excel-file/node')
  let sheets: Awaited<ReturnType<typeof readSheets>>
  try {
    sheets = await readSheets(Buffer.from(bytes))
  } catch (error) {
    return `the workbook cannot be read: ${error instanceof Error ? error.message.split('\n')[0] : 'unknown reason'}`
  }
  const titles = sheets.map(({ sheet }) => sheet)
  const found = sheets.find(({ sheet }, index) => sheet === wanted || String(index + 1) === wanted)
  if (!found) return `there is no sheet "${wanted}"; there are ${titles.slice(0, 20).join(', ')}`
  const rows = found.data
    .slice(0, mostRows)
    .map((row, index) => ({ number: index + 1, cells: row.slice(0, mostColumns).map(cellText) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''))
  return { rows, sheets: titles, beyond: Math.max(0, found.data.length - mostRows) }
}

const cellText = (cell: unknown): string =>
  cell instanceof Date
    ? cell.toISOString()
    : ['string', 'number', 'boolean'].includes(typeof cell)
      ? `${cell as string | number | boolean}`.trim()
      : ''

/** What the archive says its files come to; an archive that lies about it is refused by the unpacking itself. */
function unpackedSize(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let total = 0
  for (let at = 0; at + 46 <= bytes.length; at += 1)
    if (bytes[at] === 0x50 && bytes[at + 1] === 0x4b && bytes[at + 2] === 1 && bytes[at + 3] === 2)
      total += view.getUint32(at + 24, true)
  return total
}
