import type { Clock } from '../domain/clock.ts'
import type { Device } from '../drivers/driver.ts'

/**
 * Polls every device so that its answers arrive shortly before the next cycle reads them. Each device has its own
 * lead, learned from how long its polls take; a slow or dead one delays no other and no cycle (S7).
 */
export interface Poller extends AsyncDisposable {
  /** Called by each cycle with the deadline of the next one. Resolves when all polls for it have ended. */
  schedule(nextDeadlineMs: number): Promise<void>
}

/** Margin between the expected end of a poll and the deadline. */
const marginMs = 25

export function createPoller(devices: readonly Device[], periodMs: number, clock: Clock): Poller {
  const stop = new AbortController()
  const pending = new Set<Promise<void>>()

  function leadMs(device: Device): number {
    const share = periodMs * 0.8
    return Math.min(share, device.pollDurationMs() * 1.5 + Math.min(marginMs, periodMs / 4))
  }

  async function pollBefore(device: Device, deadlineMs: number): Promise<void> {
    const waitMs = deadlineMs - leadMs(device) - clock.monotonicMs()
    try {
      if (waitMs > 0) await clock.sleep(waitMs, stop.signal)
    } catch {
      return // stopped while waiting
    }
    await device.poll()
  }

  return {
    async schedule(nextDeadlineMs) {
      const polls = devices.map((device) => {
        const poll = pollBefore(device, nextDeadlineMs).finally(() => pending.delete(poll))
        pending.add(poll)
        return poll
      })
      await Promise.all(polls)
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.all(pending)
    },
  }
}
