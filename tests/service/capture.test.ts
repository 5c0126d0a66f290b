import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Explanation } from '#contract/control.ts'
import type { ReplayReport } from '../../service/simulation/replay.ts'
import type { SimulationReport } from '../../service/simulation/simulate.ts'
import { clientOf } from './client.ts'
import { runCtl } from './r-emsctl.ts'
import { root, serviceToken, startService } from './service-process.ts'

const demoSite = join(root, 'service/runtime/demo-site.yaml')

it('what a running service has decided is captured, replayed the same, explained, and tried with a candidate', async () => {
  await using service = await startService(['--demo', '--seed', '7'])
  const environment = { R_EMS_API_TOKEN: serviceToken, R_EMS_API_PORT: new URL(service.url).port }
  const client = clientOf(service)
  await client.flowUntil((flow) => flow.cycle >= 6)

  const file = join(service.dataFolder, 'export.jsonl.gz')
  const captured = await runCtl(['capture', '--seconds', '60', '--out', file, '--json'], environment)
  expect(captured).toMatchObject({ status: 0, stderr: '' })
  expect(captured.json()).toEqual({ file, bytes: statSync(file).size })

  const replayed = await runCtl(['replay', '--capture', file, '--json'], environment)
  const report = replayed.json() as ReplayReport & { comparison?: unknown }
  expect(report.damage).toEqual([])
  expect(report.steps).toBeGreaterThan(5)
  expect(report.firstDifference).toBeUndefined()
  expect(report).toMatchObject({ identical: true, differingSteps: 0 })
  expect(report.digest).toBe(report.recordedDigest)
  expect(replayed.status).toBe(0)

  const tried = await runCtl(['replay', '--capture', file, '--site', demoSite, '--json'], environment)
  const { comparison } = tried.json() as { comparison: { present: SimulationReport; candidate: SimulationReport } }
  expect(comparison.present.energyWh.house).toBeGreaterThan(0)
  expect(comparison.candidate.digest).toBe(comparison.present.digest)

  const explained = await runCtl(['explain', '--device', 'battery', '--json'], environment)
  expect(explained).toMatchObject({ status: 0, stderr: '' })
  expect((explained.json() as Explanation).setpoints[0]?.reasons[0]?.text).toMatch(/\w/)
  const unknown = await runCtl(['explain', '--device', 'nobody'], environment)
  expect(unknown.status).toBe(5)
  expect(unknown.stderr).toContain('no device')
})

it('a capture survives the kill of its service', async () => {
  const first = await startService(['--demo', '--seed', '7'])
  const client = clientOf(first)
  await client.flowUntil((flow) => flow.cycle >= 3)
  const environment = { R_EMS_API_TOKEN: serviceToken, R_EMS_API_PORT: new URL(first.url).port }
  // Asking for it brings it to the disk.
  const file = join(first.dataFolder, 'export.jsonl.gz')
  await runCtl(['capture', '--out', file], environment)
  const exited = new Promise((resolve) => first.child.once('exit', resolve))
  first.child.kill('SIGKILL')
  await exited

  await using second = await startService(['--demo', '--seed', '7'], { dataFolder: first.dataFolder })
  await clientOf(second).flowUntil((flow) => flow.cycle >= 3)
  await runCtl(['capture', '--out', file], { ...environment, R_EMS_API_PORT: new URL(second.url).port })
  const replayed = await runCtl(['replay', '--capture', file, '--json'], environment)
  const report = replayed.json() as ReplayReport
  expect(report).toMatchObject({ stretches: 2, identical: true, damage: [] })
})
