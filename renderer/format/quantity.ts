import { emDash, formatNumber } from './number.ts'

/** A value and its unit, kept apart because the unit is set lighter. */
export interface Shown {
  readonly text: string
  readonly unit: string
}

const kilo: Readonly<Record<string, string>> = { W: 'kW', Wh: 'kWh', var: 'kvar', VA: 'kVA' }

const decimalsOf: Readonly<Record<string, number>> = {
  kW: 3,
  kWh: 1,
  kvar: 3,
  kVA: 3,
  V: 1,
  A: 2,
  Hz: 2,
  '%': 1,
  '°C': 1,
  '°': 0,
  'W/m²': 0,
  s: 0,
  ms: 0,
  Pa: 0,
  mm: 1,
  'm/s': 1,
}

/** Digits after the point for powers of a site whose largest power is `scaleW`. */
export const powerDecimals = (scaleW: number): number => (scaleW < 20_000 ? 2 : 1)

/** Power in kW; the only unit of power on the Site screen, so that numbers can be compared at a glance. */
export function formatPower(powerW: number | undefined, decimals = 2): Shown {
  return { text: formatNumber(powerW === undefined ? undefined : powerW / 1000, decimals), unit: 'kW' }
}

/** A number in its SI unit, with k for powers and energies. */
export function formatQuantity(value: number | undefined, unit: string, decimals?: number): Shown {
  const scaled = kilo[unit]
  const shownUnit = scaled ?? unit
  const shown = scaled === undefined || value === undefined ? value : value / 1000
  return { text: formatNumber(shown, decimals ?? decimalsFor(shown, shownUnit)), unit: shownUnit }
}

function decimalsFor(value: number | undefined, unit: string): number {
  const known = decimalsOf[unit]
  if (known !== undefined) return known
  return value === undefined || Number.isInteger(value) ? 0 : 3
}

/** Any decoded reading: a number, a text, or a list of flags. An empty list of flags is a value of its own. */
export function formatReading(
  value: number | string | readonly string[] | undefined,
  unit: string,
  none: string,
): Shown {
  if (value === undefined) return { text: emDash, unit: kilo[unit] ?? unit }
  if (typeof value === 'number') return formatQuantity(value, unit)
  if (typeof value === 'string') return { text: value, unit: '' }
  return { text: value.length > 0 ? value.join(', ') : none, unit: '' }
}

/** Factor between the SI value and what is shown, for axes and charts. */
export const shownFactor = (unit: string): number => (kilo[unit] === undefined ? 1 : 0.001)

export const shownUnit = (unit: string): string => kilo[unit] ?? unit
