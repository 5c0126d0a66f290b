import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PowerFlow, problem, type SetpointState } from '#contract/api.ts'
import { armedState, controlWish, controlWishes, cycles, explanation, failsafe, gridStates } from '#contract/control.ts'
import { auditEntries } from '#contract/access.ts'
import { clientOf } from './client.ts'
import { runCtl } from './r-emsctl.ts'
import { type ServiceProcess, startService } from './service-process.ts'

const batteryPower = ({ setpoints }: PowerFlow): SetpointState | undefined =>
  setpoints.find(({ deviceId, command }) => deviceId === 'battery' && command === 'setPowerW')

/** Manual and API control of the running demo site. The tests follow each other in the order of the file. */
describe('asking automatic control', () => {
  let service: ServiceProcess
  let client: ReturnType<typeof clientOf>
  let environment: NodeJS.ProcessEnv
  const at = '/api/v1/controls/battery/setPowerW'

  const send = (method: string, path: string, body?: string, token?: string) =>
    fetch(`${service.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token ?? client.token()}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body }),
    })
  const ask = (value: number, ttlS: number, token?: string) =>
    send('POST', at, JSON.stringify({ value, ttlS, reason: 'a test of control' }), token)
  const wishes = async () => (await client.get('/api/v1/controls', controlWishes)).wishes

  beforeAll(async () => {
    service = await startService(['--demo', '--seed', '7'])
    client = clientOf(service)
    environment = { R_EMS_API_PORT: new URL(service.url).port, R_EMS_DATA_DIR: service.dataFolder }
    await client.flowUntil((flow) => batteryPower(flow)?.outcome === 'confirmed')
  })
  afterAll(() => service[Symbol.asyncDispose]())

  it.each([
    ['no number', at, '{"value":"much","reason":"a test"}', 'api.invalid'],
    ['NaN', at, '{"value":NaN,"reason":"a test"}', 'api.malformed'],
    ['null', at, '{"value":null,"reason":"a test"}', 'api.invalid'],
    ['infinity', at, '{"value":1e999,"reason":"a test"}', 'api.invalid'],
    ['no reason', at, '{"value":100}', 'api.invalid'],
    ['an unknown field', at, '{"value":100,"reason":"a test","force":true}', 'api.invalid'],
    ['longer than 15 minutes', at, '{"value":100,"reason":"a test","ttlS":901}', 'api.invalid'],
    ['for no time', at, '{"value":100,"reason":"a test","ttlS":0}', 'api.invalid'],
    ['more than the device can', at, '{"value":1e6,"reason":"a test"}', 'control.outside'],
    ['a device that is not there', at.replace('battery', 'nobody'), '{"value":1,"reason":"a test"}', 'device.unknown'],
    [
      'a command that it lacks',
      at.replace('setPowerW', 'switchOn'),
      '{"value":1,"reason":"a test"}',
      'control.unknown',
    ],
    ['no command at all', at.replace('setPowerW', 'explode'), '{"value":1,"reason":"a test"}', 'api.invalid'],
    [
      'a command that control does not use',
      '/api/v1/controls/inverter/limitPowerPercent',
      '{"value":50,"reason":"a test"}',
      'control.not-decided',
    ],
  ])('refuses %s, in words, and nothing changes', async (_, path, body, code) => {
    const answer = await send('POST', path, body)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(problem.parse(await answer.json())).toMatchObject({ type: code, action: expect.any(String) })
    expect(await wishes()).toEqual([])
    const { entries } = await client.get('/api/v1/audit?kind=wish', auditEntries)
    expect(entries).toEqual([])
  })

  it('takes a value until its time is over, says whose it is, and is automatic again', async () => {
    const answer = await ask(-750, 3)
    const wish = controlWish.parse(await answer.json())
    expect([answer.status, wish.value, wish.unit, wish.principal]).toEqual([200, -750, 'W', 'console'])
    const held = await client.flowUntil((flow) => Math.abs((batteryPower(flow)?.value ?? 0) + 750) < 1)
    expect(
      batteryPower(held)
        ?.reasons.map(({ text }) => text)
        .join(' '),
    ).toContain('console')
    const now = await client.get('/api/v1/explain?device=battery', explanation)
    expect(now.setpoints[0]).toMatchObject({ command: 'setPowerW', unit: 'W' })
    expect(now.setpoints[0]?.reasons.map(({ text }) => text).join(' ')).toContain('console')
    await client.flowUntil((flow) => !batteryPower(flow)?.reasons.some(({ text }) => text.includes('console')))
    expect(await wishes()).toEqual([])
    const { entries } = await client.get('/api/v1/audit?kind=wish', auditEntries)
    expect(entries.map(({ outcome, value }) => [outcome, value])).toEqual([
      ['ended', undefined],
      ['asked', -750],
    ])
  })

  it('takes no contradicting value of somebody else, and gives back what was asked', async () => {
    expect((await ask(500, 60)).status).toBe(200)
    const other = await ask(-500, 60, 'token-of-the-tests-0123456789')
    expect([other.status, problem.parse(await other.json()).type]).toEqual([409, 'control.contradicts'])
    expect((await ask(600, 60)).status).toBe(200)
    expect((await wishes()).map(({ value }) => value)).toEqual([600])
    expect((await send('DELETE', at)).status).toBe(204)
    expect((await send('DELETE', at)).status).toBe(204)
    expect(await wishes()).toEqual([])
  })

  it('takes the same from the command line', async () => {
    const set = await runCtl(
      ['control', 'set', 'battery', 'setPowerW', '-400', '--reason', 'a test', '--for', '60', '--json'],
      environment,
    )
    expect(set.json()).toMatchObject({ deviceId: 'battery', value: -400 })
    const list = await runCtl(['control', '--json'], environment)
    expect(list.json()).toMatchObject({ wishes: [{ value: -400, reason: 'a test' }] })
    const outside = await runCtl(['control', 'set', 'battery', 'setPowerW', '1e9', '--reason', 'a test'], environment)
    expect(outside.stderr).toContain('outside the limits')
    const auto = await runCtl(['control', 'auto', 'battery', 'setPowerW'], environment)
    const missing = await runCtl(['control', 'set', 'battery', 'setPowerW', '1'], environment)
    expect([set.status, list.status, outside.status, auto.status, missing.status]).toEqual([0, 0, 5, 0, 2])
    expect(await wishes()).toEqual([])
  })

  it('shows its grids, cycles and what is without it', async () => {
    const { grids } = await client.get('/api/v1/grids', gridStates)
    expect(grids).toMatchObject([{ gridId: 'grid', state: 'running', controlledBy: 'grid' }])
    const timing = await client.get('/api/v1/cycles', cycles)
    const [grid] = timing.grids
    expect([timing.epoch, grid?.periodMs, grid?.failures]).toEqual([1, 1000, 0])
    for (const { counts, count } of [grid!.lateness, grid!.duration]) {
      expect(counts.reduce((sum, n) => sum + n, 0)).toBe(count)
      expect(count).toBe(grid?.count)
    }
    const found = await client.get('/api/v1/failsafe', failsafe)
    const battery = found.devices.find(({ deviceId }) => deviceId === 'battery')
    expect(battery).toMatchObject({ kind: 'reversion', afterS: 30, renewedEveryS: 10, proof: { state: 'not-proven' } })
    expect(battery?.text).toMatch(/^If R-EMS stops: -?[\d.]+ W for at most 30 s, then the battery goes to standby\.$/)
    const printed = await runCtl(['failsafe'], environment)
    expect(printed.stdout).toContain('then the battery goes to standby')
    expect(printed.stdout).toContain('not proven')
  })

  it('stamps every write with the epoch of this start', async () => {
    const { entries } = await client.get('/api/v1/audit?kind=write&limit=20', auditEntries)
    expect(entries.length).toBeGreaterThan(0)
    expect(entries.every(({ data }) => data?.['epoch'] === 1)).toBe(true)
  })

  it('refuses a value while control is off, and says why', async () => {
    await client.setControl(
      { enabled: false, reason: 'a test of the switch' },
      { authorization: `Bearer ${client.token()}` },
    )
    await client.flowUntil((flow) => batteryPower(flow)?.outcome === 'refused')
    const answer = await ask(100, 60)
    const { type, detail } = problem.parse(await answer.json())
    expect([answer.status, type]).toEqual([409, 'control.not-decided'])
    expect(detail).toContain('a test of the switch')
  })

  it('S1: a write by hand needs Armed, which has nothing to do with control', async () => {
    const { bus, map, commands } = await client.device('battery')
    expect(commands.map(({ name }) => name)).toContain('setPowerW')
    const mapHash = (await runCtl(['map', 'show', map, '--json'], environment)).json() as { hash: string }
    const body = JSON.stringify({
      bus,
      unitId: 1,
      principal: 'test:maria',
      write: { kind: 'command', map, mapHash: mapHash.hash, command: 'setPowerW', value: 100 },
    })
    const write = () => send('POST', '/api/v1/bus/write', body)
    const before = await write()
    expect([before.status, problem.parse(await before.json()).detail]).toEqual([
      403,
      'a write by hand needs Armed: arm yourself first',
    ])
    const armed = await send('POST', '/api/v1/armed', '{"minutes":1,"reason":"a test by hand"}')
    const state = armedState.parse(await armed.json())
    expect(state).toMatchObject({ armed: true, permissions: [{ principal: 'console', own: true }] })
    expect(state.targets.find(({ deviceId }) => deviceId === 'battery')).toMatchObject({ allowed: true })
    // Nobody else is armed with it.
    const other = await send('POST', '/api/v1/bus/write', body, 'token-of-the-tests-0123456789')
    expect(other.status).toBe(403)
    expect((await write()).status).toBe(200)
    expect((await client.status()).control.enabled).toBe(false)
    expect(armedState.parse(await (await send('DELETE', '/api/v1/armed')).json()).armed).toBe(false)
    expect((await write()).status).toBe(403)
    // What was released is on the disk with the next cycle.
    const arming = async () => (await client.get('/api/v1/audit?kind=arm', auditEntries)).entries
    await expect
      .poll(async () => (await arming()).map(({ outcome, detail }) => outcome ?? detail), { timeout: 5_000 })
      .toEqual(['released', 'a test by hand'])
  })
})
