import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerSnapshot } from '#contract/workbench-registers.ts'
import { type SimulatedPlant, startSimulatedPlant } from '../../service/drivers/simulated/simulated-plant.ts'
import { openStorage } from '../../service/storage/storage.ts'
import { realClock } from '../drivers/support/clock.ts'
import { clientOf } from './client.ts'
import { type CountingProxy, countConnections, runCtl } from './r-emsctl.ts'
import { root, type ServiceProcess, startService } from './service-process.ts'

/** The command line beside a service that holds the bus. The tests follow each other in the order of the file. */
describe('r-emsctl with a service that holds the bus', () => {
  let folder: string
  let plant: SimulatedPlant
  let proxy: CountingProxy
  let service: ServiceProcess
  let environment: NodeJS.ProcessEnv
  let bus: readonly string[]

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'r-ems-cli-'))
    plant = await startSimulatedPlant({ clock: realClock })
    proxy = await countConnections(plant.devices.battery!.port)
    const site = join(folder, 'site.yaml')
    writeFileSync(
      site,
      `version: 3
name: Test
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main } }]
devices:
  - { id: battery, name: Battery, role: battery, map: r-ems/demo-battery, connection: 'tcp://127.0.0.1:${proxy.port}', battery: { maxChargeW: 5000, maxDischargeW: 5000 } }
`,
    )
    service = await startService(['--config', site], { dataFolder: join(folder, 'data') })
    environment = { R_EMS_API_PORT: new URL(service.url).port, R_EMS_DATA_DIR: service.dataFolder }
    bus = ['--bus', `tcp://localhost:${proxy.port}`, '--unit', '1']
    const client = clientOf(service)
    while ((await client.device('battery')).link.state !== 'online') await realClock.sleep(50)
  })
  afterAll(async () => {
    await service[Symbol.asyncDispose]()
    await proxy[Symbol.asyncDispose]()
    await plant[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  it('identifies and reads through the service, without a connection of its own', async () => {
    const found = await runCtl(['identify', ...bus, '--json'], environment)
    expect(found.stderr).toBe('')
    expect(found.json()).toMatchObject({ candidates: [{ map: 'r-ems/demo-battery', serial: 'SIM-BAT-0001' }] })
    const read = await runCtl(['read', ...bus, '--point', 'socPercent', '--json'], environment)
    expect(read.json()).toMatchObject({
      map: 'r-ems/demo-battery',
      points: { socPercent: { value: 55, unit: '%', quality: 'good', address: 101, fc: 4, raw: [5500] } },
    })
    const registers = await runCtl(['registers', ...bus, '--fc', '4', '--address', '101', '--json'], environment)
    expect(registers.json()).toEqual({ registers: [{ address: 101, raw: 5500 }], value: null })
    expect([found.status, read.status, registers.status]).toEqual([0, 0, 0])
    expect(proxy.accepted).toBe(1)
  })

  it('takes a snapshot through the service, of what the unit has', async () => {
    const target = ['--target', `tcp://localhost:${proxy.port}`, '--unit', '1', '--fc', '4', '--range', '100..110']
    const taken = await runCtl(['snapshot', ...target, '--readings', '2', '--every', '0', '--json'], environment)
    expect([taken.status, taken.stderr]).toEqual([0, ''])
    const { tables, baseline } = registerSnapshot.parse(taken.json())
    expect(tables[0]?.words).toMatchObject({ 101: 5500 })
    expect(baseline.readings).toBe(2)
    expect(proxy.accepted).toBe(1)
  })

  it('keeps apart what the device refuses and what does not answer', async () => {
    const refused = await runCtl(['registers', ...bus, '--fc', '3', '--address', '9000'], environment)
    expect(refused.stderr).toContain('illegal data address')
    const silent = await runCtl(
      ['registers', '--bus', `tcp://127.0.0.1:${proxy.port}`, '--unit', '9', '--address', '0'],
      environment,
    )
    expect([refused.status, silent.status]).toEqual([4, 3])
    expect(proxy.accepted).toBe(1)
  })

  it('writes through the guard of the service', async () => {
    const command = ['write', ...bus, '--map', 'r-ems/demo-battery', '--command', 'setPowerW', '--yes', '--json']
    const good = await runCtl([...command, '--value', '1500'], environment)
    expect(good.json()).toMatchObject({
      command: 'setPowerW',
      outcome: 'confirmed',
      before: { points: { setpointW: { value: 0, unit: 'W' } } },
      after: { points: { setpointW: { value: 1500, unit: 'W' } } },
      principal: `cli:${userInfo().username}`,
    })
    const outside = await runCtl([...command, '--value', '99999'], environment)
    expect(outside.json()).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('outside the limits') })
    const register = [
      'write',
      ...bus,
      '--fc',
      '6',
      '--value',
      '1',
      '--min',
      '0',
      '--max',
      '1',
      '--yes',
      '--json',
      '--armed',
    ]
    const declared = await runCtl([...register, '--register', '203'], environment)
    expect(declared.json()).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('setPowerW') })
    expect([good.status, outside.status, declared.status]).toEqual([0, 5, 5])
    expect(proxy.accepted).toBe(1)
  })

  it('refuses without the token, with a wrong one, and a map that the service does not know', async () => {
    const read = ['registers', ...bus, '--fc', '4', '--address', '101']
    const none = await runCtl(read, { ...environment, R_EMS_DATA_DIR: folder })
    expect(none.stderr).toContain('unknown whether it holds the bus')
    expect(none.stderr).toContain('R_EMS_API_TOKEN')
    const wrong = await runCtl(read, { ...environment, R_EMS_API_TOKEN: 'x'.repeat(32) })
    expect(wrong.stderr).toContain('lets nobody in without one of its tokens')
    const other = ['--map', 'huawei/sun2000', '--command', 'setPowerW', '--value', '1', '--yes']
    const map = await runCtl(['write', ...bus, ...other], environment)
    expect([none.status, wrong.status, map.status]).toEqual([5, 5, 5])
    expect(proxy.accepted).toBe(1)
  })

  it('reads the device itself where no service holds it', async () => {
    const direct = await runCtl(['registers', ...bus, '--fc', '4', '--address', '101', '--json'], {
      R_EMS_API_PORT: '0',
    })
    expect(direct.status).toBe(0)
    expect(proxy.accepted).toBe(2)
  })

  it('has left every attempt in the journal of the service', async () => {
    const data = join(folder, 'journal')
    service.child.kill('SIGTERM')
    await new Promise((resolve) => service.child.once('exit', resolve))
    cpSync(join(folder, 'data'), data, { recursive: true })
    const workerUrl = pathToFileURL(join(root, 'out/service/storage-worker.js'))
    await using storage = await openStorage({ folder: data, workerUrl, clock: realClock })
    const writes = await storage.journal.entries({ limit: 50, kind: 'write' })
    const byHand = writes.filter(({ principal }) => principal.startsWith(`cli:${userInfo().username} by `))
    expect(byHand.map(({ outcome, command, value }) => [outcome, command, value]).toReversed()).toEqual([
      ['attempt', 'setPowerW', 1500],
      ['confirmed', 'setPowerW', 1500],
      ['refused', 'setPowerW', 99_999],
      ['refused', 'holding 203 (FC06)', 1],
      ['refused', 'setPowerW', 1],
    ])
    expect(byHand.every(({ deviceId }) => deviceId === 'battery')).toBe(true)
    await expect(storage.journal.verify()).resolves.toMatchObject({ ok: true })
  })
})

describe('r-emsctl beside automatic control', () => {
  it('does not write to a device that automatic control decides over', async () => {
    await using service = await startService(['--demo', '--seed', '7'])
    const client = clientOf(service)
    await client.flowUntil(({ setpoints }) => setpoints[0]?.outcome === 'confirmed')
    const environment = { R_EMS_API_PORT: new URL(service.url).port, R_EMS_DATA_DIR: service.dataFolder }
    const write = async (id: string, map: string, command: string, value: string) => {
      const target = ['--bus', (await client.device(id)).bus, '--unit', '1', '--map', map]
      return runCtl(['write', ...target, '--command', command, '--value', value, '--yes'], environment)
    }
    const battery = await write('battery', 'r-ems/demo-battery', 'setPowerW', '0')
    expect(battery.stdout).toContain('automatic control decides over battery')
    const inverter = await write('inverter', 'sunspec/inverter', 'limitPowerPercent', '90')
    expect(inverter.stdout).toContain('read back equal')
    expect([battery.status, inverter.status]).toEqual([5, 0])
  })
})
