import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { job, jobSummary, lease, workbench } from '#contract/workbench.ts'
import { hasSocat, openPtyPair } from '../drivers/support/pty.ts'
import { pymodbusMissing, startPymodbus } from '../drivers/support/pymodbus.ts'
import { batteryOnTheWire, clientOf } from './client.ts'
import { authorized, type ServiceProcess, startService } from './service-process.ts'

const base = '/api/v1/workbench'

async function send(service: ServiceProcess, method: string, path: string, body?: object): Promise<Response> {
  return fetch(`${service.url}${base}${path}`, {
    method,
    headers: { ...authorized, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
}

test('a bus is borrowed: control is given back and read back, nobody polls, and the service takes it again', async () => {
  await using service = await startService(['--demo'])
  const client = clientOf(service)
  await using wire = await client.wire('battery')
  await client.flowUntil((flow) => flow.setpoints.some(({ outcome }) => outcome === 'confirmed'))
  expect(await batteryOnTheWire(wire)).toMatchObject({ enabled: true })
  const { bus } = await client.device('battery')

  const grid = (await client.device('meter')).bus
  const refused = await send(service, 'POST', '/leases', { bus: grid, reason: 'a test' })
  expect([refused.status, await refused.json()]).toMatchObject([409, { type: 'workbench.refused' }])
  const scan = await send(service, 'POST', '/jobs', { kind: 'units', bus })
  expect([scan.status, await scan.json()]).toMatchObject([409, { detail: expect.stringContaining('control acts on') }])

  const answer = await send(service, 'POST', '/leases', { bus, reason: 'a test' })
  expect(answer.status).toBe(201)
  const { id, released } = lease.parse(await answer.json())
  expect(released).toEqual(['battery'])
  expect(await batteryOnTheWire(wire)).toMatchObject({ setpointW: 0, enabled: false })
  const flow = await client.flowUntil(({ setpoints }) => setpoints.some(({ outcome }) => outcome === 'refused'))
  expect(flow.setpoints[0]?.outcomeReason).toContain('is lent to')
  const { requests } = (await client.device('battery')).link
  // The workbench has the bus now, and nobody else: the unit that answers is found through a connection of its own.
  const found = jobSummary.parse(
    await (await send(service, 'POST', '/jobs', { kind: 'identify', bus, unitIds: [1] })).json(),
  )
  await expect
    .poll(async () => job.parse(await (await send(service, 'GET', `/jobs/${found.id}`)).json()), { timeout: 20_000 })
    .toMatchObject({ state: 'done', result: { units: [{ unitId: 1, silent: null }] } })
  expect((await client.device('battery')).link.requests).toBe(requests)
  expect(await batteryOnTheWire(wire)).toMatchObject({ setpointW: 0, enabled: false })

  expect((await send(service, 'DELETE', `/leases/${id}`)).status).toBe(204)
  await client.flowUntil(({ setpoints }) => setpoints.some(({ outcome }) => outcome === 'confirmed'))
  expect(await batteryOnTheWire(wire)).toMatchObject({ enabled: true })
  expect((await client.device('battery')).link.requests).toBeGreaterThan(requests)
}, 60_000)

test('switching control on takes every bus back first', async () => {
  await using service = await startService(['--demo'])
  const client = clientOf(service)
  const control = (enabled: boolean) => client.setControl({ enabled, dryRun: false, reason: 'a test' }, authorized)
  expect((await control(false)).status).toBe(200)
  const { bus } = await client.device('meter')
  expect((await send(service, 'POST', '/leases', { bus, reason: 'a test' })).status).toBe(201)
  expect(workbench.parse(await (await send(service, 'GET', '')).json()).leases).toHaveLength(1)
  expect((await control(true)).status).toBe(200)
  expect(workbench.parse(await (await send(service, 'GET', '')).json()).leases).toEqual([])
}, 30_000)

const missing = hasSocat ? pymodbusMissing : 'socat is not installed'

test.skipIf(missing !== undefined)(
  `a scan that the service did not survive goes on where it was${missing === undefined ? '' : ` (${missing})`}`,
  async () => {
    const dataFolder = mkdtempSync(join(tmpdir(), 'r-ems-crash-'))
    onTestFinished(() => rmSync(dataFolder, { recursive: true, force: true }))
    await using pair = await openPtyPair()
    await using _ = await startPymodbus({ unit_id: 3, registers: { '0': [1, 2, 3] } }, pair.device)
    const bus = `rtu://${pair.client}?baud=115200`
    const first = await startService(['--demo'], { dataFolder })
    const started = jobSummary.parse(await (await send(first, 'POST', '/jobs', { kind: 'units', bus })).json())
    const path = `/jobs/${started.id}`
    const state = async (service: ServiceProcess) => job.parse(await (await send(service, 'GET', path)).json())
    await expect.poll(async () => (await state(first)).requests, { timeout: 20_000 }).toBeGreaterThan(60)
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')

    await using second = await startService(['--demo'], { dataFolder })
    const after = await state(second)
    expect(after).toMatchObject({ state: 'interrupted', resumable: true, result: { units: [{ unitId: 3 }] } })
    const asked = after.result?.kind === 'units' ? after.result.silent.flatMap(({ unitIds }) => unitIds).length : 0
    expect(asked).toBeGreaterThan(40)
    expect((await send(second, 'POST', `${path}/resume`)).status).toBe(200)
    await expect.poll(async () => (await state(second)).state, { timeout: 40_000 }).toBe('done')
    const done = await state(second)
    expect(done).toMatchObject({ result: { state: 'complete', units: [{ unitId: 3 }] } })
    // What was asked before the crash was not asked again; to find out what the unit is takes some 80 questions.
    expect(done.requests - after.requests).toBeLessThan(340 - asked)
    expect(readdirSync(join(dataFolder, 'workbench/jobs'))).toEqual([`${started.id}.json`])
  },
  90_000,
)
