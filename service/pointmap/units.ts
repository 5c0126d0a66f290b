import { type Metric, metrics } from '#contract/metrics-table.ts'
import { parsePointName } from '#contract/metrics.ts'

/** Units a register may count in, as multiples of the SI unit of the metric. */
const conversions: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  W: { mW: 0.001, kW: 1000, MW: 1e6 },
  var: { kvar: 1000, Mvar: 1e6 },
  VA: { kVA: 1000, MVA: 1e6 },
  Wh: { kWh: 1000, MWh: 1e6, GWh: 1e9 },
  varh: { kvarh: 1000, Mvarh: 1e6 },
  VAh: { kVAh: 1000, MVAh: 1e6 },
  Ah: { mAh: 0.001 },
  Ω: { kΩ: 1000, MΩ: 1e6 },
  A: { mA: 0.001, kA: 1000 },
  V: { mV: 0.001, kV: 1000 },
  Hz: { mHz: 0.001 },
  Pa: { hPa: 100, kPa: 1000, mbar: 100, bar: 100_000 },
  s: { ms: 0.001, min: 60, h: 3600, d: 86_400 },
  'm³': { l: 0.001 },
  'm³/s': { 'm³/h': 1 / 3600, 'l/s': 0.001, 'l/min': 1 / 60_000, 'l/h': 1 / 3_600_000 },
  mm: { cm: 10, m: 1000 },
  'm/s': { 'cm/s': 0.01, 'km/h': 1 / 3.6 },
  lx: { klx: 1000 },
  '%': { '‰': 0.1 },
}

export function metricOf(name: string): Metric {
  const parts = parsePointName(name)
  if (!parts) throw new TypeError(`not a point name: ${name}`)
  return parts.metric
}

const allUnits: readonly string[] = [
  ...new Set([
    ...Object.values(metrics).map(({ unit }) => unit),
    ...Object.entries(conversions).flatMap(([unit, multiples]) => [unit, ...Object.keys(multiples)]),
  ]),
]

/** Units in which a metric may be given, its own first. A vendor point may have any unit known here. */
export function unitsOf(metric: Metric): readonly string[] {
  if (metric.type === 'any') return allUnits
  return [metric.unit, ...Object.keys(conversions[metric.unit] ?? {})]
}

/**
 * What to multiply with to come from a unit to the SI unit of the metric; undefined when that makes no sense.
 * Vendor points stay in the unit their map gives.
 */
export function unitFactor(metric: Metric, unit: string): number | undefined {
  if (metric.type === 'any') return allUnits.includes(unit) ? 1 : undefined
  return unit === metric.unit ? 1 : conversions[metric.unit]?.[unit]
}

/** Unit of a decoded point: that of its metric; for a vendor point the one its map gives. */
export function pointUnit(metric: Metric, unit: string | undefined): string {
  return metric.type === 'any' ? (unit ?? '') : metric.unit
}
