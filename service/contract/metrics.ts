import { z } from 'zod'
import { type Metric, type MetricName, type Subsystem, metrics, subsystems } from './metrics-table.ts'

/**
 * Names of points, from a fixed vocabulary:
 *   [subsystem[.index].[subsystem[.index].]]metric[.phase]
 * for example `powerW`, `voltageV.l1`, `battery.socPercent`, `pv.2.currentA`, `module.3.cell.12.voltageV`.
 * Signs: grid > 0 import, battery > 0 discharge, PV >= 0, loads >= 0.
 *
 * What has no place in a common vocabulary (settings, oddities of one maker) is `vendor.<camelCaseName>`. Its unit is
 * the one the map gives; people see it and nothing else uses it. Where a common quantity exists, that is the name.
 */

export const phases = ['l1', 'l2', 'l3'] as const
export type Phase = (typeof phases)[number]

/** Phase suffixes: single phases, neutral, and line-to-line pairs. */
export const phaseSuffixes = ['l1', 'l2', 'l3', 'n', 'l12', 'l23', 'l31'] as const

/** Largest number of a subsystem: the cells of a high battery string. */
const indexPattern = /^[1-9]\d{0,2}$/
const vendorPattern = /^[a-z][A-Za-z0-9]{1,47}$/
const deepest = 2

export interface PointNameParts {
  /** From the outside in. */
  readonly parts: readonly { readonly subsystem: Subsystem; readonly index?: number }[]
  readonly metric: Metric
  /** Absent for vendor points. */
  readonly metricName?: MetricName
  readonly vendorName?: string
  readonly phase?: string
}

const isSubsystem = (word: string | undefined): word is Subsystem => Object.hasOwn(subsystems, word ?? '')
const isMetric = (word: string | undefined): word is MetricName => Object.hasOwn(metrics, word ?? '')

const vendorMetric: Metric = { title: 'Vendor point', unit: '', type: 'any' }

/** Splits a point name, or returns undefined when a word is outside the vocabulary. */
export function parsePointName(name: string): PointNameParts | undefined {
  const words = name.split('.')
  if (words[0] === 'vendor' && words.length === 2)
    return vendorPattern.test(words[1]!) ? { parts: [], metric: vendorMetric, vendorName: words[1]! } : undefined
  const parts: { subsystem: Subsystem; index?: number }[] = []
  let at = 0
  for (let word = words[at]; isSubsystem(word) && parts.length < deepest; word = words[at]) {
    at += 1
    const index = indexPattern.test(words[at] ?? '') ? Number(words[at++]) : undefined
    parts.push(index === undefined ? { subsystem: word } : { subsystem: word, index })
  }
  const metricName = words[at++]
  if (!isMetric(metricName)) return undefined
  const rest = { parts, metric: metrics[metricName], metricName }
  if (at === words.length) return rest
  const phase = words[at++]!
  return at === words.length && isPhaseSuffix(phase) ? { ...rest, phase } : undefined
}

const isPhaseSuffix = (word: string) => (phaseSuffixes as readonly string[]).includes(word)

/** The first word of a name that is outside the vocabulary, and what could stand there. */
function strayWord(name: string): { readonly word: string; readonly allowed: readonly string[] } {
  const words = name.split('.')
  const metricAt = words.findIndex((word) => isMetric(word))
  const stray = (at: number, allowed: readonly string[]) => ({ word: words[at] ?? '', allowed })
  if (metricAt === -1) {
    const at = words.findIndex((word) => !isSubsystem(word) && !indexPattern.test(word))
    return stray(at === -1 ? words.length : at, Object.keys(metrics))
  }
  const strange = words.slice(0, metricAt).findIndex((word) => !isSubsystem(word) && !indexPattern.test(word))
  if (strange !== -1) return stray(strange, Object.keys(subsystems))
  return stray(metricAt + 1, phaseSuffixes)
}

const either = (words: object) => Object.keys(words).join('|')

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
    description: 'From the fixed vocabulary: [subsystem[.index].]metric[.phase], or vendor.camelCaseName',
    pattern: `^(((${either(subsystems)})\\.([1-9][0-9]{0,2}\\.)?){0,${deepest}}(${either(metrics)})(\\.(${phaseSuffixes.join('|')}))?|vendor\\.[a-z][A-Za-z0-9]{1,47})$`,
  })

const phaseTitles: Readonly<Record<string, string>> = { n: 'N', l12: 'L1-L2', l23: 'L2-L3', l31: 'L3-L1' }

/** What a point is, in words: "Battery 2: state of charge", "Voltage L1", "Module 3, cell 12: voltage". */
export function pointTitle(name: string): string {
  const found = parsePointName(name)
  if (!found) return name
  const { parts, metric, vendorName, phase } = found
  if (vendorName !== undefined) return spaced(vendorName)
  const suffix = phase === undefined ? '' : ` ${phaseTitles[phase] ?? phase.toUpperCase()}`
  const title = `${metric.title}${suffix}`
  const places = parts.map(({ subsystem, index }, depth) => {
    const place = depth === 0 ? subsystems[subsystem] : uncapital(subsystems[subsystem])
    return index === undefined ? place : `${place} ${index}`
  })
  return places.length === 0 ? title : `${places.join(', ')}: ${uncapital(title)}`
}

/** Small first letter, except for abbreviations. */
const uncapital = (title: string) =>
  /^[A-Z][A-Z]/.test(title) ? title : `${title.charAt(0).toLowerCase()}${title.slice(1)}`

/** "gridImportLimit2" as "Grid import limit 2". */
function spaced(name: string): string {
  const words = name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=\d)/g, ' ').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
