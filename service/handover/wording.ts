import type { CheckMeasure, CheckReason, CheckRun, CheckVerdict, MeasureKey } from '#contract/checks.ts'
import type { HandoverLanguage } from '#contract/handover.ts'
import { type Cell, cell } from './blocks.ts'
import { germanChecks, germanReasons } from './check-names.ts'
import { inGerman } from './german-words.ts'
import { measureNames } from './measure-names.ts'
import { fill, type Texts } from './texts.ts'

/** Numbers, times and verdicts as a report prints them. */
export interface Wording {
  readonly t: Texts
  number(value: number | undefined, unit?: string): string
  time(atMs: number): string
  verdict(verdict: CheckVerdict | undefined): Cell
  /** A word of the service, such as the state of a device. */
  word(english: string): string
  measure(key: MeasureKey): string
  check(of: Pick<CheckRun, 'kind' | 'title' | 'subjectName' | 'command'>): string
  /** Why a check ended as it did, empty where there is nothing to say. */
  reason(of: CheckReason): string
  expected(measure: CheckMeasure): string
  tolerance(measure: CheckMeasure): string
}

export function wordingOf(language: HandoverLanguage, timeZone: string, t: Texts): Wording {
  const locale = language === 'de' ? 'de-DE' : 'en-GB'
  const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 3, useGrouping: true })
  const times = new Intl.DateTimeFormat(locale, {
    timeZone: zoneOrUtc(timeZone),
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  })
  const number = (value: number | undefined, unit = ''): string =>
    value === undefined ? '\u2014' : `${numbers.format(value)}${unit === '' ? '' : `\u00a0${unit}`}`
  const verdicts: Readonly<Record<CheckVerdict, Cell>> = {
    passed: cell(t.passed, 'good'),
    failed: cell(t.failed, 'bad'),
    interrupted: cell(t.interrupted, 'warn'),
    'not-executed': cell(t.notExecuted, 'warn'),
    accepted: cell(t.accepted, 'warn'),
  }
  return {
    t,
    number,
    time: (atMs) => times.format(atMs),
    verdict: (verdict) => (verdict ? verdicts[verdict] : cell(t.notExecuted, 'warn')),
    word: (english) => (language === 'en' ? english : inGerman(english)),
    measure: (key) => measureNames[language][key],
    check: ({ kind, title, subjectName, command }) =>
      language === 'en' ? title : fill(germanChecks[kind], { name: subjectName, command: command ?? '' }),
    reason: ({ code, text }) => (code === 'none' ? '' : language === 'en' ? text : germanReasons[code]),
    expected: ({ rule, expected, unit }) => {
      const value = number(expected, unit)
      if (rule === 'at-most') return `${t.atMost} ${value}`
      return rule === 'at-least' ? `${t.atLeast} ${value}` : value
    },
    tolerance: ({ rule, tolerance, unit }) => {
      if (rule === 'exact') return t.exact
      return rule === 'within' ? `\u00b1 ${number(tolerance, unit)}` : '\u2014'
    },
  }
}

/** A zone that this machine does not know is no reason to print no report. */
function zoneOrUtc(timeZone: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone
  } catch {
    return 'UTC'
  }
}
