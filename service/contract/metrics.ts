import { z } from 'zod'

/**
 * The fixed vocabulary of measured quantities. A point name is
 *   [subsystem[.index].]metric[.phase]
 * for example `powerW`, `voltageV.l1`, `battery.socPercent`, `pv.2.currentA`.
 * Signs: grid > 0 import, battery > 0 discharge, PV >= 0, loads >= 0.
 */
export interface Metric {
  /** What it is, in words a field engineer uses. */
  readonly title: string
  /** SI base unit, or '' for a number without one. */
  readonly unit: string
  readonly type: 'number' | 'text' | 'enum' | 'flags'
  /** True for counters that only grow, except on reset or replacement. */
  readonly counter?: true
  /** Values outside are physically impossible for a plausible device; used for plausibility, never for clipping. */
  readonly range?: readonly [number, number]
}

const number = (title: string, unit: string, range?: readonly [number, number]): Metric =>
  range ? { title, unit, type: 'number', range } : { title, unit, type: 'number' }
const counter = (title: string, unit: string): Metric => ({ title, unit, type: 'number', counter: true })
const text = (title: string): Metric => ({ title, unit: '', type: 'text' })

export const metrics = {
  powerW: number('Active power', 'W'),
  reactivePowerVar: number('Reactive power', 'var'),
  apparentPowerVa: number('Apparent power', 'VA'),
  powerFactor: number('Power factor', '', [-1, 1]),
  energyWh: counter('Energy', 'Wh'),
  energyImportWh: counter('Energy imported', 'Wh'),
  energyExportWh: counter('Energy exported', 'Wh'),
  energyTodayWh: number('Energy today', 'Wh'),
  currentA: number('Current', 'A'),
  voltageV: number('Voltage', 'V'),
  frequencyHz: number('Frequency', 'Hz', [0, 100]),
  socPercent: number('State of charge', '%', [0, 100]),
  sohPercent: number('State of health', '%', [0, 100]),
  capacityWh: number('Usable capacity', 'Wh'),
  temperatureC: number('Temperature', '°C', [-60, 200]),
  chargeLimitW: number('Charge limit', 'W'),
  dischargeLimitW: number('Discharge limit', 'W'),
  chargeLimitA: number('Charge limit', 'A'),
  dischargeLimitA: number('Discharge limit', 'A'),
  ratedPowerW: number('Rated power', 'W'),
  ratedApparentPowerVa: number('Rated apparent power', 'VA'),
  ratedCurrentA: number('Rated current', 'A'),
  setpointW: number('Power setpoint in force', 'W'),
  setpointPercent: number('Power limit in force', '%'),
  setpointA: number('Current limit in force', 'A'),
  reversionS: number('Time until the setpoint reverts', 's'),
  irradianceWm2: number('Irradiance', 'W/m²', [-20, 2000]),
  windSpeedMs: number('Wind speed', 'm/s', [0, 120]),
  windDirectionDeg: number('Wind direction', '°', [0, 360]),
  humidityPercent: number('Relative humidity', '%', [0, 100]),
  pressurePa: number('Air pressure', 'Pa', [50_000, 120_000]),
  precipitationMm: counter('Precipitation', 'mm'),
  operatingState: { title: 'Operating state', unit: '', type: 'enum' },
  faults: { title: 'Faults', unit: '', type: 'flags' },
  vendor: text('Manufacturer'),
  model: text('Model'),
  serial: text('Serial number'),
  firmware: text('Firmware'),
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof metrics

/** Parts of a device that have metrics of their own. */
export const subsystems = {
  grid: 'Grid',
  pv: 'Solar',
  battery: 'Battery',
  load: 'Load',
  ac: 'AC side',
  dc: 'DC side',
} as const

export type Subsystem = keyof typeof subsystems

export const phases = ['l1', 'l2', 'l3'] as const
export type Phase = (typeof phases)[number]

export interface PointNameParts {
  readonly subsystem?: Subsystem
  readonly index?: number
  readonly metric: MetricName
  readonly phase?: string
}

/** Phase suffixes: single phases, neutral, and line-to-line pairs. */
export const phaseSuffixes = ['l1', 'l2', 'l3', 'n', 'l12', 'l23', 'l31'] as const

/** Splits a point name, or returns undefined when a word is outside the vocabulary. */
export function parsePointName(name: string): PointNameParts | undefined {
  const words = name.split('.')
  let at = 0
  const parts: { subsystem?: Subsystem; index?: number; metric?: MetricName; phase?: string } = {}
  if (Object.hasOwn(subsystems, words[at] ?? '')) {
    parts.subsystem = words[at] as Subsystem
    at += 1
    if (/^[1-9]\d?$/.test(words[at] ?? '')) {
      parts.index = Number(words[at])
      at += 1
    }
  }
  if (!Object.hasOwn(metrics, words[at] ?? '')) return undefined
  parts.metric = words[at] as MetricName
  at += 1
  if (at < words.length) {
    if (!(phaseSuffixes as readonly string[]).includes(words[at] ?? '')) return undefined
    parts.phase = words[at] as string
    at += 1
  }
  return at === words.length ? (parts as PointNameParts) : undefined
}

/** The first word of a name that is outside the vocabulary, and what could stand there. */
function strayWord(name: string): { readonly word: string; readonly allowed: readonly string[] } {
  const words = name.split('.')
  const metricAt = words.findIndex((word) => Object.hasOwn(metrics, word))
  const stray = (at: number, allowed: readonly string[]) => ({ word: words[at] ?? '', allowed })
  if (metricAt === -1) {
    const at = words.findIndex((word) => !Object.hasOwn(subsystems, word) && !/^[1-9]\d?$/.test(word))
    return stray(at === -1 ? words.length : at, Object.keys(metrics))
  }
  if (metricAt > 0 && !Object.hasOwn(subsystems, words[0] ?? '')) return stray(0, Object.keys(subsystems))
  return stray(metricAt + 1, phaseSuffixes)
}

export const pointName = z
  .string()
  .max(60)
  .check((context) => {
    if (parsePointName(context.value) !== undefined) return
    context.issues.push({
      code: 'custom',
      input: context.value,
      message: `"${context.value}" is not in the vocabulary [subsystem[.index].]metric[.phase]`,
      params: strayWord(context.value),
    })
  })
  .meta({
    title: 'Point name',
    description: 'From the fixed vocabulary: [subsystem[.index].]metric[.phase]',
    pattern: `^((${Object.keys(subsystems).join('|')})\\.([1-9][0-9]?\\.)?)?(${Object.keys(metrics).join('|')})(\\.(${phaseSuffixes.join('|')}))?$`,
  })

const phaseTitles: Readonly<Record<string, string>> = { n: 'N', l12: 'L1-L2', l23: 'L2-L3', l31: 'L3-L1' }

/** What a point is, in words: "Battery 2: state of charge", "Voltage L1". */
export function pointTitle(name: string): string {
  const parts = parsePointName(name)
  if (!parts) return name
  const { subsystem, index, metric, phase } = parts
  const suffix = phase === undefined ? '' : ` ${phaseTitles[phase] ?? phase.toUpperCase()}`
  const title = `${metrics[metric].title}${suffix}`
  if (!subsystem) return title
  const part = index === undefined ? subsystems[subsystem] : `${subsystems[subsystem]} ${index}`
  return `${part}: ${title.charAt(0).toLowerCase()}${title.slice(1)}`
}
