import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { status as statusSchema } from '#contract/api.ts'
import { authorized, startService } from '../service/service-process.ts'

/**
 * Lateness and compute time of the control cycle with 20 simulated devices while one core is kept busy. The bound in the
 * same run: how late a bare timer of an idle process fires under the same load.
 */
const { values } = parseArgs({ options: { json: { type: 'boolean' }, quick: { type: 'boolean' } } })
const plans = [
  { periodMs: 100, cycles: values.quick ? 100 : 1_000 },
  { periodMs: 1_000, cycles: values.quick ? 10 : 300 },
]
const deviceCount = 20
const round = (value: number): number => Math.round(value * 100) / 100

const meters = spawn(process.execPath, [join(import.meta.dirname, 'support/meters.ts'), String(deviceCount)], {
  stdio: ['pipe', 'pipe', 'inherit'],
})
const busy = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
const folder = mkdtempSync(join(tmpdir(), 'r-ems-bench-'))

/** p99 of how late setTimeout fires in a process that does nothing else. */
async function bareTimer(periodMs: number, count: number): Promise<number> {
  const late: number[] = []
  const startMs = performance.now()
  for (let n = 1; n <= count; n += 1) {
    const deadlineMs = startMs + n * periodMs
    await delay(Math.max(0, deadlineMs - performance.now()))
    late.push(performance.now() - deadlineMs)
  }
  return late.toSorted((a, b) => a - b)[Math.floor(late.length * 0.99)] ?? NaN
}

async function measure(ports: readonly number[], periodMs: number, cycles: number) {
  const file = join(folder, `site-${periodMs}.yaml`)
  writeFileSync(
    file,
    stringify({
      version: 3,
      name: 'Benchmark',
      cycleMs: periodMs,
      grids: [{ id: 'grid', name: 'Grid', connection: { id: 'main', name: 'Main', fuseA: 63, meter: 'meter-0' } }],
      devices: ports.map((port, index) => ({
        id: `meter-${index}`,
        name: `Meter ${index}`,
        role: index === 0 ? 'grid-meter' : 'meter',
        map: 'eastron/sdm630',
        connection: `tcp://127.0.0.1:${port}`,
      })),
    }),
  )
  await using service = await startService(['--config', file])
  // The first cycles connect and warm up; the statistics of the service cover its last 1,000 cycles.
  const wanted = cycles + Math.ceil(5_000 / periodMs)
  for (;;) {
    const { cycle, devices } = statusSchema.parse(
      await (await fetch(`${service.url}/api/v1/status`, { headers: authorized })).json(),
    )
    if (cycle.count < wanted) {
      await delay(Math.min(5_000, (wanted - cycle.count) * periodMs))
      continue
    }
    return {
      periodMs,
      cycles: Math.min(cycle.count, 1_000),
      devicesOnline: devices.online,
      overruns: cycle.overruns,
      latenessP50Ms: round(cycle.latenessMs.p50),
      latenessP99Ms: round(cycle.latenessMs.p99),
      latenessMaxMs: round(cycle.latenessMs.max),
      computeP50Ms: round(cycle.durationMs.p50),
      computeP99Ms: round(cycle.durationMs.p99),
    }
  }
}

try {
  const ports = await new Promise<number[]>((resolve, reject) => {
    meters.stdout.once('data', (chunk: Buffer) => resolve(JSON.parse(chunk.toString()) as number[]))
    meters.once('exit', () => reject(new Error('the simulated meters did not start')))
  })
  const bareP99Ms = await bareTimer(100, values.quick ? 50 : 300)
  const results = []
  for (const { periodMs, cycles } of plans) results.push(await measure(ports, periodMs, cycles))
  const worstP99Ms = Math.max(...results.map(({ latenessP99Ms }) => latenessP99Ms))
  process.stdout.write(
    `${JSON.stringify({
      bench: 'cycle',
      devices: deviceCount,
      results,
      bareTimerP99Ms: round(bareP99Ms),
      latenessP99TargetMs: 20,
      ratioToTarget: round(worstP99Ms / 20),
      ratioToBareTimer: round(worstP99Ms / bareP99Ms),
    })}\n`,
  )
} finally {
  busy.kill('SIGKILL')
  meters.kill('SIGTERM')
  rmSync(folder, { recursive: true, force: true })
}
