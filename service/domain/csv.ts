/** A field of a CSV file (RFC 4180) that no spreadsheet takes for a formula. */
export function csvField(value: string | number | boolean | undefined): string {
  const text = value === undefined ? '' : String(value)
  const harmless = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n']/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

export const csvLine = (fields: readonly (string | number | boolean | undefined)[]): string =>
  `${fields.map(csvField).join(',')}\r\n`
