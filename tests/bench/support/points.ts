import { updateReadings } from '../../../service/drivers/modbus/device-readings.ts'
import type { TimedReading } from '../../../service/drivers/driver.ts'
import { parsePointMap } from '../../../service/pointmap/load.ts'
import { planReads } from '../../../service/pointmap/plan.ts'
import { resolveMap } from '../../../service/pointmap/resolve.ts'
import type { LoadedMap } from '../../../service/pointmap/types.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'

/** Whole numbers with a scale, floats as they are: what most devices have. */
const kinds = ['type: int32, scale: 0.1', 'type: uint32, scale: 0.1', 'type: float32', 'type: int32, scale: 0.1']

/** A map of so many points, most of them 32 bits wide, without gaps from register 0 on; the last one is 16 bits. */
export function benchMap(points: number): LoadedMap {
  const wide = Array.from(
    { length: points - 1 },
    (_, i) => `  pv.${i + 1}.powerW: { address: ${2 * i}, ${kinds[i % 4]}, pollGroup: fast }`,
  )
  const last = `  powerW: { address: ${2 * (points - 1)}, type: int16, pollGroup: fast }`
  const text = ['format: 1', 'maker: Bench', 'model: Block', 'kind: meter', 'points:', ...wide, last].join('\n')
  return parsePointMap(text, 'bench.yaml', () => undefined)
}

/** Turns the 125 registers of a block, each holding its address, into readings of 63 points. */
export function createDecoder() {
  const [block, ...more] = planReads(resolveMap(benchMap(63)).points, {})
  if (!block || more.length > 0 || block.count !== 125) throw new Error('the points do not fill one block')
  const readings = new Map<string, TimedReading>()
  return {
    decode(words: ArrayLike<number>): void {
      const at = { atMs: systemClock.nowMs(), monotonicMs: systemClock.monotonicMs() }
      const page = { function: block.function, address: block.address, words }
      updateReadings(readings, [{ kind: 'read', block, page, at }], at)
    },
    check(): void {
      const [first, last] = [readings.get('pv.2.powerW')?.value, readings.get('powerW')?.value]
      if (first !== 13_107.5 || last !== 124) throw new Error(`wrong readings: ${String(first)}, ${String(last)}`)
    },
  }
}
