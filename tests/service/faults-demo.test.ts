import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { z } from 'zod'
import { events as eventsSchema } from '#contract/api.ts'
import { auditEntries } from '#contract/access.ts'
import { type PlantProcess, spawnPlant } from '../../service/drivers/simulated/spawn-plant.ts'
import { clientOf } from './client.ts'
import { root, type ServiceProcess, startService } from './service-process.ts'
import { cycleMs, siteText } from './support/fault-site.ts'

const site = { fuseA: 63, chargerPhases: [0, 1, 2].map((at) => [at, (at + 1) % 3, (at + 2) % 3]) }
/** Through the whole range of a charger, and the tick of the plant. */
const responseS = 2 + 0.1
const allowedS = (2 * cycleMs) / 1000 + responseS
/** See service/runtime/frozen-meters.ts. */
const frozenS = 5

const line = z.object({
  atMs: z.number(),
  currentA: z.object({ l1: z.number(), l2: z.number(), l3: z.number() }).optional(),
  setpointA: z.array(z.number()).optional(),
  device: z.string().optional(),
  address: z.number().optional(),
})

/** The faults that the simulated plant can play, in production mode; judged by the log of its own process. */
describe('faults on the demo plant', () => {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-demo-faults-'))
  const logFile = join(folder, 'plant.log')
  let plant: PlantProcess
  let service: ServiceProcess
  let client: ReturnType<typeof clientOf>
  let sinceMs: number

  const logged = () =>
    readFileSync(logFile, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((text) => line.parse(JSON.parse(text)))
  const flows = () => {
    const all = logged().filter(({ currentA, atMs }) => currentA && atMs >= sinceMs)
    const of = (at: number): number[] => Object.values(all.at(at)?.currentA ?? {})
    return { most: Math.max(...of(-1)), all }
  }

  /** How long any phase was over the fuse in one go since the test began to count, and the A·s of all of them. */
  async function judge({ annotate }: TestContext, what: string, boundS: number): Promise<void> {
    const { all } = flows()
    let longestS = 0
    let ampereS = 0
    let most = 0
    for (const phase of ['l1', 'l2', 'l3'] as const) {
      let runS = 0
      for (const [index, { currentA, atMs }] of all.entries()) {
        const overA = (currentA?.[phase] ?? 0) - site.fuseA
        const dtS = (atMs - (all[index - 1]?.atMs ?? atMs)) / 1000
        runS = overA > 0 ? runS + dtS : 0
        ampereS += Math.max(0, overA) * dtS
        longestS = Math.max(longestS, runS)
        most = Math.max(most, currentA?.[phase] ?? 0)
      }
    }
    const numbers = `over ${longestS.toFixed(2)} s (allowed ${boundS} s), ${ampereS.toFixed(1)} A s, at most ${most.toFixed(1)} A of ${site.fuseA} A`
    await annotate(`${what}: ${numbers}`)
    expect(longestS).toBeLessThanOrEqual(boundS)
  }

  beforeAll(async () => {
    writeFileSync(logFile, '')
    plant = await spawnPlant({
      entry: join(root, 'out/service/plant.js'),
      nodePath: process.execPath,
      args: ['--chargers', '3', '--steady-load', '3000', '--start', '2026-05-20T00:00:00Z', '--log', logFile],
    })
    for (const number of [1, 2, 3])
      await plant.send({ charger: { number, vehicle: { phases: 3, maxCurrentA: 32, wantedWh: 100_000 } } })
    const ports = Object.fromEntries(Object.entries(plant.devices).map(([name, { port }]) => [name, port]))
    const file = join(folder, 'site.yaml')
    writeFileSync(file, siteText(ports, site))
    service = await startService(['--config', file])
    client = clientOf(service)
    const body = { enabled: true, dryRun: false, reason: 'a test of faults' }
    expect((await client.setControl(body, { authorization: `Bearer ${client.token()}` })).status).toBe(200)
  })
  afterAll(async () => {
    await service?.[Symbol.asyncDispose]()
    await plant?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    for (const device of ['meter', 'battery', 'charger-1'] as const) await plant.send({ device, fault: 'none' })
    await plant.send({ load: { stepW: 0 } })
    sinceMs = Date.now()
    // The vehicles take what the fuse leaves beside the battery.
    const offered = () => Math.min(...(flows().all.at(-1)?.setpointA ?? [0]))
    await expect.poll(offered, { timeout: 20_000, interval: 200 }).toBeGreaterThan(15)
    await expect.poll(async () => (await client.health()).faults, { timeout: 20_000 }).toEqual([])
    sinceMs = Date.now()
  }, 45_000)

  const overload = () => plant.send({ load: { stepW: 8_000, phase: 'l2' } })
  const codes = async () => (await client.get('/api/v1/events', eventsSchema)).events.map(({ code }) => code)

  it('a load step', async (context) => {
    await overload()
    await delay(allowedS * 1000 + 500)
    await judge(context, 'load step of 8 kW on L2', allowedS)
  })

  it('a frozen meter', async (context) => {
    await plant.send({ device: 'meter', fault: 'freeze' })
    await overload()
    await expect.poll(codes, { timeout: 10_000, interval: 200 }).toContain('meter.frozen')
    await delay(allowedS * 1000)
    await judge(context, 'frozen meter and 8 kW on L2', frozenS + allowedS)
  })

  it('a silent meter', async (context) => {
    await plant.send({ device: 'meter', fault: 'silent' })
    await overload()
    // Old values count for 2 s.
    await delay((2 + allowedS) * 1000)
    await judge(context, 'silent meter and 8 kW on L2', 2 + allowedS)
    expect(flows().all.at(-1)?.setpointA).toEqual([0, 0, 0])
  })

  it('a battery that stops answering', async (context) => {
    await plant.send({ device: 'battery', fault: 'offline' })
    await overload()
    await delay(allowedS * 1000 + 500)
    await judge(context, 'battery offline and 8 kW on L2', allowedS)
    expect((await client.health()).faults.map(({ code }) => code)).toEqual(['device.silent'])
  })

  it('a battery that forgets what it acknowledges: said, and not repeated for ever', async (context) => {
    await plant.send({ device: 'battery', fault: 'drop-writes' })
    await overload()
    await delay(6_000)
    await judge(context, 'battery forgets writes, and 8 kW on L2', allowedS)
    const { entries } = await client.get('/api/v1/audit?kind=write&limit=200', auditEntries)
    const failed = entries.filter(
      ({ outcome, deviceId, atMs }) => outcome === 'failed' && atMs >= sinceMs && deviceId === 'battery',
    )
    expect(failed.length).toBeGreaterThanOrEqual(3)
    expect(failed.length).toBeLessThanOrEqual(8)
    expect((await client.health()).faults).toMatchObject([{ code: 'control.not-taken', deviceId: 'battery' }])
  })
})
