import type { Clock } from '../../../service/domain/clock.ts'
import type { BusUnit } from '../../../service/drivers/modbus/bus.ts'
import { characterMs, silenceMs, type LineSettings } from './wire.ts'

/** The least time one read of `count` registers takes: both frames, a silence before each, and the device's own time. */
export function idealReadMs(settings: LineSettings, count: number, turnaroundMs: number): number {
  return (8 + 5 + 2 * count) * characterMs(settings) + 2 * silenceMs(settings) + turnaroundMs
}

/** Ideal time divided by the time that reads, one after the other, take. Throws when one fails. */
export async function readEfficiency(
  unit: BusUnit,
  clock: Clock,
  settings: LineSettings,
  { count = 125, reads = 10, turnaroundMs = 0 },
): Promise<number> {
  const read = async (): Promise<void> => {
    const answer = await unit.ask({ fn: 3, address: 0, count })
    if (answer.kind !== 'words') throw new Error(`no answer on the emulated line: ${JSON.stringify(answer)}`)
  }
  await read()
  const startMs = clock.monotonicMs()
  for (let i = 0; i < reads; i++) await read()
  return (reads * idealReadMs(settings, count, turnaroundMs)) / (clock.monotonicMs() - startMs)
}
