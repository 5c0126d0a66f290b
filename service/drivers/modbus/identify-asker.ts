import type { Clock } from '../../domain/clock.ts'
import type { BusUnit } from './bus.ts'
import type { Answer, Failure, ReadRegisters, ReadRequest } from './pdu.ts'

/** Asks one unit everything an identification wants to know, and keeps going where single answers fail. */
export interface Asker {
  ask(request: ReadRequest): Promise<Answer>
  /** Finds out whether anybody answers at all: the first request that got an answer, or the last failure. */
  knock(): Promise<{ readonly request: ReadRegisters; readonly answer: Answer }>
  /** True once the unit has answered, and as long as it has not fallen silent for good. */
  readonly alive: boolean
}

/** The SunSpec marker is worth knowing anyway; devices that ignore what they do not have, have one of the others. */
const knocks: readonly ReadRegisters[] = [
  { fn: 3, address: 40_000, count: 2 },
  { fn: 3, address: 0, count: 1 },
  { fn: 4, address: 0, count: 2 },
]
/** How long is waited for a unit that the bus leaves in peace, and for a connection that is to be opened again, in ms. */
const patience: Partial<Readonly<Record<Failure, number>>> = { silent: 4000, closed: 700 }
const pauseMs = 100
/** So many requests lost twice show a device that ignores what it does not have: from then on each is sent once. */
const lostUntilResigned = 3
const worthAnother: ReadonlySet<Failure> = new Set<Failure>(['timeout', 'garbled', 'crc'])
const transient: ReadonlySet<Failure> = new Set<Failure>(['timeout', 'garbled', 'crc', 'closed'])

export function createAsker(unit: BusUnit, clock: Clock, signal: AbortSignal | undefined): Asker {
  const options = { priority: 'scan', ...(signal && { signal }) } as const
  let anchor: ReadRequest | undefined
  let gone = false
  let lost = 0

  /** Sends the request as soon as the bus lets it. */
  async function once(request: ReadRequest): Promise<Answer> {
    const startMs = clock.monotonicMs()
    for (;;) {
      const answer = await unit.ask(request, options)
      if (answer.kind !== 'failed' || signal?.aborted) return answer
      const patienceMs = patience[answer.failure] ?? 0
      if (clock.monotonicMs() - startMs >= patienceMs) return answer
      await clock.sleep(pauseMs, signal).catch(() => undefined)
    }
  }

  return {
    get alive() {
      return anchor !== undefined && !gone
    },
    async knock() {
      let last: { readonly request: ReadRegisters; readonly answer: Answer } | undefined
      for (const request of knocks) {
        const answer = await once(request)
        last = { request, answer }
        if (answer.kind !== 'failed') anchor ??= request
        if (answer.kind !== 'failed' || !worthAnother.has(answer.failure)) break
      }
      return last!
    },
    async ask(request) {
      for (let attempt = 1; ; attempt++) {
        const answer = await unit.ask(request, options)
        if (answer.kind !== 'failed') {
          anchor ??= request
          return answer
        }
        if (answer.failure === 'silent' && anchor && !gone && !signal?.aborted) {
          // It answered before: something it is known to answer tells whether it still does.
          gone = (await once(anchor)).kind === 'failed'
          if (!gone && attempt === 1) continue
        }
        const again = attempt === 1 && transient.has(answer.failure) && lost < lostUntilResigned
        if (again) continue
        if (answer.failure === 'timeout') lost++
        return answer
      }
    },
  }
}
