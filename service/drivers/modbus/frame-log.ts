import type { Clock } from '../../domain/clock.ts'
import type { FrameEvent } from './wire.ts'

export interface LoggedFrame {
  /** Wall-clock time. */
  readonly atMs: number
  readonly direction: FrameEvent['direction']
  readonly hex: string
}

export interface FrameLog extends Disposable {
  /** Oldest first. */
  frames(): readonly LoggedFrame[]
}

/** Keeps the newest `size` frames of a bus, from now until it is disposed. */
export function createFrameLog(
  bus: { tap(listener: (event: FrameEvent) => void): () => void },
  clock: Clock,
  size: number,
): FrameLog {
  const ring: LoggedFrame[] = []
  let next = 0
  const stop = bus.tap(({ direction, bytes }) => {
    ring[next] = { atMs: clock.nowMs(), direction, hex: bytes.toString('hex') }
    next = (next + 1) % size
  })
  return {
    frames: () => (ring.length < size ? [...ring] : [...ring.slice(next), ...ring.slice(0, next)]),
    [Symbol.dispose]: stop,
  }
}
