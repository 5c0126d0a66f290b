import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { stringify } from 'yaml'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { spawnPlant } from '../../../service/drivers/simulated/spawn-plant.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'
import { authorized, startService } from '../../service/service-process.ts'
import { type DepotEndpoint, depotSite } from './control-sites.ts'

const chargers = 20
const fuseA = 250
const stepW = 60_000
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
  /** From the first change of what the meter shows to the last reduction a charger has acknowledged. */
  readonly lastWriteMs: number
  readonly chargersWritten: number
  /** How long the current was over the fuse. */
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
    return { boundMs, reactions: reactionsOf(lines) }
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

function reactionsOf(lines: readonly LogLine[]): Reaction[] {
  const setpoints = new Map<string, number>()
  const reactions: Reaction[] = []
  let under:
    | {
        fromMs: number
        beforeA: number
        seenMs: number | undefined
        last: number
        written: Set<string>
        overMs: number
      }
    | undefined
  let lastA = 0
  let lastFlowMs = 0
  for (const line of lines) {
    if (line.command?.load) {
      if (under?.seenMs !== undefined)
        reactions.push({
          lastWriteMs: under.last - under.seenMs,
          chargersWritten: under.written.size,
          overMs: under.overMs,
        })
      under =
        line.command.load.stepW > 0
          ? { fromMs: line.atMs, beforeA: lastA, seenMs: undefined, last: Number.NaN, written: new Set(), overMs: 0 }
          : undefined
    } else if (line.currentA) {
      if (under && under.seenMs === undefined && line.currentA.l1 > under.beforeA + stepW / 3 / 230 / 2)
        under.seenMs = line.atMs
      if (under && line.currentA.l1 > fuseA) under.overMs += line.atMs - lastFlowMs
      lastA = line.currentA.l1
      lastFlowMs = line.atMs
    } else if (line.device && line.address === 200) {
      const value = line.words?.[0] ?? 0
      const before = setpoints.get(line.device) ?? 0
      setpoints.set(line.device, value)
      if (under?.seenMs !== undefined && value < before) {
        under.last = line.atMs
        under.written.add(line.device)
      }
    }
  }
  return reactions
}
