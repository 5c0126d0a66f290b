import { type MetricName, metrics } from '#contract/metrics-table.ts'
import type { Explained } from './description-length.ts'
import type { Form } from './forms.ts'
import type { LibraryPriors, QuantityPrior } from './library-priors.ts'

/** What a value may measure. */
export interface Quantity {
  readonly metric: MetricName
  readonly title: string
  /** Unit in which devices count it like this, and how much of it one count is. */
  readonly unit: string
  readonly scale: number
  /** The same in the SI unit of the metric. */
  readonly perCount: number
  /** The newest value, in `unit`. */
  readonly value: number
  /** 0..1, among the quantities of the same form. */
  readonly score: number
  readonly reason: string
}

interface Look {
  /** How well the values fit, and why in words. */
  readonly fit: number
  readonly reason: string
}

const shownQuantities = 4
const secondsPerHour = 3600

/** Quantities of the library with this form, likeliest first: where values lie, how they move, and what the maps of others count. */
export function rankQuantities(
  form: Form,
  explained: Explained,
  atMs: readonly number[],
  near: readonly number[],
  priors: LibraryPriors,
): Quantity[] {
  const { values } = explained
  const newest = values.at(-1) ?? Number.NaN
  if (!Number.isFinite(newest)) return []
  const scored = priors.quantities
    .filter(({ kind, words }) => kind === form.kind && words === form.words)
    .flatMap((prior) => {
      const look = lookAt(prior, explained, atMs, near)
      return look.fit > 0 ? [{ prior, look, weight: prior.count * look.fit }] : []
    })
    .toSorted((a, b) => b.weight - a.weight)
  const total = scored.reduce((sum, { weight }) => sum + weight, 0)
  return scored.slice(0, shownQuantities).flatMap(({ prior, look, weight }): Quantity[] => {
    const metric = metricNamed(prior.metric)
    if (!metric) return []
    const { title } = metrics[metric]
    const value = Number((newest * prior.scale).toPrecision(9))
    return [
      {
        metric,
        title,
        unit: prior.unit,
        scale: prior.scale,
        perCount: prior.perCount,
        value,
        score: weight / total,
        reason: look.reason,
      },
    ]
  })
}

const metricNamed = (name: string): MetricName | undefined => (isMetric(name) ? name : undefined)
const isMetric = (name: string): name is MetricName => Object.hasOwn(metrics, name)

/** Probability of the newest value per count of the register, times what its movement says. */
function lookAt(
  { metric, perCount, unit, scale }: QuantityPrior,
  { values, constant, neverFalls }: Explained,
  atMs: readonly number[],
  near: readonly number[],
): Look {
  const si = values.map((value) => value * perCount)
  const newest = si.at(-1)!
  const shown = `${Number((values.at(-1)! * scale).toPrecision(7))} ${unit}`.trim()
  const fits = density(metric, newest)
  let fit = newest === 0 ? 0.02 : fits.share * perCount
  let reason = newest === 0 ? 'reads 0, which fits anything' : `${shown} ${fits.words}`
  if (metric.startsWith('energy') && !metric.includes('Today') && !constant) {
    if (!neverFalls) return { fit: 0, reason: 'a counter never falls' }
    const hours = (atMs.at(-1)! - atMs[0]!) / 1000 / secondsPerHour
    const powerW = (newest - si[0]!) / hours
    fit *= powerW >= 5 && powerW <= 300_000 ? 3 : 0.05
    reason = `never falls, and rises as ${Math.round(powerW)} W would make it`
  } else if (!constant && neverFalls && values.length > 4) fit *= 0.5
  const alive = /^(voltageV|currentA|powerW|frequencyHz)$/.test(metric)
  if (constant && values.length > 4 && newest !== 0) fit *= alive ? 0.25 : 1.5
  const alike = near.filter((value) => value !== 0 && Math.abs(value - values.at(-1)!) <= 0.12 * Math.abs(value)).length
  if (alike >= 2 && /^(voltageV|currentA|cellVoltage|powerW)$/.test(metric)) {
    fit *= metric === 'voltageV' ? 4 : 2
    reason += '; two registers beside it read nearly the same, as phases do'
  }
  return { fit, reason }
}

interface Density {
  /** Probability per SI unit. */
  readonly share: number
  readonly words: string
}

const normal = (value: number, middle: number, width: number): number =>
  Math.exp(-0.5 * ((value - middle) / width) ** 2) / (width * Math.sqrt(2 * Math.PI))
const evenly = (value: number, low: number, high: number): number =>
  value >= low && value <= high ? 1 / (high - low) : 0
/** Each size as likely as any other. */
const anySize = (value: number, low: number, high: number): number => {
  const size = Math.abs(value)
  return size >= low && size <= high ? 1 / (size * Math.log(high / low)) : 0
}

/** Where values of a quantity lie on a site that works. */
function density(metric: string, value: number): Density {
  if (metric === 'frequencyHz')
    return {
      share: 0.7 * normal(value, 50, 0.06) + 0.25 * normal(value, 60, 0.06),
      words: 'lies where a mains frequency does',
    }
  if (metric === 'voltageV') {
    const mains = 0.55 * normal(value, 230, 8) + 0.2 * normal(value, 400, 12) + 0.04 * normal(value, 120, 5)
    const other = 0.2 * anySize(value, 10, 1000)
    return {
      share: (value > 0 ? 1 : 0.01) * (mains + other),
      words: mains > other ? 'lies where a mains voltage does' : 'is a voltage that batteries and modules have',
    }
  }
  if (metric.startsWith('cellVoltage')) return { share: evenly(value, 2.4, 4.3), words: 'is the voltage of a cell' }
  if (metric.endsWith('Percent')) return { share: evenly(value, 0, 100), words: 'lies between 0 and 100 %' }
  if (/^temperature|TemperatureM/.test(metric))
    return { share: evenly(value, -25, 85) * 1.3, words: 'is a temperature that electronics have' }
  if (metric === 'powerFactor')
    return { share: Math.abs(value) <= 1 ? 0.5 + 2 * Math.abs(value) : 0, words: 'lies between -1 and 1' }
  if (metric.startsWith('energy'))
    return { share: value < 0 ? 0 : anySize(value, 100, 1e9), words: 'is an energy that meters show' }
  if (/[pP]owerW?|W$|Va$|Var$/.test(metric))
    return { share: anySize(value, 1, 1e5), words: 'is a power that a site has' }
  if (metric.endsWith('A')) return { share: anySize(value, 0.05, 300), words: 'is a current that a site has' }
  if (metric === 'insulationOhm') return { share: anySize(value, 1e4, 2e7), words: 'is a resistance of insulation' }
  const range = isMetric(metric) ? metrics[metric].range : undefined
  if (range) return { share: evenly(value, range[0], range[1]), words: `lies between ${range[0]} and ${range[1]}` }
  return { share: 0.3 * anySize(value, 1, 1e8), words: 'is a number that devices count' }
}
