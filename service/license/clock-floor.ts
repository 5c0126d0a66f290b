import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../domain/clock.ts'
import { writePrivateFile } from './private-file.ts'

/** Latest time that was believed, in the data folder: a clock before it shows a time that has been already. */
export const clockFileName = 'license-clock.json'

const stored = z.strictObject({ latestMs: z.number() })

/** A clock has to run on for so long before its time is remembered: one that was wrong for a moment sets no floor for ever. */
const settleMs = 3_600_000

export interface ClockFloor {
  /** The time to judge by: never before the program was built, nor before the latest time seen. */
  now(): { readonly nowMs: number; readonly believed: boolean }
  /** Remembers the present time once the clock has run on without a jump for an hour. A disk that refuses changes nothing (S8). */
  remember(): Promise<void>
}

/** `builtAtMs`: when this program was built. */
export async function openClockFloor(
  folder: string,
  clock: Pick<Clock, 'nowMs' | 'monotonicMs'>,
  builtAtMs: number,
): Promise<ClockFloor> {
  const file = join(folder, clockFileName)
  let floorMs = Math.max(builtAtMs, await latest(file))
  let since = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }

  return {
    now() {
      const nowMs = clock.nowMs()
      return nowMs >= floorMs ? { nowMs, believed: true } : { nowMs: floorMs, believed: false }
    },
    async remember() {
      const now = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
      const ran = now.monotonicMs - since.monotonicMs
      const jumped = Math.abs(now.wallMs - since.wallMs - ran) > 60_000
      if (jumped) since = now
      if (jumped || ran < settleMs || now.wallMs <= floorMs) return
      since = now
      floorMs = now.wallMs
      await writePrivateFile(file, `${JSON.stringify({ latestMs: floorMs })}\n`).catch(() => undefined)
    },
  }
}

async function latest(file: string): Promise<number> {
  try {
    return stored.parse(JSON.parse(await readFile(file, 'utf8'))).latestMs
  } catch {
    // Missing or damaged: the day of the build is known all the same.
    return 0
  }
}
