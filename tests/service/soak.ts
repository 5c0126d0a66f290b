import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { clientOf } from './client.ts'
import { residentMb, startService } from './service-process.ts'

/**
 * soak.ts [--minutes N]: the built service with its demo plant. Memory must not grow after the first tenth (at least 20 s)
 * by more than a fifth, no cycle be skipped, lateness stay below a quarter of the cycle, and in the end every device be
 * online and no fault be open. Prints a line per check and the counts.
 */
const { values } = parseArgs({ options: { minutes: { type: 'string', default: '60' } } })
const seconds = Number(values.minutes) * 60
const samples = 20

await using service = await startService(['--demo'])
const client = clientOf(service)
await delay(Math.max(20, seconds / 10) * 1000)
const before = await client.status()
const memoryMb = [residentMb(service.pid)]
for (let i = 1; i <= samples; i++) {
  await delay((seconds * 900) / samples)
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
    `lateness p99 ${cycle.latenessMs.p99.toFixed(1)} ms, worst ${cycle.latenessMs.max.toFixed(1)} ms`,
    cycle.latenessMs.p99 < cycle.periodMs / 4,
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
