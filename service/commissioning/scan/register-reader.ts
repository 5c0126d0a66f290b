import type { Clock } from '../../domain/clock.ts'
import type { ReadOnlyBus } from '../../drivers/modbus/bus.ts'
import { exceptionText, type Answer, type ReadRegisters } from '../../drivers/modbus/pdu.ts'

export type ReadEnd =
  | { readonly state: 'cancelled' }
  | { readonly state: 'closed' | 'foreign-traffic'; readonly reason: string }

export type ReadOutcome =
  | { readonly kind: 'values'; readonly words: ArrayLike<number> }
  | { readonly kind: 'illegal-address' | 'illegal-value' }
  | { readonly kind: 'exception'; readonly code: number }
  | { readonly kind: 'silence' }
  | { readonly kind: 'ended' }

/** How gently a device is read. */
export interface ReadRate {
  /** Most requests per second. */
  readonly perS: number
  /** Largest share of the time that a serial line is in use, 0..1. */
  readonly duty: number
}

export interface RegisterReader {
  readonly requests: number
  /** Why nothing more can be read. */
  readonly end: ReadEnd | undefined
  /** Shortest time from a question for one register to its answer, in ms. */
  readonly bestMs: number
  read(address: number, count: number): Promise<ReadOutcome>
}

const firstWaitMs = 1000
const leastWaitMs = 150
const pauseMs = 200
const busyCodes: ReadonlySet<number> = new Set([4, 5, 6])
const gatewayCodes: ReadonlySet<number> = new Set([10, 11])
/** So many questions lost twice show a device that ignores what it does not have: from then on each is sent once. */
const lostUntilResigned = 3
/** After so much silence in a row, something that was answered before is asked again. */
const silencesUntilDoubt = 8

/** The least time between two requests, when the first one brought so many registers, in ms. */
export function leastMs({ name, costs }: ReadOnlyBus, { perS, duty }: ReadRate, registers: number): number {
  const busyMs = name.startsWith('rtu://') ? costs.registerMs * registers : 0
  return Math.max(1000 / perS, busyMs / duty)
}

/** Reads registers of one unit at a bounded rate, and asks again where an answer may have been bad luck. */
export function createRegisterReader(options: {
  bus: ReadOnlyBus
  unitId: number
  fn: 1 | 2 | 3 | 4
  rate: ReadRate
  clock: Clock
  signal: AbortSignal
}): RegisterReader {
  const { bus, unitId, fn, rate, clock, signal } = options
  const unit = bus.unit(unitId)
  let requests = 0
  let end: ReadEnd | undefined
  let anchor: ReadRegisters | undefined
  let waitMs = firstWaitMs
  let bestMs = Number.POSITIVE_INFINITY
  let lost = 0
  let silences = 0

  async function ask(request: ReadRegisters): Promise<Answer> {
    const fromMs = clock.monotonicMs()
    requests++
    const answer = await unit.ask(request, { priority: 'scan', signal, probeMs: waitMs })
    const tookMs = clock.monotonicMs() - fromMs
    if (answer.kind !== 'failed') {
      anchor ??= request
      bestMs = Math.min(bestMs, tookMs)
      // The answer to the shortest question is mostly the device's own time.
      waitMs = Math.min(firstWaitMs, Math.max(leastWaitMs, 4 * bestMs + 50))
    }
    const registers = answer.kind === 'words' ? request.count : 0
    const restMs = leastMs(bus, rate, registers) - tookMs
    if (restMs > 1) await clock.sleep(restMs, signal).catch(() => undefined)
    return answer
  }

  function stopped(answer: Answer): boolean {
    if (signal.aborted) end ??= { state: 'cancelled' }
    else if (answer.kind === 'failed' && (answer.failure === 'closed' || answer.failure === 'refused'))
      end ??= { state: 'closed', reason: answer.reason }
    else if (answer.kind === 'failed' && answer.failure === 'aborted')
      end ??= { state: 'foreign-traffic', reason: answer.reason }
    else if (answer.kind === 'exception' && gatewayCodes.has(answer.code))
      end ??= { state: 'closed', reason: `unit ${unitId}: ${exceptionText(answer.code)}` }
    return end !== undefined
  }

  const worthAnother = (answer: Answer): boolean =>
    answer.kind === 'failed'
      ? answer.failure !== 'timeout' || lost < lostUntilResigned
      : answer.kind === 'exception' && busyCodes.has(answer.code)

  /** A device that falls silent for good is told from one that ignores what it does not have. */
  async function doubt(): Promise<void> {
    silences = 0
    waitMs = firstWaitMs
    const questions: ReadRegisters[] = anchor
      ? [anchor, anchor]
      : [
          { fn, address: 0, count: 1 },
          { fn: 3, address: 40_000, count: 2 },
          { fn: 4, address: 0, count: 1 },
        ]
    for (const question of questions) {
      const answer = await ask(question)
      if (stopped(answer) || answer.kind !== 'failed') return
    }
    end ??= { state: 'closed', reason: `unit ${unitId} ${anchor ? 'does not answer any more' : 'does not answer'}` }
  }

  return {
    get requests() {
      return requests
    },
    get end() {
      return end
    },
    get bestMs() {
      return bestMs
    },
    async read(address, count) {
      if (end) return { kind: 'ended' }
      const request: ReadRegisters = { fn, address, count }
      let answer = await ask(request)
      if (stopped(answer)) return { kind: 'ended' }
      if (worthAnother(answer)) {
        await clock.sleep(answer.kind === 'exception' ? pauseMs : 0, signal).catch(() => undefined)
        answer = await ask(request)
        if (stopped(answer)) return { kind: 'ended' }
        if (answer.kind === 'failed' && answer.failure === 'timeout') lost++
      }
      if (answer.kind === 'failed') {
        if (++silences >= (anchor ? silencesUntilDoubt : 1)) await doubt()
        return end ? { kind: 'ended' } : { kind: 'silence' }
      }
      silences = 0
      if (answer.kind === 'words') return { kind: 'values', words: answer.words }
      if (answer.kind === 'bits') return { kind: 'values', words: answer.bits }
      const code = answer.kind === 'exception' ? answer.code : 0
      if (code === 2) return { kind: 'illegal-address' }
      return code === 3 ? { kind: 'illegal-value' } : { kind: 'exception', code }
    },
  }
}
