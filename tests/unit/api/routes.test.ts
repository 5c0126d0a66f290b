import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import {
  controlState,
  device,
  devices,
  events,
  health,
  liveness,
  measurements,
  powerFlow,
  status,
} from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import { createApi } from '../../../service/api/server.ts'
import { battery, fakeSources, meter, nowMs } from './fake-sources.ts'
import { ask, openTestAccess, putControl, startApi } from './start-api.ts'

describe('answers', () => {
  test.each([
    ['/health', liveness],
    ['/api/v1/health', health],
    ['/api/v1/status', status],
    ['/api/v1/power-flow', powerFlow],
    ['/api/v1/devices', devices],
    ['/api/v1/devices/meter', device],
    ['/api/v1/measurements?device=meter&metric=powerW', measurements],
    ['/api/v1/events?limit=5', events],
  ] as const)('%s keeps to its schema', async (path, schema) => {
    const api = await startApi()
    const answer = await ask(api, path)
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toMatch(/^application\/json/)
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(schema.safeParse(answer.json()).error).toBeUndefined()
  })

  test('devices carry the time and every device', async () => {
    const api = await startApi()
    expect((await ask(api, '/api/v1/devices')).json()).toEqual({ atMs: nowMs, devices: [meter, battery] })
    expect((await ask(api, '/api/v1/devices/battery')).json()).toEqual(battery)
  })

  test('an unknown device is 404', async () => {
    const api = await startApi()
    for (const id of ['nobody', '__proto__', 'METER', 'a%2fb', 'meter%20'])
      expect((await ask(api, `/api/v1/devices/${id}`)).problem()).toMatchObject({ type: 'device.unknown', status: 404 })
  })

  test('before the first cycle there is no power flow', async () => {
    const api = await startApi({ sources: fakeSources({ powerFlow: () => undefined }) })
    const answer = await ask(api, '/api/v1/power-flow')
    expect(answer.problem().type).toBe('api.starting')
    expect(answer.status).toBe(503)
    expect(answer.headers['retry-after']).toBe('1')
  })

  test('an answer that breaks its schema is a fault, not sent', async () => {
    const api = await startApi({
      sources: fakeSources({ health: () => ({ status: 'ok', version: 'x', uptimeS: Number.NaN, faults: [] }) }),
    })
    expect((await ask(api, '/api/v1/health')).problem().type).toBe('api.internal')
    expect(api.logged.join('')).toContain('request failed')
  })

  test('HEAD answers like GET without a body', async () => {
    const api = await startApi()
    expect(await ask(api, '/health', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
  })
})

describe('measurements', () => {
  test.each([
    ['', nowMs - 3_600_000, nowMs, 1000],
    ['&to=2026-03-01T11:00:00Z', nowMs - 7_200_000, nowMs - 3_600_000, 1000],
    ['&from=2026-03-01T12:30:00%2B01:00&points=2', nowMs - 1_800_000, nowMs, 2],
    ['&from=1772366399000', nowMs - 1000, nowMs, 1000],
    ['&from=2026-03-01&to=2026-03-02', nowMs - 12 * 3_600_000, nowMs + 12 * 3_600_000, 1000],
  ])('resolve the range "%s"', async (range, fromMs, toMs, points) => {
    const api = await startApi()
    const { status: code } = await ask(api, `/api/v1/measurements?device=meter&metric=powerW${range}`)
    expect(code).toBe(200)
    expect(api.sources.asked).toEqual([{ device: 'meter', metric: 'powerW', fromMs, toMs, points }])
  })

  test.each([
    ['device=meter', 'query.metric'],
    ['device=meter&metric=powerW&from=yesterday', 'query.from'],
    ['device=meter&metric=powerW&from=2026-13-01', 'query.from'],
    ['device=meter&metric=powerW&to=9999999999999999', 'query.to'],
    ['device=meter&metric=powerW&from=2030-01-01', 'query.from'],
    ['device=meter&metric=powerW&points=1', 'query.points'],
    ['device=meter&metric=powerW&points=10001', 'query.points'],
    ['device=meter&metric=powerW&points=many', 'query.points'],
    ['device=meter&device=meter&metric=powerW', 'query.device'],
    ['device=meter&metric=powerW&limit=3', 'query.limit'],
    ['device=meter&metric=powerW&__proto__=3', 'query.__proto__'],
    [`device=${'m'.repeat(41)}&metric=powerW`, 'query.device'],
  ])('refuse "%s" naming the field', async (query, path) => {
    const api = await startApi()
    const answer = await ask(api, `/api/v1/measurements?${query}`)
    const found = answer.problem()
    expect(found).toMatchObject({ type: 'api.invalid', status: 400 })
    expect(found.errors?.map((error) => error.path)).toContain(path)
    expect(api.sources.asked).toEqual([])
  })

  test('say what is allowed', async () => {
    const api = await startApi()
    const unknown = (await ask(api, '/api/v1/measurements?device=meter&metric=powerW&limit=3')).problem()
    expect(unknown.errors).toEqual([
      { path: 'query.limit', message: 'unknown field', allowed: ['device', 'metric', 'from', 'to', 'points'] },
    ])
    const severity = (await ask(api, '/api/v1/events?severity=loud')).problem()
    expect(severity.errors?.[0]?.allowed).toEqual(['info', 'warning', 'error'])
    const time = (await ask(api, '/api/v1/measurements?device=meter&metric=powerW&from=now')).problem()
    expect(time.errors?.[0]?.allowed).toContain('2026-03-01T12:00:00Z')
  })

  test('of unknown devices and metrics are 404', async () => {
    const api = await startApi()
    const type = async (query: string): Promise<string> =>
      (await ask(api, `/api/v1/measurements?${query}`)).problem().type
    expect(await type('device=nobody&metric=powerW')).toBe('device.unknown')
    expect(await type('device=meter&metric=taste')).toBe('metric.unknown')
  })
})

describe('control', () => {
  test('is changed with the token, and the principal is known', async () => {
    const api = await startApi()
    const answer = await putControl(api)
    expect(answer.status).toBe(200)
    expect(controlState.parse(answer.json())).toEqual({ enabled: false, dryRun: false, reason: 'maintenance' })
    expect(api.sources.controlled).toEqual([
      {
        request: { enabled: false, dryRun: false, reason: 'maintenance' },
        principal: { kind: 'token', id: 'preset-API token', name: 'API token', role: 'admin', address: '127.0.0.1' },
      },
    ])
  })

  test.each([
    ['{"enabled":"yes","reason":"maintenance"}', 'body.enabled'],
    ['{"enabled":true,"reason":"x"}', 'body.reason'],
    ['{"enabled":true,"reason":"maintenance","role":"admin"}', 'body.role'],
    ['[]', 'body'],
    ['null', 'body'],
  ])('refuses %s naming the field', async (body, path) => {
    const api = await startApi()
    const found = (await putControl(api, {}, body)).problem()
    expect(found.type).toBe('api.invalid')
    expect(found.errors?.map((error) => error.path)).toContain(path)
    expect(api.sources.controlled).toEqual([])
  })

  test('passes on why the runtime refused', async () => {
    const refuse = async (): Promise<never> => {
      throw new EdgeError('write.refused', 'the desktop app never controls real devices')
    }
    const api = await startApi({ sources: fakeSources({ setControl: refuse }) })
    expect((await putControl(api)).problem()).toMatchObject({
      type: 'write.refused',
      status: 403,
      detail: 'the desktop app never controls real devices',
    })
  })
})

describe('metrics', () => {
  test('carry every number under its name', async () => {
    const api = await startApi()
    api.observeCycle({ gridId: 'main', durationMs: 3, latenessMs: 15, jitterMs: 2 })
    api.observeCycle({ gridId: 'main', durationMs: 30, latenessMs: -1, jitterMs: 0 })
    const answer = await ask(api, '/metrics')
    expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
    const lines = answer.body.split('\n')
    for (const line of [
      'r_ems_build_info{version="0.1.0"} 1',
      'r_ems_cycles_total{grid="main"} 60',
      'r_ems_cycle_overruns_total{grid="main"} 1',
      'r_ems_step_failures_total{grid="main"} 2',
      'r_ems_cycle_jitter_seconds_sum{grid="main"} 0.002',
      'r_ems_cycle_duration_seconds_bucket{le="0.005",grid="main"} 1',
      'r_ems_cycle_duration_seconds_count{grid="main"} 2',
      'r_ems_cycle_lateness_seconds_sum{grid="main"} 0.015',
      'r_ems_device_up{device="meter",role="grid-meter"} 1',
      'r_ems_device_up{device="battery",role="battery"} 0',
      'r_ems_device_requests_total{device="meter"} 100',
      'r_ems_device_request_failures_total{device="battery"} 10',
      'r_ems_power_watts{flow="grid"} 200',
      'r_ems_power_watts{flow="battery"} 1000',
      'r_ems_battery_soc_ratio 0.5',
      'r_ems_setpoint_watts{device="battery",command="setPowerW"} 1000',
      'r_ems_setpoint_ratio{device="inverter",command="limitPowerPercent"} 0.6',
      'r_ems_setpoint_amperes{device="charger",command="setCurrentA"} 16',
      'r_ems_control_enabled 1',
      'r_ems_control_dry_run 0',
      'r_ems_storage_queue_records 3',
      'r_ems_live_sockets 0',
    ])
      expect(lines).toContain(line)
    expect(answer.body).toMatch(/^process_resident_memory_bytes \d+/m)
  })

  test('leave out what is not measured, and read counters anew each time', async () => {
    let numbers = fakeSources().metrics()
    const api = await startApi({ sources: fakeSources({ metrics: () => numbers }) })
    await ask(api, '/metrics')
    const { batterySocPercent: _soc, gridW: _grid, ...rest } = numbers
    numbers = { ...rest, grids: [{ id: 'main', cycles: 61, overruns: 0, failures: 0 }], devices: [] }
    const { body } = await ask(api, '/metrics')
    expect(body).not.toMatch(/^r_ems_battery_soc_ratio/m)
    expect(body).not.toContain('flow="grid"')
    expect(body).not.toContain('flow="pv"')
    expect(body).not.toMatch(/^r_ems_device_up/m)
    expect(body).toMatch(/^r_ems_cycles_total{grid="main"} 61$/m)
  })

  const promtool = spawnSync('promtool', ['--version']).status === 0
  test.skipIf(!promtool)('pass promtool check metrics (skipped where promtool is missing)', async () => {
    const api = await startApi()
    api.observeCycle({ gridId: 'main', durationMs: 3, latenessMs: 15, jitterMs: 2 })
    const { body } = await ask(api, '/metrics')
    const check = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' })
    expect(`${check.stdout}${check.stderr}`).toBe('')
    expect(check.status).toBe(0)
  })
})

test('a taken port is named', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const start = createApi({
    host: '127.0.0.1',
    port,
    access: (await openTestAccess()).opened.access,
    version: '0',
    sources: fakeSources(),
    log: pino({ level: 'silent' }),
  })
  await expect(start).rejects.toMatchObject({ code: 'api.port-taken', message: expect.stringContaining(String(port)) })
  other.close()
})
