import { createHash } from 'node:crypto'
import type { Decision } from '../control/types.ts'

/** What one decision says, in a form that is the same for the same decision: values and sentences, byte for byte. */
export function canonicalDecision({ setpoint, reasons, dependsOn }: Decision): string {
  const { deviceId, command, value, relieves } = setpoint
  const said = reasons.map(({ rule, tier, text }) => [rule, tier, text])
  return JSON.stringify([deviceId, command, value, relieves, said, dependsOn])
}

export interface ChangedDecisions {
  /** Canonical, one for each decision that is not as it was in the cycle before, and those that have ended. */
  readonly changed: readonly string[]
  /** Of what changed; empty when nothing did. */
  readonly hash: string
}

/** Follows the decisions of one grid. The same decisions in the same cycles give the same hashes. */
export function createDecisionLog(): (decisions: readonly Decision[]) => ChangedDecisions {
  let last = new Map<string, { decision: Decision; text: string }>()
  return (decisions) => {
    const changed: string[] = []
    const next = new Map<string, { decision: Decision; text: string }>()
    for (const decision of decisions) {
      const key = `${decision.setpoint.deviceId} ${decision.setpoint.command}`
      const before = last.get(key)
      if (before && isSame(before.decision, decision)) {
        next.set(key, before)
        continue
      }
      const entry = { decision, text: canonicalDecision(decision) }
      if (entry.text !== before?.text) changed.push(entry.text)
      next.set(key, entry)
    }
    for (const key of last.keys()) if (!next.has(key)) changed.push(JSON.stringify([key, null]))
    last = next
    return { changed, hash: changed.length === 0 ? '' : sha256(changed.join('\n')).slice(0, 16) }
  }
}

/** Whether two decisions say the same, without building a text: most of them do, cycle after cycle. */
function isSame(a: Decision, b: Decision): boolean {
  if (a === b) return true
  return (
    a.setpoint.value === b.setpoint.value &&
    a.setpoint.relieves === b.setpoint.relieves &&
    a.reasons.length === b.reasons.length &&
    a.dependsOn.length === b.dependsOn.length &&
    a.reasons.every((reason, at) => {
      const other = b.reasons[at]
      return (
        other === reason || (other?.rule === reason.rule && other.tier === reason.tier && other.text === reason.text)
      )
    }) &&
    a.dependsOn.every((id, at) => id === b.dependsOn[at])
  )
}

/** One digest over all cycles of all grids. */
export interface RunDigest {
  add(gridId: string, cycle: number, hash: string): void
  /** SHA-256 in hexadecimal; nothing can be added afterwards. */
  finish(): string
}

export function createRunDigest(): RunDigest {
  const hash = createHash('sha256')
  return {
    add(gridId, cycle, of) {
      if (of !== '') hash.update(`${gridId} ${cycle} ${of}\n`)
    },
    finish: () => hash.digest('hex'),
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
