import type { Mode } from '#contract/api.ts'
import type { ManualRule, WriteRule } from '#contract/control.ts'

/** Everything that what becomes of an automatic write depends on, besides the write itself. */
export interface WriteSituation {
  readonly mode: Mode
  /** The endpoint was bound and reported by our own simulated plant. */
  readonly simulated: boolean
  /** Any reading that the value rests on is one of the simulated plant (S11). */
  readonly dependsOnSimulated: boolean
  readonly startedByDesktop: boolean
  readonly controlEnabled: boolean
  readonly dryRun: boolean
}

const any = {
  mode: 'any',
  target: 'any',
  dependsOnSimulated: 'any',
  startedByDesktop: 'any',
  controlEnabled: 'any',
  dryRun: 'any',
} as const

/**
 * What becomes of an automatic write: the first row that fits decides (S1, S11). service/README.md shows this table, and a test
 * keeps the two equal.
 */
export const writeTable: readonly WriteRule[] = [
  { ...any, mode: 'replay', outcome: 'refused', text: 'replay opens no device' },
  { ...any, controlEnabled: 'no', outcome: 'refused', text: 'control is not enabled on this edge' },
  {
    ...any,
    mode: 'simulation',
    target: 'real',
    outcome: 'refused',
    text: 'simulation mode writes only to the simulated plant',
  },
  {
    ...any,
    target: 'real',
    startedByDesktop: 'yes',
    outcome: 'refused',
    text: 'a service started by the desktop app does not control real devices',
  },
  {
    ...any,
    target: 'real',
    dependsOnSimulated: 'yes',
    outcome: 'recorded',
    text: 'it rests on a simulated reading: recorded, not sent to a real device',
  },
  { ...any, dryRun: 'yes', outcome: 'recorded', text: 'dry run: recorded, not sent' },
  { ...any, outcome: 'sent', text: 'sent' },
]

const fits = (wanted: 'any' | 'yes' | 'no', is: boolean): boolean => wanted === 'any' || (wanted === 'yes') === is

/** The row of the table that decides. */
export function writeRuleFor(situation: WriteSituation): WriteRule {
  const { mode, simulated, dependsOnSimulated, startedByDesktop, controlEnabled, dryRun } = situation
  const found = writeTable.find(
    (rule) =>
      (rule.mode === 'any' || rule.mode === mode) &&
      (rule.target === 'any' || (rule.target === 'simulated') === simulated) &&
      fits(rule.dependsOnSimulated, dependsOnSimulated) &&
      fits(rule.startedByDesktop, startedByDesktop) &&
      fits(rule.controlEnabled, controlEnabled) &&
      fits(rule.dryRun, dryRun),
  )
  // The last row fits everything.
  return found ?? { ...any, outcome: 'refused', text: 'no rule allows it' }
}

/** Everything that what becomes of a person's write depends on, besides the write itself. */
export interface ManualSituation {
  readonly mode: Mode
  readonly simulated: boolean
  readonly controlled: boolean
  readonly lent: 'no' | 'own' | 'other'
  readonly returning: boolean
  readonly armed: boolean
}

const anyManual = {
  mode: 'any',
  target: 'any',
  controlled: 'any',
  lent: 'any',
  returning: 'any',
  armed: 'any',
} as const

/**
 * What becomes of a write that a person asked for: the first row that fits decides (S1, S9). A check borrows its device from
 * automatic control, which leaves it alone for that time; what it found before goes back even when its person is no longer armed.
 */
export const manualTable: readonly ManualRule[] = [
  { ...anyManual, mode: 'replay', outcome: 'refused', text: 'replay opens no device' },
  {
    ...anyManual,
    mode: 'simulation',
    target: 'real',
    outcome: 'refused',
    text: 'simulation mode writes only to the simulated plant',
  },
  {
    ...anyManual,
    lent: 'other',
    outcome: 'refused',
    text: 'a check works with this device; wait for its end, or abort it',
  },
  {
    ...anyManual,
    controlled: 'yes',
    lent: 'no',
    outcome: 'refused',
    text: 'automatic control decides over it; switch it off, or to dry run, first',
  },
  { ...anyManual, lent: 'own', returning: 'yes', outcome: 'sent', text: 'what a check has found before goes back' },
  { ...anyManual, armed: 'no', outcome: 'refused', text: 'a write by hand needs Armed: arm yourself first' },
  { ...anyManual, outcome: 'sent', text: 'sent' },
]

/** The row of the table for people that decides. */
export function manualRuleFor(situation: ManualSituation): ManualRule {
  const { mode, simulated, controlled, lent, returning, armed } = situation
  const found = manualTable.find(
    (rule) =>
      (rule.mode === 'any' || rule.mode === mode) &&
      (rule.target === 'any' || (rule.target === 'simulated') === simulated) &&
      fits(rule.controlled, controlled) &&
      (rule.lent === 'any' || rule.lent === lent) &&
      fits(rule.returning, returning) &&
      fits(rule.armed, armed),
  )
  // The last row fits everything.
  return found ?? { ...anyManual, outcome: 'refused', text: 'no rule allows it' }
}
