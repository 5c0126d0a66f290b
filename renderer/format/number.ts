/** Shown for what is not measured. Never 0. */
export const emDash = '\u2014'

const minus = '\u2212'
const groupSpace = '\u202F'
let locale = 'en'
const formatters = new Map<string, Intl.NumberFormat>()

export function setNumberLocale(next: string): void {
  locale = next
  formatters.clear()
}

/** A number with fixed decimals, thin-space groups and a true minus sign; an em dash for what is not measured. */
export function formatNumber(value: number | undefined, decimals = 0): string {
  if (value === undefined || !Number.isFinite(value)) return emDash
  const key = `${locale}/${decimals}`
  let formatter = formatters.get(key)
  if (!formatter) {
    formatter = new Intl.NumberFormat(locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
    formatters.set(key, formatter)
  }
  // A value that rounds to zero has no sign.
  const shown = Number(value.toFixed(decimals)) === 0 ? 0 : value
  return formatter
    .formatToParts(shown)
    .map((part) => (part.type === 'minusSign' ? minus : part.type === 'group' ? groupSpace : part.value))
    .join('')
}
