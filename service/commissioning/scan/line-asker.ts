import type { Clock } from '../../domain/clock.ts'
import type { BusUnit, ReadOnlyBus } from '../../drivers/modbus/bus.ts'
import { failed, type Answer, type ReadRequest } from '../../drivers/modbus/pdu.ts'
import type { LineWatch } from './line-watch.ts'

export interface Look {
  readonly answer: Answer
  /** Bytes came that are neither an answer nor anybody's frame. */
  readonly damaged: boolean
}

/** Asks one question after the other on a serial line, as long as nobody else is heard. */
export interface LineAsker {
  /** Requests sent. */
  readonly requests: number
  look(unitId: number, request: ReadRequest, waitMs: number): Promise<Look>
  /** Listens without sending. True when all was quiet. */
  listen(forMs: number): Promise<boolean>
  /** The bus with the same care for everybody who asks it. */
  readonly bus: ReadOnlyBus
}

export function createLineAsker(options: {
  bus: ReadOnlyBus
  watch: LineWatch
  clock: Clock
  signal: AbortSignal
}): LineAsker {
  const { bus, watch, clock } = options
  const signal = AbortSignal.any([options.signal, watch.signal])
  let requests = 0

  /** The answer, and whether it came damaged. Nothing is sent once somebody else was heard. */
  async function ask(unit: BusUnit, request: ReadRequest, how: Parameters<BusUnit['ask']>[1]): Promise<Look> {
    // Between two questions of ours nobody has a reason to speak.
    if (await watch.settle()) watch.accuse()
    if (watch.foreign !== undefined) return { answer: failed('aborted', watch.foreign, false), damaged: false }
    requests++
    const answer = await unit.ask(request, { ...how, priority: 'scan', signal })
    return { answer, damaged: await watch.settle() }
  }

  return {
    get requests() {
      return requests
    },
    look: (unitId, request, waitMs) => ask(bus.unit(unitId), request, { probeMs: waitMs }),
    async listen(forMs) {
      const before = watch.bytes
      await clock.sleep(forMs, signal).catch(() => undefined)
      if (await watch.settle()) watch.accuse()
      return watch.bytes === before
    },
    bus: {
      ...bus,
      unit(unitId, quirks) {
        const unit = bus.unit(unitId, quirks)
        return {
          ...unit,
          async ask(request, how) {
            const { answer, damaged } = await ask(unit, request, how)
            // A damaged answer is asked for again; bytes beside a whole one are somebody else's.
            if (damaged && answer.kind !== 'failed') watch.accuse()
            return answer
          },
        }
      },
    },
  }
}
