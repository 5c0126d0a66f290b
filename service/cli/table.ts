/** Text that came from a device or a file, safe for a terminal: without control characters. */
export function clean(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ')
}

/** Longer texts are cut in a table; --json has them whole. */
const longestCell = 60

/** Columns as wide as their widest cell, two spaces apart; those in `right` are aligned to the right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const cells = rows.map((row) => row.map((cell) => cut(clean(cell))))
  const widths: number[] = []
  for (const row of cells) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (right.includes(at) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd()
  return cells.map((row) => `${line(row)}\n`).join('')
}

const cut = (cell: string): string => (cell.length > longestCell ? `${cell.slice(0, longestCell - 1)}…` : cell)

export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`

/** A value for a person; no measurement has more than seven digits that mean something. */
export function shownNumber(value: number | string | readonly string[]): string {
  if (typeof value === 'object') return value.join(', ')
  return typeof value === 'number' && !Number.isInteger(value) ? String(Number(value.toPrecision(7))) : String(value)
}
