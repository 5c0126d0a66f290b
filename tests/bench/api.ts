import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { createdApiToken } from '#contract/access.ts'
import { measurements, status as statusSchema } from '#contract/api.ts'
import { entries } from '../../service/entries.ts'
import { systemClock } from '../../service/runtime/system-clock.ts'
import { openStorage } from '../../service/storage/storage.ts'
import { authorized, type ServiceProcess, startService } from '../service/service-process.ts'

/**
 * Requests per second and their times with authentication: the status, and a series of 24 hours at one sample a second
 * averaged to 1,000 points. Then how late the control cycle starts while 500 hostile connections and a flood of requests
 * come in, against the quiet run before it: the same site, the same length.
 */
const { values } = parseArgs({ options: { json: { type: 'boolean' }, quick: { type: 'boolean' } } })
const loadMs = values.quick ? 3_000 : 10_000
const cycles = values.quick ? 300 : 1_000
const connectionsAtOnce = 16
/** One principal may ask 200 times a second: the load comes from many. */
const tokenCount = 60
const round = (value: number): number => Math.round(value * 100) / 100
const p99 = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN

const folder = mkdtempSync(join(tmpdir(), 'r-ems-bench-'))

/** A day of samples as the demo's meter would have left them. */
async function seedHistory(dataFolder: string): Promise<void> {
  await using storage = await openStorage({ folder: dataFolder, workerUrl: entries.storageWorker, clock: systemClock })
  const endMs = Date.now()
  for (let hour = 24; hour > 0; hour -= 1) {
    const fromMs = endMs - hour * 3_600_000
    storage.addSamples(
      Array.from({ length: 3_600 }, (_, second) => ({
        deviceId: 'meter',
        metric: 'powerW',
        atMs: fromMs + second * 1_000,
        value: Math.round(3_000 * Math.sin(second / 600)),
      })),
    )
    await storage.flush()
  }
}

async function makeTokens(service: ServiceProcess): Promise<string[]> {
  const tokens: string[] = []
  for (let n = 0; n < tokenCount; n += 1) {
    const answer = await fetch(`${service.url}/api/v1/tokens`, {
      method: 'POST',
      headers: { ...authorized, 'content-type': 'application/json' },
      body: JSON.stringify({ purpose: `load ${n}`, role: 'viewer', days: 1 }),
    })
    tokens.push(createdApiToken.parse(await answer.json()).token)
  }
  return tokens
}

function get(url: string, token: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now()
    const sent = request(url, { agent, headers: { authorization: `Bearer ${token}` } }, (answer) => {
      answer.resume()
      answer.on('end', () =>
        answer.statusCode === 200
          ? resolve(performance.now() - startMs)
          : reject(new Error(`${url} answered ${answer.statusCode}`)),
      )
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function load(url: string, tokens: readonly string[], atOnce: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const times: number[] = []
  const untilMs = performance.now() + loadMs
  let turn = 0
  const worker = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      turn += 1
      times.push(await get(url, tokens[turn % tokens.length] ?? '', agent))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  agent.destroy()
  return { requestsPerS: round(times.length / (loadMs / 1000)), p99Ms: round(p99(times)) }
}

/** Lateness over the last cycles, and how long an authenticated request took meanwhile. */
async function lateness(siteFile: string, hostile: boolean) {
  await using service = await startService(['--config', siteFile])
  const url = `${service.url}/api/v1/status`
  const ask = async () => statusSchema.parse(await (await fetch(url, { headers: authorized })).json())
  const attacker = hostile
    ? spawn(process.execPath, [join(import.meta.dirname, 'support/hostile.ts'), new URL(url).port, '500'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
    : undefined
  const times: number[] = []
  // The service's statistics cover its last 1,000 cycles; the first second warms up.
  for (let count = 0; count < cycles + 20;) {
    await delay(500)
    const startMs = performance.now()
    count = (await ask()).cycle.count
    times.push(performance.now() - startMs)
  }
  const { cycle } = await ask()
  let attack: unknown
  if (attacker) {
    const said = once(attacker.stdout, 'data') as Promise<[Buffer]>
    attacker.kill('SIGTERM')
    attack = JSON.parse((await said)[0].toString())
  }
  return { latenessP99Ms: cycle.latenessMs.p99, overruns: cycle.overruns, statusP99Ms: round(p99(times)), attack }
}

try {
  const dataFolder = join(folder, 'data')
  await seedHistory(dataFolder)
  let statusLoad, seriesLoad, points
  {
    await using service = await startService(['--demo'], { dataFolder })
    const tokens = await makeTokens(service)
    await delay(2_000)
    const toMs = Date.now()
    const series = `${service.url}/api/v1/measurements?device=meter&metric=powerW&from=${toMs - 86_400_000}&to=${toMs}&points=1000`
    points = measurements.parse(await (await fetch(series, { headers: authorized })).json()).series.length
    statusLoad = await load(`${service.url}/api/v1/status`, tokens, connectionsAtOnce)
    seriesLoad = await load(series, tokens, 4)
  }
  const siteFile = join(folder, 'site.yaml')
  const device = {
    id: 'meter',
    name: 'Meter',
    role: 'grid-meter',
    map: 'eastron/sdm630',
    connection: 'tcp://127.0.0.1:9',
  }
  const grid = { id: 'grid', name: 'Grid', connection: { id: 'main', name: 'Main', fuseA: 63, meter: device.id } }
  writeFileSync(siteFile, stringify({ version: 3, name: 'Benchmark', cycleMs: 100, grids: [grid], devices: [device] }))
  const quiet = await lateness(siteFile, false)
  const hostile = await lateness(siteFile, true)
  const ratio = round(hostile.latenessP99Ms / quiet.latenessP99Ms)
  process.stdout.write(
    `${JSON.stringify({
      bench: 'api',
      tokens: tokenCount,
      status: { connections: connectionsAtOnce, ...statusLoad },
      series24h: { connections: 4, points, ...seriesLoad },
      cycles: Math.min(cycles, 1_000),
      periodMs: 100,
      quiet: { ...quiet, latenessP99Ms: round(quiet.latenessP99Ms) },
      hostile: { connections: 500, ...hostile, latenessP99Ms: round(hostile.latenessP99Ms) },
      latenessRatio: ratio,
      latenessRatioTarget: 1.2,
    })}\n`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
