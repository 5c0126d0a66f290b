import { systemClock } from '../../../service/runtime/system-clock.ts'
import { openStorage } from '../../../service/storage/storage.ts'

/**
 * Writes into a data folder until it is killed, and prints one line for each thing that is safe:
 * `opened`, then the numbers of durable journal entries and `s` with the count of samples stored.
 */
const [, , folder = '', mode = 'write'] = process.argv
const workerUrl = new URL('../../../service/storage/worker.ts', import.meta.url)

try {
  const storage = await openStorage({ folder, workerUrl, clock: systemClock, limits: { recentRows: 500 } })
  process.stdout.write(`opened ${JSON.stringify(storage.warnings)}\n`)
  if (mode === 'hold') await new Promise(() => setInterval(() => undefined, 1000))
  const startMs = Date.now()
  for (let round = 0; ; round += 1) {
    storage.journal.append({ kind: 'write', principal: 'automatic control', deviceId: 'battery', value: round })
    storage.addSamples(
      Array.from({ length: 100 }, (_, metric) => ({
        deviceId: `meter-${startMs}`,
        metric: `m${metric}`,
        atMs: startMs + round * 1000,
        value: round,
      })),
    )
    const { seq } = await storage.journal.appendDurable({
      kind: 'arm',
      principal: 'engineer',
      detail: `round ${round}`,
    })
    process.stdout.write(`${seq}\n`)
    if (round % 10 === 0) {
      await storage.flush()
      process.stdout.write(`s ${startMs} ${round + 1}\n`)
    }
  }
} catch (error) {
  process.stdout.write(
    `failed ${error instanceof Error && 'code' in error ? String(error.code) : ''} ${String(error)}\n`,
  )
  process.exitCode = 1
}
