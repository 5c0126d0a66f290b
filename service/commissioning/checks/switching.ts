import { between, meanOf, medianOf, type Sample } from './samples.ts'

/** A span of a trace in which a known load was at one level, settled. */
export interface Level {
  readonly on: boolean
  readonly fromMs: number
  readonly toMs: number
}

/** What switching has done to one quantity. */
export interface Difference {
  /** Middle of what the single switchings have done. */
  readonly value: number
  /** Largest distance of one of them from that. */
  readonly spread: number
  readonly pairs: number
}

/**
 * The change of a quantity between the levels of a known load, one value per neighbouring pair of levels, so that what drifts
 * slowly cancels out and what jumps between shows as spread. Undefined when a level has no samples.
 */
export function differenceOf(samples: readonly Sample[], levels: readonly Level[]): Difference | undefined {
  const means = levels.map(({ fromMs, toMs }) => meanOf(between(samples, fromMs, toMs).map(({ value }) => value)))
  const changes: number[] = []
  for (const [index, { on }] of levels.entries()) {
    const before = means[index - 1]
    const here = means[index]
    if (index === 0 || before === undefined || here === undefined) continue
    changes.push(on ? here - before : before - here)
  }
  const value = medianOf(changes)
  if (value === undefined || changes.length < levels.length - 1) return undefined
  return { value, spread: Math.max(...changes.map((change) => Math.abs(change - value))), pairs: changes.length }
}

/** Of what was expected, how much other things may have moved before nothing can be said. */
const disturbedShare = 0.25

/** Whether the single switchings agree well enough. */
export const isDisturbed = ({ spread }: Difference, expected: number): boolean =>
  spread > Math.max(30, disturbedShare * Math.abs(expected))

/** The phase that moved: 1 to 3, when one moved clearly more than the others did together. */
export function phaseThatMoved(differences: readonly (number | undefined)[]): number | undefined {
  const sizes = differences.map((value) => Math.abs(value ?? 0))
  const largest = Math.max(...sizes)
  const rest = sizes.reduce((sum, size) => sum + size, 0) - largest
  return largest > 2 * rest && largest > 0 ? sizes.indexOf(largest) + 1 : undefined
}
