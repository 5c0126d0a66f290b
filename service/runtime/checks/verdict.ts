import type { CheckMeasure, CheckReason, CheckReasonCode, CheckRestored, CheckVerdict } from '#contract/checks.ts'
import type { CheckEnd } from './session.ts'

/** Ends that say something about the device or the site, that say nothing, and that mean it never really ran. */
const failures: ReadonlySet<CheckReasonCode> = new Set(['wrong', 'write-failed'])
const unmet: ReadonlySet<CheckReasonCode> = new Set([
  'no-load',
  'no-vehicle',
  'no-sun',
  'no-headroom',
  'not-covered',
  'not-measured',
])

/** What a check has come to. A device that was not put back as it was never passes. */
export function verdictOf(
  ended: CheckEnd | undefined,
  measures: readonly CheckMeasure[],
  restored: readonly CheckRestored[],
): { readonly verdict: CheckVerdict; readonly reason: CheckReason } {
  const found = fromEnd(ended) ?? fromMeasures(measures)
  const left = restored.find(({ ok }) => !ok)
  if (!left || found.verdict !== 'passed') return found
  return { verdict: 'failed', reason: { code: 'write-failed', text: `${left.deviceId}: ${left.text}`.slice(0, 400) } }
}

function fromEnd(ended: CheckEnd | undefined): ReturnType<typeof verdictOf> | undefined {
  if (!ended) return undefined
  const reason = { code: ended.code, text: ended.message.slice(0, 400) }
  if (failures.has(ended.code)) return { verdict: 'failed', reason }
  return { verdict: unmet.has(ended.code) ? 'not-executed' : 'interrupted', reason }
}

function fromMeasures(measures: readonly CheckMeasure[]): ReturnType<typeof verdictOf> {
  const wrong = measures.find(({ state }) => state === 'failed')
  if (wrong) return { verdict: 'failed', reason: { code: 'wrong', text: sentence(wrong) } }
  if (measures.length === 0 || measures.some(({ state }) => state === 'open'))
    return {
      verdict: 'not-executed',
      reason: { code: 'not-measured', text: 'it ended before everything was measured' },
    }
  return { verdict: 'passed', reason: { code: 'none', text: '' } }
}

const bounds: Readonly<Record<CheckMeasure['rule'], string>> = {
  'at-most': 'at most',
  'at-least': 'at least',
  within: '',
  exact: 'exactly',
  info: '',
}

function sentence({ key, rule, unit, expected, tolerance, measured }: CheckMeasure): string {
  const is = measured === undefined ? 'could not be measured' : `is ${measured} ${unit}`.trim()
  const wanted =
    expected === undefined ? '' : `, expected ${bounds[rule]} ${expected} ${unit}`.replaceAll(/ +/g, ' ').trimEnd()
  return `${key} ${is}${wanted}${tolerance ? ` ± ${tolerance}` : ''}`
}
