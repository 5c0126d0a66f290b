import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { clientOf } from './client.ts'
import { residentMb, startService } from './service-process.ts'

/**
 * soak.ts [--minutes N]: the built service with its demo plant. After the first tenth (at least 20 s), memory must not
 * grow by more than a fifth, no cycle be skipped, and p99 lateness stay below a quarter of the cycle or twice what a bare
 * timer suffers; in the end every device must be online and no fault open. Prints a line per check and the counts.
 */
const { values } = parseArgs({ options: { minutes: { type: 'string', default: '60' } } })
const seconds = Number(values.minutes) * 60
const samples = 20

await using service = await startService(['--demo'])
const client = clientOf(service)
await delay(Math.max(20, seconds / 10) * 1000)
const before = await client.status()
const memoryMb = [residentMb(service.pid)]
/** How late a timer of this idle process fires at worst: what the machine itself is to blame for. */
let bareWorstMs = 0
for (let i = 1; i <= samples; i++) {
  for (let leftMs = (seconds * 900) / samples; leftMs > 0; leftMs -= 500) {
    const startMs = performance.now()
    await delay(Math.min(500, leftMs))
    bareWorstMs = Math.max(bareWorstMs, performance.now() - startMs - Math.min(500, leftMs))
  }
  memoryMb.push(residentMb(service.pid))
}
const { cycle, devices, faults } = await client.status()

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
const [early, late] = [median(memoryMb.slice(0, 5)), median(memoryMb.slice(-5))]
const cycles = cycle.count - before.cycle.count
const expected = (seconds * 900) / cycle.periodMs
const checks: readonly (readonly [string, boolean])[] = [
  [`memory ${early} MB at first, ${late} MB at last`, late < 1.2 * early],
  [
    `lateness p99 ${cycle.latenessMs.p99.toFixed(1)} ms, worst ${cycle.latenessMs.max.toFixed(1)} ms; a bare timer's worst ${bareWorstMs.toFixed(1)} ms`,
    cycle.latenessMs.p99 < Math.max(cycle.periodMs / 4, 2 * bareWorstMs),
  ],
  [
    `${cycles} cycles in ${Math.round(seconds * 0.9)} s, ${cycle.overruns - before.cycle.overruns} skipped`,
    cycles > 0.99 * expected - 2 && cycle.overruns === before.cycle.overruns,
  ],
  [`${devices.online} of ${devices.total} devices online`, devices.online === devices.total],
  [faults.length === 0 ? 'no fault' : `faults: ${JSON.stringify(faults)}`, faults.length === 0],
]
for (const [text, ok] of checks) process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${text}\n`)
const failed = checks.filter(([, ok]) => !ok).length
process.stdout.write(`${checks.length - failed} passed, ${failed} failed, 0 skipped\n`)
process.exitCode = failed > 0 ? 1 : 0
