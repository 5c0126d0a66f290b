import { createHash } from 'node:crypto'
import type { Decision } from '../control/types.ts'

/** Lists of devices are the same objects for as long as a site is: each is hashed once. */
const listHashes = new WeakMap<readonly string[], string>()
function hashOf(list: readonly string[]): string {
  let hash = listHashes.get(list)
  if (hash === undefined) {
    hash = sha256(list.join('\n')).slice(0, 16)
    listHashes.set(list, hash)
  }
  return hash
}

/** What one decision says, in a form that is the same for the same decision: values and sentences, byte for byte. */
export function canonicalDecision({ setpoint, reasons, dependsOn }: Decision): string {
  const { deviceId, command, value, relieves } = setpoint
  const said = reasons.map(({ rule, tier, text }) => [rule, tier, text])
  return JSON.stringify([deviceId, command, value, relieves, said, hashOf(dependsOn)])
}

export interface ChangedDecisions {
  /** Canonical, one for each decision that is not as it was in the cycle before, and those that have ended. */
  readonly changed: readonly string[]
  /** Of what changed; empty when nothing did. */
  readonly hash: string
}

interface Followed {
  decision: Decision
  text: string
  /** The cycle in which it was last decided. */
  cycle: number
}

/** Follows the decisions of one grid. The same decisions in the same cycles give the same hashes. */
export function createDecisionLog(): (decisions: readonly Decision[]) => ChangedDecisions {
  // By device and command: a key made of both would be built anew for every decision of every cycle.
  const devices = new Map<string, Map<string, Followed>>()
  let followed = 0
  let cycle = 0
  return (decisions) => {
    cycle += 1
    const changed: string[] = []
    for (const decision of decisions) {
      const { deviceId, command } = decision.setpoint
      let commands = devices.get(deviceId)
      if (!commands) devices.set(deviceId, (commands = new Map()))
      const before = commands.get(command)
      if (before && isSame(before.decision, decision)) {
        before.cycle = cycle
        continue
      }
      const text = canonicalDecision(decision)
      if (text !== before?.text) changed.push(text)
      if (!before) followed += 1
      commands.set(command, { decision, text, cycle })
    }
    if (followed !== decisions.length)
      for (const [deviceId, commands] of devices)
        for (const [command, entry] of commands) {
          if (entry.cycle === cycle) continue
          commands.delete(command)
          followed -= 1
          changed.push(JSON.stringify([`${deviceId} ${command}`, null]))
        }
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
