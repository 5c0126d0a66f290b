import { type Metric, metrics, parsePointName } from '#contract/metrics.ts'

/** Units a register may count in, as multiples of the SI unit of the metric. */
const conversions: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  W: { mW: 0.001, kW: 1000, MW: 1e6 },
  var: { kvar: 1000, Mvar: 1e6 },
  VA: { kVA: 1000, MVA: 1e6 },
  Wh: { kWh: 1000, MWh: 1e6 },
  A: { mA: 0.001, kA: 1000 },
  V: { mV: 0.001, kV: 1000 },
  Hz: { mHz: 0.001 },
  Pa: { hPa: 100, kPa: 1000, mbar: 100, bar: 100_000 },
  s: { ms: 0.001, min: 60, h: 3600 },
  mm: { cm: 10, m: 1000 },
  'm/s': { 'cm/s': 0.01 },
  '%': { '‰': 0.1 },
}

export function metricOf(name: string): Metric {
  const parts = parsePointName(name)
  if (!parts) throw new TypeError(`not a point name: ${name}`)
  return metrics[parts.metric]
}

/** Units in which a metric may be given, its own first. */
export function unitsOf(metric: Metric): readonly string[] {
  return [metric.unit, ...Object.keys(conversions[metric.unit] ?? {})]
}

/** What to multiply with to come from a unit to the SI unit of the metric; undefined when that makes no sense. */
export function unitFactor(metric: Metric, unit: string): number | undefined {
  return unit === metric.unit ? 1 : conversions[metric.unit]?.[unit]
}
