import { describe, expect, onTestFinished, test } from 'vitest'
import type { DeviceRole } from '#contract/site-device.ts'
import { parseBusAddress } from '../../../../service/drivers/modbus/address.ts'
import { createArmedBus } from '../../../../service/drivers/modbus/bus.ts'
import { createModbusDevice } from '../../../../service/drivers/modbus/device.ts'
import type { SiteDeviceEntry } from '../../../../service/runtime/site-runtime.ts'
import { createLeases } from '../../../../service/runtime/workbench/leases.ts'
import type { Relinquish } from '../../../../service/runtime/workbench/relinquish.ts'
import { EdgeError } from '#contract/errors.ts'
import { realClock } from '../../../drivers/support/clock.ts'
import { mapFrom } from '../../../drivers/support/maps.ts'
import { createTestUnit } from '../../../drivers/support/test-device.ts'
import { startTestServer } from '../../../drivers/support/test-server.ts'
import { manualClock } from '../manual-clock.ts'
import { anna } from './support.ts'

const map = mapFrom(`
format: 1
maker: Test
model: Meter
kind: meter
points:
  powerW: { address: 0, type: int16, pollGroup: fast }
`)

/** One bus with one device in a role, on a real connection; time is in the hands of the test. */
async function bench(role: DeviceRole, control = { enabled: true, dryRun: false, reason: '' }) {
  const server = await startTestServer('tcp', { 1: createTestUnit({ 0: 7 }) })
  const bus = createArmedBus({ address: parseBusAddress(server.url), clock: realClock })
  const clock = manualClock()
  const device = createModbusDevice({
    id: 'one',
    unitId: 1,
    map,
    bus,
    clock: realClock,
    cycleMs: 1000,
  })
  onTestFinished(async () => {
    await device[Symbol.asyncDispose]()
    await bus[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })
  const entry: SiteDeviceEntry = {
    config: {
      id: 'one',
      name: 'Device',
      role,
      map: 'test/meter',
      connection: server.url,
      unitId: 1,
      phases: ['l1', 'l2', 'l3'],
    },
    device,
    map,
    replaceMap: () => Promise.resolve(),
    leaveAlone: () => () => undefined,
    bus: bus.name,
    simulated: false,
  }
  const said: string[] = []
  const state: { unsafe?: string } = {}
  const relinquish: Relinquish = {
    async give() {
      if (state.unsafe !== undefined) throw new EdgeError('workbench.refused', state.unsafe)
      said.push('given')
      return ['one']
    },
    takeBack: () => void said.push('taken back'),
  }
  const leases = createLeases({
    clock,
    buses: new Map([[bus.name, bus]]),
    entries: [entry],
    control: () => control,
    relinquish,
    vacate: async () => void said.push('vacated'),
    journal: (_by, detail) => said.push(detail),
    changed: () => undefined,
  })
  const read = () => bus.unit(1).ask({ fn: 3, address: 0, count: 1 })
  const borrow = (minutes = 10) => leases.borrow({ bus: bus.name, minutes, reason: 'a scan' }, anna)
  /** Time passes while somebody keeps saying that the lease is wanted. */
  async function renewed(id: string, ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 10_000) {
      leases.renew(id)
      await clock.advance(Math.min(left, 10_000))
    }
  }
  return { bus, clock, control, said, state, leases, read, borrow, renewed, server }
}

const lent = { kind: 'failed', failure: 'refused', sent: false }

describe('a bus that is lent', () => {
  test('is left alone by the service, and taken back at its time however often it is renewed', async () => {
    const { leases, read, borrow, renewed, said, clock, server } = await bench('pv')
    expect(await read()).toMatchObject({ kind: 'words' })
    const { id, released } = await borrow(1)
    expect(released).toEqual(['one'])
    expect(await read()).toMatchObject({ ...lent, reason: expect.stringContaining('anna') })
    await expect.poll(() => server.clients.size).toBe(0)
    await renewed(id, 59_000)
    expect(leases.list()).toHaveLength(1)
    await clock.advance(1_000)
    await expect.poll(() => leases.list()).toEqual([])
    expect(await read()).toMatchObject({ kind: 'words' })
    expect(said).toEqual([
      'given',
      expect.stringContaining('borrows'),
      'vacated',
      'taken back',
      expect.stringMatching(/the time is over$/),
    ])
  })

  test('is taken back when whoever borrowed it is not heard of for half a minute', async () => {
    const { leases, read, borrow, renewed, said, clock } = await bench('pv')
    const { id } = await borrow()
    await renewed(id, 40_000)
    await clock.advance(19_000)
    expect(leases.list()).toHaveLength(1)
    await clock.advance(1_001)
    await expect.poll(() => leases.list()).toEqual([])
    expect(await read()).toMatchObject({ kind: 'words' })
    expect(said.at(-1)).toMatch(/has gone$/)
    expect(() => leases.renew(id)).toThrow('this lease has ended')
  })

  test('is not kept longer by a clock that is set back', async () => {
    const { leases, borrow, renewed, clock } = await bench('pv')
    const { id } = await borrow(1)
    clock.stepWall(-3_600_000)
    await renewed(id, 60_000)
    await expect.poll(() => leases.list()).toEqual([])
  })

  test('is given back at once when that is asked for, and when the service stops', async () => {
    const { leases, read, borrow } = await bench('pv')
    const { id } = await borrow()
    await expect(borrow()).rejects.toMatchObject({ code: 'workbench.busy' })
    await leases.end(id, 'done')
    expect(await read()).toMatchObject({ kind: 'words' })
    await borrow()
    await leases[Symbol.asyncDispose]()
    expect(await read()).toMatchObject({ kind: 'words' })
  })
})

describe('a bus is not lent', () => {
  test.each(['grid-meter', 'meter'] as const)('while control is on and a %s is on it', async (role) => {
    const { borrow, read, control, leases, bus } = await bench(role)
    await expect(borrow()).rejects.toMatchObject({ code: 'workbench.refused' })
    expect(await read()).toMatchObject({ kind: 'words' })
    expect(leases.heldBuses()[0]?.notLendable).toMatch(/switch control off first/)
    expect(() => leases.assertScannable(bus.name)).toThrow(/a bus that is controlled is not scanned/)
    Object.assign(control, { enabled: false })
    expect(() => leases.assertScannable(bus.name)).not.toThrow()
    await expect(borrow()).resolves.toMatchObject({ heldBy: 'anna' })
  })

  test('while a device on it is not proven to be safe', async () => {
    const { borrow, read, state, leases } = await bench('battery')
    state.unsafe = 'the battery was not read back'
    await expect(borrow()).rejects.toThrow('the battery was not read back')
    expect(leases.list()).toEqual([])
    expect(await read()).toMatchObject({ kind: 'words' })
    delete state.unsafe
    await expect(borrow()).resolves.toBeDefined()
  })

  test('when the service has no such bus', async () => {
    const { leases } = await bench('pv')
    const request = { bus: 'tcp://192.0.2.1:502', minutes: 5, reason: 'a scan' }
    await expect(leases.borrow(request, anna)).rejects.toMatchObject({ code: 'bus.unknown' })
  })
})
