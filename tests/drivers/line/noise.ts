import type { Timeline } from './timeline.ts'
import type { Line } from './wire.ts'

/** Short pulses on the line, on average so many per second. They hit the stop bits and data of others as they fall. */
export function addNoise(line: Line, timeline: Timeline, pulsesPerS: number, random: () => number): void {
  const settings = { baud: 57_600, parity: 'none', stopBits: 1 } as const
  const source = line.attach({ settings, receive: () => undefined })
  const next = (): void =>
    timeline.at(timeline.nowMs() - (Math.log(1 - random()) * 1000) / pulsesPerS, () => {
      source.send(Uint8Array.of(256 * random()))
      next()
    })
  next()
}
