import { exceptionText, type Answer, type ReadRequest } from '../../drivers/modbus/pdu.ts'
import { likelyUnitIds, unitOrder } from './likely.ts'
import type { LineAsker } from './line-asker.ts'
import type { HeardAnswer, LineWatch } from './line-watch.ts'

export interface FoundUnit {
  readonly unitId: number
  readonly status: 'present' | 'busy' | 'two-devices'
  readonly latencyMs: number | null
  readonly answer: string
  readonly notes: readonly string[]
}

/** What a sweep has found out; the start of another one that goes on from here. */
export interface SweepState {
  readonly found: Map<number, FoundUnit>
  /** Longest time that each silent ID was given, in ms. */
  readonly waited: Map<number, number>
}

export type SweepEnd =
  | { readonly state: 'complete' | 'cancelled' }
  | { readonly state: 'foreign-traffic' | 'line-errors' | 'closed'; readonly reason: string }

export interface SweepOptions {
  readonly asker: LineAsker
  readonly watch: LineWatch
  readonly signal: AbortSignal
  readonly characterMs: number
  /** How long the adapter may hold an answer back, in ms. */
  readonly adapterMs: number
  /** Asked right after the usual ones. */
  readonly firstIds: readonly number[]
  readonly state: SweepState
  onProgress(phase: 'units' | 'thorough', done: number, total: number, leftMs: number): void
}

/** The shortest question that everybody answers, if only with an exception. */
export const question: ReadRequest = { fn: 3, address: 0, count: 1 }
const questionCharacters = 8
/** Time for the first questions, while nothing is known. */
const firstMs = 200
const likelyMs = 100
/** A device slower than this is left to the thorough pass. */
const longestQuickMs = 200
/** Slow dongles are where devices leave the factory; the time for the rest finds one that takes 600 ms. */
const thoroughLikelyMs = 1000
export const thoroughMs = 650
/** A wait of this share of another one is not worth a second question. */
const alikeShare = 0.8
const listenAgainMs = 300
const pauseMs = 1000
const errorsUntilPause = 3
const errorsUntilEnd = 12

/** Silence between frames in ms: 3.5 characters, 1.75 ms above 19200 baud. */
export const interFrameMs = (characterMs: number): number =>
  characterMs > 0 && characterMs < 0.5 ? 1.75 : 3.5 * characterMs

/** Time that a question takes when nobody answers, beside the waiting. */
export const deadMs = (characterMs: number): number => questionCharacters * characterMs + interFrameMs(characterMs)

/**
 * Asks every unit ID of a line who is there. The time to wait follows what was measured; an answer that comes later than
 * that is still heard, told by its ID, and asked for again.
 */
export function createUnitSweep(options: SweepOptions) {
  const { asker, watch, signal, characterMs, adapterMs, state } = options
  const { found, waited } = state
  const samples = new Map<number, number[]>(
    [...found.values()].flatMap(({ unitId, latencyMs }) => (latencyMs === null ? [] : [[unitId, [latencyMs]]])),
  )
  const late = new Map<number, number>()
  const twice = new Set<number>()
  const tornIds = watch.torn
  const asked = { units: new Set<number>(), thorough: new Set<number>() }
  let current: number | undefined
  let errors = 0
  let end: SweepEnd | undefined

  watch.onAnswer = ({ unitId, latencyMs, again }: HeardAnswer) => {
    samples.set(unitId, [...(samples.get(unitId) ?? []), latencyMs])
    if (again) twice.add(unitId)
    if (unitId !== current && !found.has(unitId)) late.set(unitId, latencyMs)
  }

  /** The median of what was measured: one answer may have been held up by this machine. */
  const latencyOf = (unitId: number): number | undefined => {
    const sorted = samples.get(unitId)?.toSorted((a, b) => a - b)
    return sorted?.[(sorted.length - 1) >> 1]
  }
  const allLatencies = (): number[] => [...samples.keys()].flatMap((unitId) => latencyOf(unitId) ?? [])
  const measured = (): number[] => allLatencies().filter((latencyMs) => latencyMs <= longestQuickMs)

  /** Time for a device that takes 20 ms, which many do. */
  const leastMs = interFrameMs(characterMs) + 20 + adapterMs

  /** Time to the first byte in the quick pass. */
  function quickMs(): number {
    const worst = measured()
    if (worst.length === 0) return leastMs + 5
    return Math.min(longestQuickMs, Math.max(leastMs, 1.15 * Math.max(...worst) + 5))
  }

  function add(unitId: number, answer: Answer, notes: readonly string[] = []): void {
    waited.delete(unitId)
    late.delete(unitId)
    tornIds.delete(unitId)
    found.set(unitId, {
      unitId,
      status: answer.kind === 'exception' && (answer.code === 5 || answer.code === 6) ? 'busy' : 'present',
      latencyMs: latencyOf(unitId) ?? null,
      answer: answerText(answer),
      notes,
    })
  }

  function addCollision(unitId: number): void {
    waited.delete(unitId)
    const text = `two devices on unit ${unitId}? Its answers are damaged again and again`
    found.set(unitId, { unitId, status: 'two-devices', latencyMs: null, answer: 'damaged', notes: [text] })
  }

  function stopped(answer?: Answer): boolean {
    if (watch.foreign !== undefined) end ??= { state: 'foreign-traffic', reason: watch.foreign }
    else if (signal.aborted) end ??= { state: 'cancelled' }
    else if (answer?.kind === 'failed' && (answer.failure === 'closed' || answer.failure === 'refused'))
      end ??= { state: 'closed', reason: answer.reason }
    else if (errors >= errorsUntilEnd)
      end ??= { state: 'line-errors', reason: `${errors} damaged answers: check the line before going on` }
    return end !== undefined
  }

  async function look(unitId: number, waitMs: number) {
    current = unitId
    const seen = await asker.look(unitId, question, waitMs)
    current = undefined
    return seen
  }

  /** Everybody after a unit that seems slow is given more time, so that it is measured three times. */
  async function meet(unitId: number, answer: Answer, waitMs: number): Promise<void> {
    for (let i = 0; i < 2 && (latencyOf(unitId) ?? 0) > leastMs && !stopped(); i++) await look(unitId, waitMs)
    add(unitId, answer)
  }

  /** Asks one ID and notes what came. */
  async function visit(unitId: number, waitMs: number): Promise<void> {
    const { answer, damaged } = await look(unitId, waitMs)
    if (answer.kind !== 'failed') {
      if (damaged) watch.accuse()
      if (isPath(answer)) waited.set(unitId, Math.max(waited.get(unitId) ?? 0, waitMs))
      else await meet(unitId, answer, waitMs)
      stopped()
      return
    }
    if (stopped(answer)) return
    const own = answer.failure === 'crc' || tornIds.has(unitId)
    if (damaged || own) await askAgain(unitId, waitMs, own)
    else waited.set(unitId, Math.max(waited.get(unitId) ?? 0, waitMs))
  }

  /** One question decides whether a damaged answer comes from us: two devices under one ID damage it every time. */
  async function askAgain(unitId: number, waitMs: number, own: boolean): Promise<void> {
    errors++
    if (!(await asker.listen(errors % errorsUntilPause === 0 ? pauseMs : listenAgainMs))) watch.accuse()
    if (stopped()) return
    tornIds.delete(unitId)
    const { answer, damaged } = await look(unitId, Math.max(waitMs, firstMs))
    if (answer.kind !== 'failed' && own) return add(unitId, answer, ['one of its answers was damaged'])
    if (damaged || tornIds.has(unitId)) return addCollision(unitId)
    if (!own) watch.accuse()
    // Left without a waiting time: it is named as not excluded.
    stopped(answer)
  }

  /** Asks those again that were heard too late, or in pieces. */
  async function confirm(): Promise<void> {
    for (const unitId of new Set([...late.keys(), ...tornIds])) {
      if (stopped()) return
      const latencyMs = late.get(unitId) ?? thoroughLikelyMs
      late.delete(unitId)
      tornIds.delete(unitId)
      if (!found.has(unitId)) await visit(unitId, Math.max(firstMs, 1.5 * latencyMs + 100))
    }
  }

  /** What asking these takes when nobody else answers. */
  const costMs = (unitIds: readonly number[], waitOf: (unitId: number) => number): number =>
    unitIds.reduce((sum, id) => sum + (found.has(id) ? 0 : waitOf(id) + deadMs(characterMs)), 0)

  async function pass(
    phase: 'units' | 'thorough',
    unitIds: readonly number[],
    waitOf: (unitId: number) => number,
    /** Of the passes after this one. */
    laterMs: () => number = () => 0,
  ): Promise<void> {
    let done = 0
    for (const unitId of unitIds) {
      if (stopped()) return
      const leftMs = costMs(unitIds.slice(done), waitOf) + laterMs()
      options.onProgress(phase, done++, unitIds.length, Math.round(leftMs))
      if (found.has(unitId) || (waited.get(unitId) ?? 0) >= alikeShare * waitOf(unitId)) continue
      asked[phase].add(unitId)
      await visit(unitId, waitOf(unitId))
      if (late.size > 0 || tornIds.size > 0) await confirm()
    }
    // Whoever answers slowly to the last question is heard as well.
    if (!stopped()) await asker.listen(quickMs())
    await confirm()
  }

  /** The least that the same questions take: the wire, and for each the slowest answer that is to be waited for. */
  function floorMs(): number {
    const quick = Math.max(leastMs, ...measured())
    const slowest = Math.max(0, ...allLatencies())
    const perQuestionMs = deadMs(characterMs)
    const quickFloorMs = asked.units.size * (perQuestionMs + quick)
    return quickFloorMs + asked.thorough.size * (perQuestionMs + (slowest > longestQuickMs ? slowest : thoroughMs))
  }

  return {
    quickMs,
    floorMs,
    async run(thorough: boolean): Promise<SweepEnd> {
      const order = unitOrder(options.firstIds)
      const likely = new Set([...likelyUnitIds, ...options.firstIds])
      const quickOf = (unitId: number): number => {
        if (measured().length > 0 || !likely.has(unitId)) return quickMs()
        return Math.max(quickMs(), unitId === order[0] ? firstMs : likelyMs)
      }
      const thoroughOf = (unitId: number): number => (likely.has(unitId) ? thoroughLikelyMs : thoroughMs)
      const unlikely = order.filter((unitId) => !likely.has(unitId))
      const slowMs = (): number => (thorough ? costMs(order, thoroughOf) : 0)
      await pass(
        'units',
        order.filter((unitId) => likely.has(unitId)),
        quickOf,
        () => slowMs() + (!thorough || measured().length > 0 ? costMs(unlikely, quickOf) : 0),
      )
      // Where nobody likely answers in time, a quick look at the rest only delays the thorough one.
      if (!thorough || measured().length > 0) await pass('units', order, quickOf, slowMs)
      if (thorough) await pass('thorough', order, thoroughOf)
      for (const unitId of twice) {
        const unit = found.get(unitId)
        const text = `two devices on unit ${unitId}? It answers twice`
        if (unit) found.set(unitId, { ...unit, status: 'two-devices', notes: [...unit.notes, text] })
      }
      stopped()
      return end ?? { state: 'complete' }
    },
  }
}

/** The answers of a gateway for a unit that is not there. */
export function isPath(answer: Answer): boolean {
  return answer.kind === 'exception' && (answer.code === 10 || answer.code === 11)
}

export function answerText(answer: Answer): string {
  if (answer.kind === 'exception') return `exception ${answer.code}, ${exceptionText(answer.code)}`
  return answer.kind === 'failed' ? answer.reason : 'data'
}
