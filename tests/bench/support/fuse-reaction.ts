import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { stringify } from 'yaml'
import { cycles } from '#contract/control.ts'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { spawnPlant } from '../../../service/drivers/simulated/spawn-plant.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'
import { authorized, startService } from '../../service/service-process.ts'
import { type DepotEndpoint, depotSite } from './control-sites.ts'

const chargers = 20
const fuseA = 250
const stepW = 60_000
/** Per phase. */
const stepA = stepW / 3 / 230
const settleMs = 2500

interface LogLine {
  readonly atMs: number
  readonly device?: string
  readonly address?: number
  readonly words?: readonly number[]
  readonly command?: { readonly load?: { readonly stepW: number } }
  readonly currentA?: { readonly l1: number }
}

interface Reaction {
  /** From the first change of what the meter shows to the acknowledged write with which the setpoints keep the fuse. */
  readonly keptMs: number
  /** The same to the last acknowledged reduction of all, later corrections included. */
  readonly lastWriteMs: number
  readonly chargersWritten: number
  /** How long the current was over the fuse; the vehicles take up to two seconds to follow. */
  readonly overMs: number
}

/**
 * A depot on the wire in a process of its own, the service in another, load steps at random phases of the control cycle.
 * All times are those of the plant's own log.
 */
export async function measureFuseReaction(runs: number) {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-bench-'))
  const logFile = join(folder, 'plant.log')
  try {
    await using plant = await spawnPlant({
      entry: resolve(import.meta.dirname, '../../../service/plant.ts'),
      nodePath: process.execPath,
      args: [
        '--chargers',
        String(chargers),
        '--steady-load',
        '9000',
        '--start',
        '2026-05-20T00:00:00Z',
        '--log',
        logFile,
      ],
    })
    for (let number = 1; number <= chargers; number++)
      await plant.send({ charger: { number, vehicle: { phases: 3, maxCurrentA: 32, wantedWh: 1_000_000 } } })
    const siteFile = join(folder, 'site.yaml')
    writeFileSync(siteFile, stringify(depotSite(plant.devices, chargers, fuseA)))
    const boundMs = await readMeterAndChargers(plant.devices)
    await using service = await startService(['--config', siteFile])
    const enabled = await fetch(`${service.url}/api/v1/control`, {
      method: 'PUT',
      headers: { ...authorized, 'content-type': 'application/json' },
      body: JSON.stringify({ enabled: true, dryRun: false, reason: 'benchmark' }),
    })
    if (!enabled.ok) throw new Error(`control cannot be enabled: ${await enabled.text()}`)
    // Until all chargers are on.
    await delay(20_000)
    for (let run = 0; run < runs; run++) {
      await delay(Math.random() * 1000)
      await plant.send({ load: { stepW } })
      await delay(settleMs)
      await plant.send({ load: { stepW: 0 } })
      await delay(settleMs)
    }
    const lines = readFileSync(logFile, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as LogLine)
    const answer = await fetch(`${service.url}/api/v1/cycles`, { headers: authorized })
    const { grids } = cycles.parse(await answer.json())
    return { boundMs, reactions: reactionsOf(lines), latenessMaxMs: grids[0]?.latenessMs.max ?? Number.NaN }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What the wire takes at least: one read of the meter, then one of every charger at the same time. */
async function readMeterAndChargers(endpoints: Readonly<Record<string, DepotEndpoint>>): Promise<number> {
  await using resources = new AsyncDisposableStack()
  const units = Object.entries(endpoints)
    .filter(([name]) => name === 'meter' || name.startsWith('charger-'))
    .map(([name, { host, port }]) => {
      const bus = resources.use(createReadOnlyBus({ address: { kind: 'tcp', host, port }, clock: systemClock }))
      return { name, unit: bus.unit(1, {}) }
    })
  const meter = units.find(({ name }) => name === 'meter')
  const others = units.filter((unit) => unit !== meter)
  const times: number[] = []
  for (let round = 0; round < 20; round++) {
    const startMs = performance.now()
    await meter?.unit.ask({ fn: 4, address: 0, count: 20 })
    await Promise.all(others.map(({ unit }) => unit.ask({ fn: 3, address: 200, count: 1 })))
    times.push(performance.now() - startMs)
  }
  return times.toSorted((a, b) => a - b)[10] ?? Number.NaN
}

interface Running {
  readonly beforeA: number
  /** When the meter first showed the load, and what it carried besides the chargers. */
  seen?: { readonly atMs: number; readonly otherA: number }
  keptMs: number
  lastWriteMs: number
  readonly written: Set<string>
  overMs: number
}

function reactionsOf(lines: readonly LogLine[]): Reaction[] {
  const setpoints = new Map<string, number>()
  const sum = (): number => [...setpoints.values()].reduce((total, value) => total + value, 0)
  const reactions: Reaction[] = []
  let run: Running | undefined
  let last = { atMs: 0, currentA: 0 }
  function flow(atMs: number, currentA: number): void {
    if (run && !run.seen && currentA > run.beforeA + stepA / 2) run.seen = { atMs, otherA: currentA - sum() }
    if (run && currentA > fuseA) run.overMs += atMs - last.atMs
    last = { atMs, currentA }
  }
  function write(atMs: number, device: string, value: number): void {
    const reduces = value < (setpoints.get(device) ?? 0)
    setpoints.set(device, value)
    if (!run?.seen || !reduces) return
    run.lastWriteMs = atMs - run.seen.atMs
    run.written.add(device)
    if (Number.isNaN(run.keptMs) && run.seen.otherA + sum() <= fuseA) run.keptMs = run.lastWriteMs
  }
  for (const { atMs, command, currentA, device, address, words } of lines) {
    if (command?.load) {
      if (run?.seen) reactions.push({ ...run, chargersWritten: run.written.size })
      run =
        command.load.stepW > 0
          ? { beforeA: last.currentA, keptMs: Number.NaN, lastWriteMs: Number.NaN, written: new Set(), overMs: 0 }
          : undefined
    } else if (currentA) flow(atMs, currentA.l1)
    else if (device && address === 200) write(atMs, device, (words?.[0] ?? 0) / 100)
  }
  return reactions
}
