import type { Check, CheckMeasure, CheckRun, CheckVerdict } from '#contract/checks.ts'
import { emDash, formatNumber, shownNumber } from '../../format/number.ts'
import { shownFactor, shownUnit } from '../../format/quantity.ts'
import { t } from '../../i18n.ts'

/** Phases are numbered; people name them. */
const asPhase = (value: number): string => `L${value}`

/** A value with its unit as people read it: powers in kW, times to the hundredth, three digits that mean something. */
export function amountText(value: number, unit: string): string {
  const [base = '', per] = unit.split('/')
  const scaled = value * shownFactor(base)
  const shown = unit === 's' ? Number(scaled.toFixed(2)) : Number(scaled.toPrecision(3))
  const named = per === undefined ? shownUnit(base) : `${shownUnit(base)}/${per}`
  return `${shownNumber(shown)} ${named}`.trimEnd()
}

/** A value of a measure. */
export function measureText({ key, unit }: CheckMeasure, value: number | undefined): string {
  if (value === undefined) return emDash
  return key === 'phase' ? asPhase(value) : amountText(value, unit)
}

/** "at most", "± 5 %" or "exact". */
export function toleranceText({ rule, tolerance, unit }: CheckMeasure): string {
  if (rule === 'within' && tolerance !== undefined) return `± ${amountText(tolerance, unit)}`
  return t(`checks.rule.${rule}`)
}

export const measureTitle = ({ key }: CheckMeasure): string => {
  const [name = '', phase] = key.split('.')
  const title = t(`checks.measure.${name}` as 'checks.measure.power')
  return phase === undefined ? title : `${title} ${phase.toUpperCase()}`
}

/** What a check is called, in the language of the window. */
export const checkTitle = ({
  kind,
  subjectName,
  command,
}: Pick<Check | CheckRun, 'kind' | 'subjectName' | 'command'>): string =>
  t(`checks.kind.${kind}`, { name: subjectName, command: command ?? '' })

/** Shape and word of what a check has come to, or why it has not. */
export function standing(check: Check): { readonly shape: Shape; readonly word: string } {
  const { state, newest, reason } = check
  if (state === 'running') return { shape: 'running', word: t('checks.state.running') }
  if (newest) {
    const word = t(`checks.verdict.${newest.verdict}`)
    return { shape: shapeOf[newest.verdict], word: newest.outdated ? t('checks.outdated', { word }) : word }
  }
  if (state === 'blocked') return { shape: 'open', word: t(`checks.reason.${reason.code}`) }
  return { shape: 'open', word: t(state === 'locked' ? 'checks.state.locked' : 'checks.state.ready') }
}

export type Shape = 'passed' | 'failed' | 'warning' | 'open' | 'running'
export const shapeOf: Readonly<Record<CheckVerdict, Shape>> = {
  passed: 'passed',
  failed: 'failed',
  interrupted: 'warning',
  'not-executed': 'open',
  accepted: 'warning',
}

/** The number that decides, of the newest run or of what would be judged. */
export const headline = ({ newest, expects }: Check): CheckMeasure | undefined => newest?.headline ?? expects[0]

/** A running time as 12.3 s. */
export const secondsText = (ms: number, decimals = 1): string => `${formatNumber(ms / 1_000, decimals)} s`
