import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startSimulatedMeters } from '../../service/drivers/simulated/simulated-meters.ts'
import { systemClock } from '../../service/runtime/system-clock.ts'
import { clientOf } from './client.ts'
import { startService } from './service-process.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-site-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const map = (scale: number) => `format: 1
maker: Own
model: Meter
kind: meter
points:
  powerW: { address: 52, function: input, type: float32 }
  voltageV.l1: { address: 0, function: input, type: float32, scale: ${scale} }
`

it('a map of the site that is edited while control is off is used at once; a broken edit changes nothing', async () => {
  await using meters = await startSimulatedMeters({ clock: systemClock, count: 1 })
  mkdirSync(join(folder, 'pointmaps/own'), { recursive: true })
  const mapFile = join(folder, 'pointmaps/own/meter.yaml')
  writeFileSync(mapFile, map(1))
  const siteFile = join(folder, 'site.yaml')
  writeFileSync(
    siteFile,
    `version: 3
name: Own maps
cycleMs: 200
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main, fuseA: 35, meter: meter } }]
devices:
  - { id: meter, name: Meter, role: grid-meter, map: own/meter, connection: 'tcp://127.0.0.1:${meters.servers[0]?.port}' }
`,
  )
  await using service = await startService(['--config', siteFile])
  const client = clientOf(service)
  const voltage = ({ grid }: Awaited<ReturnType<typeof client.powerFlow>>) => grid.voltageV.l1 ?? NaN
  const before = await client.flowUntil((flow) => voltage(flow) > 200)

  writeFileSync(mapFile, map(1).replace('float32, scale', 'floaty, scale'))
  const giveUpMs = performance.now() + 10_000
  while ((await client.health()).faults.every(({ code }) => code !== 'map.invalid'))
    expect(performance.now()).toBeLessThan(giveUpMs)
  const [fault] = (await client.health()).faults
  expect(fault?.message).toContain(`${mapFile}:7:`)
  expect(voltage(await client.flowUntil(({ cycle }) => cycle > before.cycle + 5))).toBeGreaterThan(200)

  writeFileSync(mapFile, map(0.5))
  const after = await client.flowUntil((flow) => voltage(flow) < 200)
  expect(voltage(after)).toBeGreaterThan(100)
  expect((await client.health()).faults).toEqual([])
})
