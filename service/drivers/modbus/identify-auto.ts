import { identifyUnit, type Candidate, type IdentifyOptions } from './identify.ts'
import type { ReadRequest } from './pdu.ts'

/** The unit IDs that devices leave the factory with, the most frequent first. */
const usualUnitIds = [1, 255, 247, 71, 2, 3, 100, 200, 126, 127, 85, 61, 50, 248, 5, 6, 11, 0]
/** An ID that nothing is set to: who answers to it answers to any. */
const oddUnitId = 222
/** Time to the first byte while looking around; a device that was found is then given its usual time. */
const quickTimeoutMs = 300
const shortestTimeoutMs = 100
const usualTimeoutMs = 1000
/** Second look at the likeliest IDs, for dongles that take their time. */
const slowTimeoutMs = 2500
const slowUnitIds = 4

const question: ReadRequest = { fn: 3, address: 40_000, count: 2 }

export interface IdentifiedBus {
  readonly candidates: readonly Candidate[]
  /** Units that answer. */
  readonly unitIds: readonly number[]
  /** Why nobody was found, or what a person must know about the search. */
  readonly notes: readonly string[]
}

/**
 * Looks for devices under the unit IDs that are usual, one at a time, and identifies each one found. Stops where bytes
 * come that nobody asked for: somebody else is talking on the line.
 */
export async function identifyBus(options: IdentifyOptions): Promise<IdentifiedBus> {
  const { bus, maps, signal } = options
  const notes: string[] = []
  const unitIds: number[] = []
  const candidates: Candidate[] = []
  let quickMs = quickTimeoutMs
  let strangers = false
  let unreachable = false
  let reason: string | undefined

  /** True when somebody lives there. */
  async function look(unitId: number, timeoutMs: number): Promise<boolean> {
    const answer = await bus.unit(unitId).ask(question, {
      priority: 'scan',
      probeMs: timeoutMs,
      ...(signal && { signal }),
    })
    if (answer.kind === 'failed') {
      reason = answer.reason
      unreachable ||= answer.failure === 'closed' && unitIds.length === 0
    }
    // A garbled answer to a question of ours may be a collision; bytes without a question are another's conversation.
    strangers ||= bus.stats().discarded > 0
    return answer.kind !== 'failed' && !(answer.kind === 'exception' && (answer.code === 10 || answer.code === 11))
  }

  async function found(unitId: number): Promise<void> {
    bus.unit(unitId, { timeoutMs: usualTimeoutMs })
    const identified = await identifyUnit(options, unitId)
    if (identified.kind === 'silent') return
    unitIds.push(unitId)
    candidates.push(...identified.candidates)
  }

  const own = maps.flatMap(({ map }) => map.connection?.unitId ?? [])
  const serial = bus.costs.registerMs > 0 && bus.name.startsWith('rtu')
  const ranked = [...new Set([...usualUnitIds, ...own])].filter((unitId) => !(serial && unitId === 0))
  for (const [pass, ids] of [ranked, ranked.slice(0, slowUnitIds)].entries()) {
    for (const unitId of ids) {
      if (signal?.aborted || strangers || unreachable) break
      if (!(await look(unitId, pass === 0 ? quickMs : slowTimeoutMs))) continue
      await found(unitId)
      // Behind one address all answer about as fast.
      const { p95Ms } = bus.unit(unitId).stats()
      if (p95Ms !== undefined) quickMs = Math.min(quickTimeoutMs, Math.max(shortestTimeoutMs, 3 * p95Ms + 50))
      if (unitIds.length === 1 && !serial && (await look(oddUnitId, quickMs))) {
        notes.push(`the device answers to any unit ID; ${unitId} is the first that was tried`)
        return { candidates, unitIds, notes }
      }
    }
    if (unitIds.length > 0 || strangers || unreachable) break
  }
  if (strangers) notes.push('other traffic was seen on the line, so that the search was stopped')
  if (unitIds.length === 0)
    notes.push(`nobody answers under ${ranked.join(', ')}${reason === undefined ? '' : `: ${reason}`}`)
  return { candidates: candidates.toSorted((a, b) => b.confidence - a.confidence), unitIds, notes }
}
