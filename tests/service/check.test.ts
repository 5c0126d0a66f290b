import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkRun, checks as checksSchema } from '#contract/checks.ts'
import { failsafe as failsafeSchema } from '#contract/control.ts'
import { type SimulatedPlant, startSimulatedPlant } from '../../service/drivers/simulated/simulated-plant.ts'
import { realClock } from '../drivers/support/clock.ts'
import { connectRaw } from '../unit/simulated/raw-client.ts'
import { clientOf } from './client.ts'
import { runCtl } from './r-emsctl.ts'
import { authorized, root, type ServiceProcess, startService } from './service-process.ts'

/** Checks on the command line of a service of its own. The tests follow each other in the order of the file. */
describe('r-emsctl check', { timeout: 120_000 }, () => {
  let folder: string
  let plant: SimulatedPlant
  let service: ServiceProcess
  let environment: NodeJS.ProcessEnv

  async function start(): Promise<void> {
    service = await startService(['--config', join(folder, 'site.yaml')], { dataFolder: join(folder, 'data') })
    environment = { R_EMS_API_PORT: new URL(service.url).port, R_EMS_DATA_DIR: service.dataFolder }
    const client = clientOf(service)
    while ((await client.device('battery')).link.state !== 'online') await realClock.sleep(50)
  }
  const ctl = (...args: readonly string[]) => runCtl(['check', ...args], environment)

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'r-ems-check-'))
    plant = await startSimulatedPlant({ clock: realClock })
    mkdirSync(join(folder, 'pointmaps/test'), { recursive: true })
    const shipped = readFileSync(join(root, 'pointmaps/r-ems/demo-battery.yaml'), 'utf8')
    writeFileSync(join(folder, 'pointmaps/test/battery.yaml'), shipped.replace('seconds: 30', 'seconds: 3'))
    writeFileSync(
      join(folder, 'site.yaml'),
      `version: 3
name: Test
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main } }]
devices:
  - { id: battery, name: Battery, role: battery, map: test/battery, connection: 'tcp://127.0.0.1:${plant.devices['battery']!.port}', battery: { maxChargeW: 5000, maxDischargeW: 5000 } }
`,
    )
    await start()
  })
  afterAll(async () => {
    await service[Symbol.asyncDispose]()
    await plant[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  it('lists them, and refuses what writes until somebody answers for it', async () => {
    const list = await ctl('list')
    expect(list).toMatchObject({ status: 0, stderr: '' })
    expect(list.stdout).toMatch(/command\.battery\.setPowerW +not executed/)
    expect(list.stdout).toMatch(/0 of \d+ passed/)
    expect(await ctl('run', 'command.battery.setPowerW')).toMatchObject({ status: 5 })
    expect(await ctl('run', 'command.battery.setPowerW', '--armed')).toMatchObject({ status: 5 })
    expect(await ctl('run', 'command.nobody')).toMatchObject({ status: 2 })
    expect(await ctl('show', 'command.battery.setPowerW')).toMatchObject({ status: 1 })
  })

  it('proves that a device falls back, as r-emsctl failsafe says then', async () => {
    const ran = await ctl('run', 'ems-loss.battery.setPowerW', '--armed', '--yes', '--json')
    expect(ran.stderr).toBe('')
    const run = checkRun.parse(ran.json())
    expect(run.verdict, run.reason.text).toBe('passed')
    expect(run.restored).toMatchObject([{ ok: true }])
    expect(ran.status).toBe(0)
    // Nobody is armed any more.
    const { checks } = checksSchema.parse((await ctl('list', '--json')).json())
    expect(checks.find(({ id }) => id === run.checkId)).toMatchObject({
      state: 'locked',
      newest: { verdict: 'passed' },
    })
    const { devices } = failsafeSchema.parse((await runCtl(['failsafe', '--json'], environment)).json())
    expect(devices[0]?.proof).toMatchObject({ state: 'proven' })
    expect((await runCtl(['failsafe'], environment)).stdout).toMatch(/proven \d{4}-/)
    const shown = await ctl('show', run.checkId)
    expect(shown.stdout).toMatch(/fallbackAfter/)
    // The result is a file of the site.
    const kept = checkRun.parse(JSON.parse(readFileSync(join(folder, `workbench/checks/${run.id}.json`), 'utf8')))
    expect(kept.trace.lanes.length).toBeGreaterThan(0)
  })

  it('is interrupted when the service is killed; the device falls back by itself', async () => {
    const post = (path: string, body: object) =>
      fetch(`${service.url}${path}`, {
        method: 'POST',
        headers: { ...authorized, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    expect((await post('/api/v1/armed', { minutes: 5, reason: 'a test' })).status).toBe(200)
    const started = await post('/api/v1/checks/runs', { checkId: 'step.battery.setPowerW' })
    const { id } = checkRun.parse(await started.json())
    const client = clientOf(service)
    const written = async () => (await client.get(`/api/v1/checks/runs/${id}`, checkRun)).writes.length > 0
    while (!(await written())) await realClock.sleep(50)
    service.child.kill('SIGKILL')
    await once(service.child, 'exit')
    const port = plant.devices['battery']!.port
    for (;;) {
      await using wire = await connectRaw(port)
      if ((await wire.read(3, 203, 1))[0] === 0) break
      await realClock.sleep(100)
    }
    await start()
    const run = checkRun.parse((await ctl('show', id, '--json')).json())
    expect(run).toMatchObject({ state: 'ended', verdict: 'interrupted', reason: { code: 'lost' } })
    expect(await ctl('accept', run.checkId, '--reason', 'seen before')).toMatchObject({ status: 0 })
    expect((await ctl('list')).stdout).toMatch(/step\.battery\.setPowerW.*accepted/)
  })
})
