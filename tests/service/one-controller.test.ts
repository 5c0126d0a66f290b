import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { auditEntries } from '#contract/access.ts'
import type { PowerFlow, SetpointState } from '#contract/api.ts'
import { cycles, gridStates } from '#contract/control.ts'
import { type SimulatedPlant, startSimulatedPlant } from '../../service/drivers/simulated/simulated-plant.ts'
import { realClock } from '../drivers/support/clock.ts'
import { batteryOnTheWire, clientOf } from './client.ts'
import { type ServiceProcess, startService } from './service-process.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-one-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function siteFile(name: string, text: string): string {
  const file = join(folder, `${name}.yaml`)
  writeFileSync(file, text)
  return file
}

const batteryOf = ({ setpoints }: PowerFlow): SetpointState | undefined =>
  setpoints.find(({ deviceId }) => deviceId === 'battery')

const meterSite = (port: number): string => `version: 3
name: Test
cycleMs: 200
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: 35, meter: meter } }]
devices:
  - { id: meter, name: Meter, role: grid-meter, map: eastron/sdm630, connection: 'tcp://127.0.0.1:${port}' }
`

describe('one controller', { timeout: 40_000 }, () => {
  it('S9: a second service on the same site is refused, until the first was killed', async () => {
    const file = siteFile('locked', meterSite(9))
    await using first = await startService(['--config', file])
    await expect(startService(['--config', file])).rejects.toThrow(
      new RegExp(`is run by another service: process ${first.pid} with the data folder ${first.dataFolder}`),
    )
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')
    await using second = await startService(['--config', file], { dataFolder: first.dataFolder })
    const { epoch } = await clientOf(second).get('/api/v1/cycles', cycles)
    expect(epoch).toBe(2)
  })

  it('S9: a copy of an edge on another machine controls nothing until a person says so', async () => {
    const service = await startService(['--demo'])
    const { dataFolder } = service
    await using folderOfIt = { [Symbol.asyncDispose]: async () => rmSync(dataFolder, { recursive: true, force: true }) }
    expect(folderOfIt).toBeDefined()
    service.child.kill('SIGTERM')
    await once(service.child, 'exit')
    const file = join(dataFolder, 'identity.json')
    const identity = JSON.parse(readFileSync(file, 'utf8')) as { machine: object }
    writeFileSync(
      file,
      JSON.stringify({ ...identity, machine: { machineId: 'other', board: 'other', adapters: ['x'] } }),
    )
    await using copy = await startService(['--demo'], { dataFolder })
    const client = clientOf(copy)
    const { control } = await client.status()
    expect(control.enabled).toBe(false)
    expect(control.reason).toContain('comes from another machine')
    const answer = await client.setControl(
      { enabled: true, reason: 'the old edge is gone' },
      { authorization: `Bearer ${client.token()}` },
    )
    expect(answer.status).toBe(200)
    expect((await client.status()).control.enabled).toBe(true)
  })

  const tools = ['python3', 'systemd-notify'].every((name) => spawnSync(name, ['--version']).status === 0)
  it.skipIf(!tools)('feeds the watchdog of systemd while it cycles, and says when it stops', async () => {
    const path = join(folder, 'notify')
    const script = `import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(${JSON.stringify(path)})
print('bound', flush=True)
while True: print(s.recv(1000).decode().strip(), flush=True)`
    const child = spawn('python3', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill())
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const heard: string[] = []
    const until = async (text: string): Promise<void> => {
      while (heard.at(-1) !== text) {
        const line = String((await lines.next()).value)
        if (line !== 'BARRIER=1') heard.push(line)
      }
    }
    await until('bound')
    await using service = await startService(['--config', siteFile('watched', meterSite(9))], {
      environment: { NOTIFY_SOCKET: path, WATCHDOG_USEC: '2000000' },
    })
    await until('READY=1')
    await until('WATCHDOG=1')
    service.child.kill('SIGTERM')
    await until('STOPPING=1')
    expect(heard.filter((line) => line === 'READY=1')).toHaveLength(1)
  })
})

describe('grids beside each other', { timeout: 40_000 }, () => {
  it('cycle on their own: a grid whose devices are dead delays no other', async () => {
    await using plant = await startSimulatedPlant({ clock: realClock })
    const file = siteFile(
      'two-grids',
      `version: 3
name: Two grids
grids:
  - { id: port, name: Port, cycleMs: 100, connection: { id: port-main, name: Port, fuseA: 63, meter: meter } }
  - { id: starboard, name: Starboard, cycleMs: 500, connection: { id: starboard-main, name: Starboard, fuseA: 63, meter: dead } }
devices:
  - { id: meter, name: Meter, role: grid-meter, circuit: port-main, map: eastron/sdm630, connection: 'tcp://127.0.0.1:${plant.devices.meter!.port}' }
  - { id: dead, name: Dead meter, role: grid-meter, circuit: starboard-main, map: eastron/sdm630, connection: 'tcp://127.0.0.1:9' }
`,
    )
    await using service = await startService(['--config', file])
    const client = clientOf(service)
    const done = async (): Promise<boolean> => {
      const { grids } = await client.get('/api/v1/cycles', cycles)
      return (grids[0]?.count ?? 0) >= 30 && (grids[1]?.count ?? 0) >= 2
    }
    while (!(await done())) await realClock.sleep(200)
    const { grids } = await client.get('/api/v1/cycles', cycles)
    expect(grids.map(({ gridId, periodMs, state }) => [gridId, periodMs, state])).toEqual([
      ['port', 100, 'running'],
      ['starboard', 500, 'running'],
    ])
    expect(grids[0]?.latenessMs.p50).toBeLessThan(50)
    const { grids: shown } = await client.get('/api/v1/grids', gridStates)
    expect(shown.map(({ grid }) => grid.quality)).toEqual(['good', 'bad'])
    const metrics = await (
      await fetch(`${service.url}/metrics`, { headers: { authorization: `Bearer ${client.token()}` } })
    ).text()
    expect(metrics).toMatch(/^r_ems_cycle_jitter_seconds_count\{grid="port"\} \d+$/m)
    expect(metrics).toMatch(/^r_ems_cycle_lateness_seconds_count\{grid="starboard"\} \d+$/m)
  })
})

describe('hybrid', { timeout: 40_000 }, () => {
  let plant: SimulatedPlant
  let service: ServiceProcess
  beforeAll(async () => {
    plant = await startSimulatedPlant({ clock: realClock })
  })
  afterAll(() => plant[Symbol.asyncDispose]())

  const site = (meter: string): string => `version: 3
name: Hybrid
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: 35, meter: meter } }]
devices:
  - { id: meter, name: Meter, role: grid-meter, map: eastron/sdm630, connection: '${meter}', verified: { signs: [powerW] } }
  - id: battery
    name: Battery
    role: battery
    map: r-ems/demo-battery
    connection: tcp://127.0.0.1:${plant.devices.battery!.port}
    battery: { maxChargeW: 5000, maxDischargeW: 5000 }
    verified: { commands: [setPowerW], signs: [powerW] }
  - { id: weather, name: Weather, role: weather, map: r-ems/demo-weather, connection: 'demo://weather' }
`

  async function start(meter: string): Promise<ReturnType<typeof clientOf>> {
    const file = siteFile(`hybrid-${meter.startsWith('demo') ? 'simulated' : 'real'}`, site(meter))
    service = await startService(['--config', file, '--mode', 'hybrid'])
    const client = clientOf(service)
    await client.setControl(
      { enabled: true, reason: 'a test of hybrid' },
      { authorization: `Bearer ${client.token()}` },
    )
    return client
  }

  it('S11: records what rests on a simulated meter, and sends nothing to the real battery', async () => {
    const client = await start('demo://meter')
    await using _service = service
    await using wire = await client.wire('battery')
    const flow = await client.flowUntil((next) => batteryOf(next)?.outcome === 'recorded')
    expect(batteryOf(flow)?.outcomeReason).toContain('rests on a simulated reading')
    await client.flowUntil(({ cycle }) => cycle >= flow.cycle + 3)
    expect(await batteryOnTheWire(wire)).toMatchObject({ enabled: false, setpointW: 0 })
    const { entries } = await client.get('/api/v1/audit?kind=write', auditEntries)
    expect(new Set(entries.map(({ outcome }) => outcome))).toEqual(new Set(['recorded']))
    expect(entries[0]?.frames?.length).toBeGreaterThan(0)
  })

  it('S11: sends what rests on real devices only, whatever else is simulated', async () => {
    const client = await start(`tcp://127.0.0.1:${plant.devices.meter!.port}`)
    await using _service = service
    await using wire = await client.wire('battery')
    await client.flowUntil((next) => batteryOf(next)?.outcome === 'confirmed')
    expect((await batteryOnTheWire(wire)).enabled).toBe(true)
  })
})
