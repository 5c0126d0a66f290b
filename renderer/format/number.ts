import { shallowRef } from 'vue'

/** Shown for what is not measured. Never 0. */
export const emDash = '\u2014'

const minus = '\u2212'
const groupSpace = '\u202F'
const formatters = new Map<string, Intl.NumberFormat>()
/** What is computed from numbers is computed again when the language changes. */
const locale = shallowRef('en')

/** Which language decides the sign before the decimals. */
export function setNumberLanguage(language: string): void {
  locale.value = language
}

/** A number with fixed decimals, thin-space groups and a true minus sign; an em dash for what is not measured. */
export function formatNumber(value: number | undefined, decimals = 0): string {
  if (value === undefined || !Number.isFinite(value)) return emDash
  const key = `${locale.value} ${decimals}`
  let formatter = formatters.get(key)
  if (!formatter) {
    formatter = new Intl.NumberFormat(locale.value, {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    })
    formatters.set(key, formatter)
  }
  // A value that rounds to zero has no sign.
  const shown = Number(value.toFixed(decimals)) === 0 ? 0 : value
  return formatter
    .formatToParts(shown)
    .map((part) => (part.type === 'minusSign' ? minus : part.type === 'group' ? groupSpace : part.value))
    .join('')
}

/** A number of unknown kind with six digits that mean something, as many decimals as it needs. */
export function shownNumber(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return emDash
  const plain = Number(value.toPrecision(6))
  if (plain !== 0 && Math.abs(plain) < 1e-4) return plain.toExponential(2)
  const decimals = Number.isInteger(plain) ? 0 : Math.min(6, String(plain).split('.')[1]?.length ?? 0)
  return formatNumber(plain, decimals)
}
