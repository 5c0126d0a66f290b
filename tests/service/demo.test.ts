import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { devices, events, measurements } from '#contract/api.ts'
import { batteryOnTheWire, clientOf } from './client.ts'
import { type ServiceProcess, startService } from './service-process.ts'

/** One running demo site, from the wire to the API. The tests follow each other in the order of the file. */
describe('the demo site', () => {
  let service: ServiceProcess
  let client: ReturnType<typeof clientOf>

  beforeAll(async () => {
    service = await startService(['--demo', '--seed', '7'])
    client = clientOf(service)
  })
  afterAll(() => service[Symbol.asyncDispose]())

  it('shows a balanced site with a battery that covers the exchange', async () => {
    const flow = await client.flowUntil(
      ({ load, setpoints }) => load.powerW !== undefined && setpoints[0]?.outcome === 'confirmed',
    )
    const { grid, pv, battery, load } = flow
    expect((grid.powerW ?? NaN) + (pv.powerW ?? NaN) + (battery.powerW ?? NaN)).toBeCloseTo(load.powerW ?? NaN, 6)
    expect(load.powerW).toBeGreaterThan(0)
    expect(flow.setpoints[0]?.reasons[0]?.text).toMatch(/^(covers|grid exchange|moves)/)
    const settled = await client.flowUntil((next) => Math.abs(next.grid.powerW ?? NaN) < 200)
    expect(settled.cycle).toBeGreaterThanOrEqual(flow.cycle)
  })

  it('writes to the battery over the wire what it says', async () => {
    await using wire = await client.wire('battery')
    const flow = await client.flowUntil(({ setpoints }) => setpoints[0]?.outcome === 'confirmed')
    const battery = await batteryOnTheWire(wire)
    expect(battery.enabled).toBe(true)
    expect(battery.reversionLeftS).toBeGreaterThan(15)
    const next = await client.powerFlow()
    // The device counts in whole watts.
    const known = [flow, next].map(({ setpoints }) => Math.round(setpoints[0]?.value ?? NaN))
    expect(known).toContain(battery.setpointW)
  })

  it('answers every route with what its contract says', async () => {
    const { devices: list } = await client.get('/api/v1/devices', devices)
    expect(list.map(({ id, link }) => [id, link.state])).toEqual([
      ['meter', 'online'],
      ['inverter', 'online'],
      ['battery', 'online'],
      ['weather', 'online'],
    ])
    const readings = list.flatMap(({ points }) => points)
    expect(readings.length).toBeGreaterThan(60)
    // What the inverter says it does not have is no failure.
    expect(
      readings.filter(({ reading }) => reading?.quality !== 'good' && !reading?.absent).map(({ name }) => name),
    ).toEqual([])
    expect(list.every(({ simulated, vendor, model }) => simulated && vendor && model)).toBe(true)

    const series = await client.get('/api/v1/measurements?device=meter&metric=powerW', measurements)
    expect(series.unit).toBe('W')
    expect(series.series.length).toBeGreaterThan(0)
    const { events: log } = await client.get('/api/v1/events', events)
    expect(log.map(({ code }) => code)).toContain('service.started')
    const status = await client.status()
    expect(status).toMatchObject({
      site: 'Demo site',
      mode: 'simulation',
      demo: true,
      devices: { total: 4, online: 4 },
    })
    expect((await client.health()).status).toBe('ok')
  })

  it('S1: stops writing at once when control is disabled with the token, and gives the battery back', async () => {
    await using wire = await client.wire('battery')
    const off = { enabled: false, reason: 'test of the switch' }
    expect((await client.setControl(off, {})).status).toBe(401)
    expect((await client.setControl(off, { authorization: 'Bearer 0000000000000000000000' })).status).toBe(401)
    expect((await batteryOnTheWire(wire)).enabled).toBe(true)

    const answer = await client.setControl(off, { authorization: `Bearer ${client.token()}` })
    expect(answer.status).toBe(200)
    expect(await batteryOnTheWire(wire)).toMatchObject({ enabled: false, setpointW: 0 })
    const flow = await client.flowUntil(({ setpoints }) => setpoints[0]?.outcome === 'refused')
    expect(flow.setpoints[0]?.outcomeReason).toContain('test of the switch')
    expect((await batteryOnTheWire(wire)).enabled).toBe(false)
  })

  it('S1: dry run computes, records and sends nothing', async () => {
    await using wire = await client.wire('battery')
    const dry = { enabled: true, dryRun: true, reason: 'dry run test' }
    await client.setControl(dry, { authorization: `Bearer ${client.token()}` })
    await client.flowUntil(({ setpoints }) => setpoints[0]?.outcome === 'recorded')
    expect((await batteryOnTheWire(wire)).enabled).toBe(false)
  })

  it('S7: takes control again from what the device holds', async () => {
    await using wire = await client.wire('battery')
    await client.setControl({ enabled: true, reason: 'back to normal' }, { authorization: `Bearer ${client.token()}` })
    await client.flowUntil(({ setpoints }) => setpoints[0]?.outcome === 'confirmed')
    expect((await batteryOnTheWire(wire)).enabled).toBe(true)
  })
})
