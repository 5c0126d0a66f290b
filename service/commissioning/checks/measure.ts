import type { CheckMeasure, MeasureKey } from '#contract/checks.ts'

interface Open {
  readonly key: MeasureKey
  readonly unit: string
  readonly rule: CheckMeasure['rule']
  readonly expected?: number
  readonly tolerance?: number
}

/** Something that a check will find out. */
export const open = (given: Open): CheckMeasure => ({ ...given, state: 'open' })

/** The same with what was found, judged. What could not be measured fails, unless it is for information only. */
export function judged(measure: CheckMeasure, measured: number | undefined): CheckMeasure {
  const found = measured === undefined ? undefined : roundTo(measured)
  const { measured: _before, ...rest } = measure
  return {
    ...rest,
    ...(found !== undefined && { measured: found }),
    state: measure.rule === 'info' || holds(measure, found) ? 'passed' : 'failed',
  }
}

function holds({ rule, expected = 0, tolerance = 0 }: CheckMeasure, measured: number | undefined): boolean {
  if (measured === undefined || !Number.isFinite(measured)) return false
  if (rule === 'at-most') return measured <= expected
  if (rule === 'at-least') return measured >= expected
  return Math.abs(measured - expected) <= (rule === 'exact' ? 0 : tolerance) * (1 + 1e-9)
}

/** The numbers of a check with one of them judged. */
export const withMeasured = (
  measures: readonly CheckMeasure[],
  key: MeasureKey,
  measured: number | undefined,
): CheckMeasure[] => measures.map((measure) => (measure.key === key ? judged(measure, measured) : measure))

/** The number that decides: the first that has failed, else the first. */
export const headlineOf = (measures: readonly CheckMeasure[]): CheckMeasure | undefined =>
  measures.find(({ state }) => state === 'failed') ?? measures[0]

/** Four digits are more than any of these measurements has. */
export const roundTo = (value: number): number => (Number.isFinite(value) ? Number(value.toPrecision(4)) + 0 : value)
