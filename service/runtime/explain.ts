import type { Reason, SetpointState } from '#contract/api.ts'
import type { Explanation } from '#contract/control.ts'
import type { ExplainRow } from '../storage/types.ts'

/** While the same rules decide, their numbers are kept this often. */
const numbersEveryMs = 10_000

/** What is kept of a setpoint, without its numbers: few texts, however often the numbers change. */
interface Told {
  readonly outcome: SetpointState['outcome'] | 'left-alone'
  readonly unit: string
  readonly outcomeReason?: string
  readonly reasons: readonly (readonly [rule: string, tier: Reason['tier'], text: string])[]
}

const separator = '\u001F'
const numbers = /\d+(?:[.,]\d+)*/g

/** Takes the numbers out of the sentences, to be put back in their order. */
function pack(told: Told): { text: string; numbers: string } {
  const found: string[] = []
  const blank = (text: string): string =>
    text.replaceAll('#', '##').replaceAll(numbers, (number) => {
      found.push(number)
      return '#n'
    })
  const text = JSON.stringify({
    ...told,
    ...(told.outcomeReason !== undefined && { outcomeReason: blank(told.outcomeReason) }),
    reasons: told.reasons.map(([rule, tier, sentence]) => [rule, tier, blank(sentence)]),
  })
  return { text, numbers: found.join(separator) }
}

function unpack({ text, numbers: packed }: Pick<ExplainRow, 'text' | 'numbers'>): Told {
  const told = JSON.parse(text) as Told
  const values = packed.split(separator)
  let next = 0
  const fill = (sentence: string): string =>
    sentence.replaceAll(/##|#n/g, (mark) => (mark === '##' ? '#' : (values[next++] ?? '?')))
  return {
    ...told,
    ...(told.outcomeReason !== undefined && { outcomeReason: fill(told.outcomeReason) }),
    reasons: told.reasons.map(([rule, tier, sentence]) => [rule, tier, fill(sentence)] as const),
  }
}

/** What one grid has decided in one cycle, as far as it is explained. */
export interface Decided {
  readonly atMs: number
  readonly setpoints: readonly SetpointState[]
  readonly leftAlone: readonly { readonly deviceId: string; readonly text: string }[]
}

export interface Explainer {
  /** The rows to store for this cycle: what other rules decide now, and now and then the numbers. */
  note(decided: Decided): ExplainRow[]
  /** The reasons in force at that time, from what was stored and what was noted since. */
  explain(device: string, atMs: number, stored: readonly ExplainRow[]): Explanation
}

/** Keeps, for each setpoint, the chain of rules that decided it. */
export function createExplainer(): Explainer {
  const latest = new Map<string, Newest>()
  /** Whether each device was controlled or left alone. */
  const kinds = new Map<string, 'controlled' | 'alone'>()

  /** Takes note of one line; returns it as a row when that is due. Cheap while nothing but numbers changes. */
  function noteOne(
    place: Pick<ExplainRow, 'deviceId' | 'command'>,
    atMs: number,
    told: Told,
    value?: number,
  ): ExplainRow[] {
    const { deviceId, command } = place
    const key = `${deviceId} ${command}`
    const signature = `${told.outcome} ${told.reasons.map(([rule]) => rule).join(' ')}`
    const kind = command === '' ? 'alone' : 'controlled'
    const before = latest.get(key)
    const same = before?.signature === signature && kinds.get(deviceId) === kind
    const now: Newest = {
      ...place,
      signature,
      told,
      atMs,
      sinceMs: same ? before.sinceMs : atMs,
      storedMs: before?.storedMs ?? -Infinity,
      ...(value !== undefined && { value }),
    }
    latest.set(key, now)
    // A clock that was set back stores at once.
    if (same && Math.abs(atMs - now.storedMs) < numbersEveryMs) return []
    now.storedMs = atMs
    return [rowOf(now)]
  }

  return {
    note({ atMs, setpoints, leftAlone }) {
      const rows: ExplainRow[] = []
      for (const { deviceId, command, value, unit, outcome, outcomeReason, reasons } of setpoints) {
        const told: Told = {
          outcome,
          unit,
          ...(outcomeReason !== undefined && { outcomeReason }),
          reasons: reasons.map(({ rule, tier, text }) => [rule, tier, text]),
        }
        rows.push(...noteOne({ deviceId, command }, atMs, told, value))
      }
      for (const { deviceId, text } of leftAlone) {
        const told: Told = { outcome: 'left-alone', unit: '', reasons: [['left-alone', 'safety', text]] }
        rows.push(...noteOne({ deviceId, command: '' }, atMs, told))
      }
      for (const { deviceId } of setpoints) kinds.set(deviceId, 'controlled')
      for (const { deviceId } of leftAlone) kinds.set(deviceId, 'alone')
      return rows
    },
    explain(device, atMs, stored) {
      const rows = new Map(stored.map((row) => [row.command, row]))
      for (const newest of latest.values())
        if (newest.deviceId === device && newest.atMs <= atMs) rows.set(newest.command, rowOf(newest))
      const newestMs = Math.max(...[...rows.values()].map((row) => row.atMs))
      const alone = rows.get('')
      if (alone?.atMs === newestMs)
        return {
          device,
          atMs,
          setpoints: [],
          leftAlone: { text: unpack(alone).reasons[0]?.[2] ?? '', sinceMs: alone.sinceMs },
        }
      // Commands that are decided together are stored together, give or take.
      const held = [...rows.values()].filter((row) => row.command !== '' && row.atMs >= newestMs - 2 * numbersEveryMs)
      return { device, atMs, setpoints: held.flatMap(explained) }
    },
  }
}

interface Newest extends Pick<ExplainRow, 'deviceId' | 'command' | 'value' | 'atMs' | 'sinceMs'> {
  readonly signature: string
  readonly told: Told
  storedMs: number
}

function rowOf({ deviceId, command, atMs, sinceMs, value, told }: Newest): ExplainRow {
  return { deviceId, command, atMs, sinceMs, ...(value !== undefined && { value }), ...pack(told) }
}

function explained(made: ExplainRow): Explanation['setpoints'] {
  const { outcome, unit, outcomeReason, reasons } = unpack(made)
  if (outcome === 'left-alone') return []
  return [
    {
      command: made.command,
      unit,
      value: made.value ?? 0,
      outcome,
      ...(outcomeReason !== undefined && { outcomeReason }),
      sinceMs: made.sinceMs,
      atMs: made.atMs,
      reasons: reasons.map(([rule, tier, text]) => ({ rule, tier, text })),
    },
  ]
}
