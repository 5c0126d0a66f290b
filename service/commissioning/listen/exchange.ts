import { fits } from './forms.ts'
import type { FrameRole, RoleReason } from './types.ts'

/** A valid frame on a bus, before anything is known about its role. */
export interface BusFrame {
  /** From the unit ID to before the CRC. */
  readonly body: Uint8Array
  /** What its form allows. */
  readonly request: boolean
  readonly answer: boolean
  readonly exception: boolean
  readonly atMs: number
  readonly endMs: number
  readonly from: 'client' | 'server' | undefined
}

export interface Judged<T> {
  readonly role: Exclude<FrameRole, 'rejected'>
  readonly roleBy: RoleReason
  /** The request that this frame answers. */
  readonly answers?: T
  /** A request that this frame proves to be unanswered. */
  readonly unanswered?: T
}

/**
 * Tells requests from answers on a bus, where only one question is open at a time. `T` is what the caller knows a frame by.
 */
export interface Exchange<T> {
  judge(frame: BusFrame): Judged<T>
  /** Makes a frame, as judged, the one before the next. */
  heard(frame: BusFrame, judged: Judged<T>, identity: T): void
  /** Bytes that are no frame have passed. */
  disturbed(bytes: number): void
  /** Whether this would be the answer to the request that was heard last. */
  expects(body: Uint8Array): boolean
}

interface Last<T> {
  readonly frame: BusFrame
  readonly identity: T
  readonly role: Exclude<FrameRole, 'rejected'>
  /** From the end of the frame before it; 0 when that is not known. */
  readonly pauseMs: number
}

/** Noise when the line changes direction. More could have been a request that was damaged. */
const harmlessBytes = 3
/** An echo that comes later is rather the same request once more. */
const promptMs = 200
/** How much slower than ever before an answer may be, and how slow at most. */
const slowness = 3
const longestPatienceMs = 2000
/** A pause before a request is longer than that before its answer; less of a difference proves nothing. */
const pauseRatio = 3
const leastPauseMs = 20

export function createExchange<T>(): Exchange<T> {
  let last: Last<T> | undefined
  let disturbance = Number.POSITIVE_INFINITY
  let hasSides = true
  /** Longest time that a unit took for an answer that can be nothing else. */
  const slowest = new Map<number, number>()

  function judgeRole(frame: BusFrame): Pick<Judged<T>, 'role' | 'roleBy'> & { readonly pairs: boolean } {
    const answersLast = couldAnswerLast(frame)
    if (frame.exception) {
      if (frame.from === 'client') hasSides = false
      return { role: 'exception', roleBy: 'form', pairs: answersLast }
    }
    // A log that a device wrote has the two sides the other way round: its frames say so.
    if (frame.from === 'client' ? !frame.request : frame.from === 'server' && !frame.answer) hasSides = false
    if (frame.from && hasSides)
      return frame.from === 'client'
        ? { role: 'request', roleBy: 'direction', pairs: false }
        : { role: 'answer', roleBy: 'direction', pairs: answersLast }
    if (!frame.answer) return { role: 'request', roleBy: 'form', pairs: false }
    if (!frame.request) return { role: 'answer', roleBy: 'form', pairs: answersLast }
    return judgeAmbiguous(frame, answersLast)
  }

  /** Its form allows both: decided by whether it can answer the frame right before it. */
  function judgeAmbiguous(frame: BusFrame, answersLast: boolean) {
    const undecided = { role: 'unknown', roleBy: 'undecided', pairs: false } as const
    if (!last || disturbance > harmlessBytes) return undecided
    if (answersLast) {
      const delayMs = frame.atMs - last.frame.endMs
      const usual = slowness * (slowest.get(frame.body[0]!) ?? 0)
      const patienceMs = Math.max(promptMs, Math.min(longestPatienceMs, usual))
      if (delayMs > patienceMs) return undecided
      if (last.role === 'request') return { role: 'answer', roleBy: 'exchange', pairs: true } as const
      const alone = last.pauseMs >= Math.max(leastPauseMs, pauseRatio * delayMs)
      return alone ? ({ role: 'answer', roleBy: 'timing', pairs: true } as const) : undecided
    }
    // Nobody but the client speaks unless it is asked. Noise could have been the question.
    return disturbance === 0 ? ({ role: 'request', roleBy: 'exchange', pairs: false } as const) : undecided
  }

  /** Whether the frame before was, or could have been, a request that this one answers. */
  function couldAnswerLast(frame: BusFrame): boolean {
    if (!last || disturbance > harmlessBytes) return false
    const isOpen = last.role === 'request' || (last.role === 'unknown' && last.frame.request)
    return isOpen && fits(last.frame.body, frame.body)
  }

  return {
    judge(frame) {
      const { role, roleBy, pairs } = judgeRole(frame)
      if (pairs && last) return { role, roleBy, answers: last.identity }
      const isCalm = disturbance <= harmlessBytes
      const ignored = last?.role === 'request' && isCalm && role !== 'answer' && last.frame.body[0] !== 0
      return { role, roleBy, ...(last && ignored && { unanswered: last.identity }) }
    },
    heard(frame, { role, roleBy, answers }, identity) {
      const pauseMs = last && disturbance <= harmlessBytes ? frame.atMs - last.frame.endMs : 0
      if (answers !== undefined && roleBy === 'form') {
        const unitId = frame.body[0]!
        slowest.set(unitId, Math.max(slowest.get(unitId) ?? 0, pauseMs))
      }
      last = { frame, identity, role, pauseMs }
      disturbance = 0
    },
    disturbed(bytes) {
      disturbance += bytes
    },
    expects: (body) => last?.role === 'request' && disturbance <= harmlessBytes && fits(last.frame.body, body),
  }
}
