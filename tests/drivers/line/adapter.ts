import type { Timeline } from './timeline.ts'

/** How received characters reach the program. */
export type AdapterModel =
  /** Each as soon as it is complete, as from a UART of the machine. */
  | { readonly kind: 'uart' }
  /**
   * An FTDI chip: packets of at most 62 characters, sent when full or when the latency timer ends, which restarts with
   * each packet. The driver's default is 16 ms; sending is not delayed.
   */
  | { readonly kind: 'usb'; readonly latencyMs: number }

export const usb16: AdapterModel = { kind: 'usb', latencyMs: 16 }

const packetSize = 62
const longestHoldMs = 100

/** What happens to packets on their way to the program; shares of 1. */
export interface PacketFaults {
  readonly dropped?: number
  /** Held back, to be handed over together with the next one, or after 100 ms. */
  readonly merged?: number
  readonly random: () => number
}

export interface Adapter {
  /** One character from the line. */
  push(byte: number): void
}

export function createAdapter(options: {
  timeline: Timeline
  model: AdapterModel
  faults?: PacketFaults | undefined
  deliver(bytes: Buffer): void
}): Adapter {
  const { timeline, model, faults } = options
  let waiting: number[] = []
  let held = Buffer.alloc(0)
  let heldSinceMs = 0
  let tickMs = 0
  let armed = false

  function packet(): void {
    const bytes = Buffer.from(waiting)
    waiting = []
    if (faults && faults.random() < (faults.dropped ?? 0)) return
    held = Buffer.concat([held, bytes])
    heldSinceMs = timeline.nowMs()
    if (!faults || faults.random() >= (faults.merged ?? 0)) return handOver()
    timeline.at(heldSinceMs + longestHoldMs, () => {
      if (held.length > 0 && timeline.nowMs() >= heldSinceMs + longestHoldMs) handOver()
    })
  }

  function handOver(): void {
    options.deliver(held)
    held = Buffer.alloc(0)
  }

  function send(latencyMs: number): void {
    tickMs = timeline.nowMs() + latencyMs
    packet()
  }

  function arm(latencyMs: number): void {
    armed = true
    // Idle, the timer has run on in steps of its own.
    const passed = Math.ceil((timeline.nowMs() - tickMs) / latencyMs)
    if (passed > 0) tickMs += passed * latencyMs
    timeline.at(tickMs, () => {
      armed = false
      if (waiting.length === 0) return
      if (timeline.nowMs() >= tickMs) send(latencyMs)
      else arm(latencyMs)
    })
  }

  return {
    push(byte) {
      waiting.push(byte)
      if (model.kind === 'uart') packet()
      else if (waiting.length === packetSize) send(model.latencyMs)
      else if (!armed) arm(model.latencyMs)
    },
  }
}
