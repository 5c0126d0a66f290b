import { describe, expect, test } from 'vitest'
import type { SafeSetpoint } from '#contract/setpoint.ts'
import { parseBusAddress } from '../../../service/drivers/modbus/address.ts'
import { createArmedBus, createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { createModbusDevice } from '../../../service/drivers/modbus/device.ts'
import { realClock } from '../support/clock.ts'
import { mapFrom } from '../support/maps.ts'
import { createTestUnit, type TestUnit } from '../support/test-device.ts'
import { startTestServer } from '../support/test-server.ts'

const battery = mapFrom(`
format: 1
maker: Test
model: Battery
kind: battery
quirks: { timeoutMs: 100 }
poll: { normalMs: 600000 }
points:
  powerW: { address: 0, type: int32, scale: -1, pollGroup: fast }
  socPercent: { address: 2, type: uint16, scale: 0.1, sentinels: [0xFFFF], pollGroup: fast }
  setpointW: { address: 10, type: int16, pollGroup: fast }
  voltageV: { address: 20, type: uint16, scale: 0.1, pollGroup: normal }
  temperatureC: { address: 40, type: int16, pollGroup: normal }
  serial: { address: 60, type: 'string:4', pollGroup: once }
derived:
  dc.powerW: { sum: [{ point: powerW, factor: 2 }] }
commands:
  setPowerW:
    unit: W
    limits: { min: -5000, max: 5000 }
    writes:
      - { address: 11, type: uint16, value: $expiryS }
      - { address: 10, type: int16, value: $value, with: multiple }
    release:
      - { address: 11, type: uint16, value: 0 }
    readBack: { point: setpointW, tolerance: 1, withinMs: 300 }
    expiry: { kind: reversion, seconds: 30, fallback: standby }
    safeValue: release
    storage: volatile
`)

const text = (value: string): number[] =>
  Array.from({ length: 4 }, (_, i) => Buffer.from(value.padEnd(8, '\0')).readUInt16BE(2 * i))

function batteryUnit(): TestUnit {
  const unit = createTestUnit({ 0: 0xffff, 1: 0xfc18, 2: 553, 10: 0, 11: 0, 20: 4012, 40: 0xfff6 })
  for (const [i, word] of text('SN-1').entries()) unit.holding.set(60 + i, word)
  // Registers that the map does not name, but that exist.
  for (let address = 3; address < 10; address++) unit.holding.set(address, 0)
  return unit
}

async function rig(options: { unit?: TestUnit; map?: typeof battery; readOnly?: boolean } = {}) {
  const unit = options.unit ?? batteryUnit()
  const server = await startTestServer('tcp', { 1: unit })
  const address = parseBusAddress(server.url)
  const make = options.readOnly ? createReadOnlyBus : createArmedBus
  const bus = make({ address, clock: realClock })
  const log: string[] = []
  const note = (fields: object, message: string): void => void log.push(message)
  const device = createModbusDevice({
    id: 'battery',
    unitId: 1,
    map: options.map ?? battery,
    bus,
    clock: realClock,
    cycleMs: 100,
    log: { info: note, warn: note },
  })
  return {
    unit,
    server,
    bus,
    device,
    log,
    value: (name: string) => device.readings().get(name)?.value,
    async [Symbol.asyncDispose]() {
      await device[Symbol.asyncDispose]()
      await bus[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** What only the limiter may make elsewhere. */
const setpoint = (value: number, command = 'setPowerW') =>
  ({ deviceId: 'battery', command, value, relieves: false }) as unknown as SafeSetpoint

describe('reading', () => {
  test('all groups at first, then what is due; values, units and places as the map says', async () => {
    await using rigged = await rig()
    expect(rigged.device.link().state).toBe('connecting')
    await rigged.device.poll()
    expect(Object.fromEntries([...rigged.device.readings()].map(([name, { value }]) => [name, value]))).toEqual({
      powerW: 1000,
      socPercent: 55.3,
      setpointW: 0,
      voltageV: 401.2,
      temperatureC: -10,
      serial: 'SN-1',
      'dc.powerW': 2000,
    })
    expect(rigged.device.link()).toMatchObject({ state: 'online', failures: 0 })
    expect(rigged.log).toEqual(['device is online'])
    const before = rigged.server.seen.length
    rigged.unit.holding.set(2, 600)
    await rigged.device.poll()
    expect(rigged.value('socPercent')).toBe(60)
    expect(rigged.server.seen.slice(before).map(({ pdu }) => pdu.toString('hex'))).toEqual(['030000000b'])
    expect(rigged.device.points().find(({ name }) => name === 'powerW')).toMatchObject({
      address: 0,
      unit: 'W',
      type: 'int32',
    })
    expect(rigged.device.pollGroups().map(({ name, everyMs }) => [name, everyMs])).toEqual([
      ['fast', 100],
      ['normal', 600_000],
      ['once', undefined],
    ])
  })

  test('calls while a poll is under way are that poll', async () => {
    await using rigged = await rig()
    const [first, second] = [rigged.device.poll(), rigged.device.poll()]
    expect(second).toBe(first)
    await first
    expect(rigged.device.pollDurationMs()).toBeGreaterThan(0)
  })

  test('a sentinel is not measured: bad, without a value', async () => {
    await using rigged = await rig()
    rigged.unit.holding.set(2, 0xffff)
    await rigged.device.poll()
    const reading = rigged.device.readings().get('socPercent')
    expect(reading).toMatchObject({ quality: 'bad', reason: 'not available', raw: [0xffff] })
    expect(reading).not.toHaveProperty('value')
  })

  test('a register that the device lacks is bad with the reason; the others are read, then without asking for it', async () => {
    await using rigged = await rig()
    rigged.unit.holding.delete(40)
    await rigged.device.poll()
    expect(rigged.device.readings().get('temperatureC')).toMatchObject({
      quality: 'bad',
      reason: 'illegal data address',
    })
    expect(rigged.device.readings().get('temperatureC')).not.toHaveProperty('value')
    expect(rigged.value('voltageV')).toBe(401.2)
    expect(rigged.device.link().state).toBe('online')
    const normal = rigged.device.pollGroups().find(({ name }) => name === 'normal')
    expect(normal?.requests).toEqual([{ function: 'holding', address: 20, count: 1 }])
  })

  test('a hole that the map does not declare is found once and then read around', async () => {
    await using rigged = await rig()
    rigged.unit.holding.delete(5)
    await rigged.device.poll()
    expect([rigged.value('powerW'), rigged.value('setpointW')]).toEqual([1000, 0])
    const before = rigged.server.seen.length
    await rigged.device.poll()
    expect(rigged.server.seen.slice(before).map(({ pdu }) => pdu.toString('hex'))).toEqual(['0300000003', '03000a0001'])
  })

  test('a single refusal of what was answered before is asked about again, not remembered', async () => {
    await using rigged = await rig()
    await rigged.device.poll()
    rigged.server.respond = ({ request, send }) => {
      rigged.server.respond = ({ honest, send }) => send(honest)
      send(Buffer.concat([request.frame.subarray(0, 4), Buffer.from([0, 3, 1, 0x83, 2])]))
    }
    rigged.unit.holding.set(2, 700)
    await rigged.device.poll()
    expect(rigged.value('socPercent')).toBe(70)
    expect(rigged.device.link().state).toBe('online')
  })

  test('a device that answers only short reads is read in parts, which are remembered', async () => {
    await using rigged = await rig()
    rigged.server.respond = ({ request, honest, send }) => {
      const short = request.pdu[0] !== 3 || request.pdu.readUInt16BE(3) <= 4
      send(short ? honest : Buffer.concat([request.frame.subarray(0, 4), Buffer.from([0, 3, 1, 0x83, 3])]))
    }
    await rigged.device.poll()
    expect(rigged.value('powerW')).toBe(1000)
    expect(rigged.value('setpointW')).toBe(0)
    const before = rigged.server.seen.length
    await rigged.device.poll()
    expect(rigged.server.seen.slice(before).every(({ pdu }) => pdu.readUInt16BE(3) <= 4)).toBe(true)
  })

  test('silence keeps the last values and their times, and says so; the device comes back by itself', async () => {
    await using rigged = await rig()
    await rigged.device.poll()
    const before = rigged.device.readings().get('powerW')!
    rigged.server.respond = () => undefined
    await rigged.device.poll()
    expect(rigged.device.readings().get('powerW')).toEqual(before)
    expect(rigged.device.link()).toMatchObject({ state: 'silent', reason: expect.stringContaining('no answer') })
    for (const [i, word] of text('SN-2').entries()) rigged.unit.holding.set(60 + i, word)
    rigged.server.respond = ({ honest, send }) => send(honest)
    await expect
      .poll(async () => {
        await rigged.device.poll()
        return rigged.device.link().state
      })
      .toBe('online')
    // Another device may have been put in its place: what is read once is read again.
    expect(rigged.value('serial')).toBe('SN-2')
    expect(rigged.device.readings().get('powerW')!.atMs).toBeGreaterThan(before.atMs)
    expect(rigged.log).toEqual(['device is online', 'device went silent', 'device answers again'])
  })

  test('what was never measured is bad with the reason', async () => {
    await using rigged = await rig()
    rigged.server.respond = ({ close }) => close()
    await rigged.device.poll()
    expect(rigged.device.readings().get('powerW')).toMatchObject({
      quality: 'bad',
      reason: expect.stringContaining('closed'),
    })
    expect(rigged.device.link().state).toBe('silent')
  })

  test('a lost answer is asked for once more within the same poll', async () => {
    await using rigged = await rig()
    await rigged.device.poll()
    rigged.server.respond = () => {
      rigged.server.respond = ({ honest, send }) => send(honest)
    }
    rigged.unit.holding.set(2, 123)
    await rigged.device.poll()
    expect(rigged.value('socPercent')).toBe(12.3)
    expect(rigged.device.link().failures).toBe(1)
  })
})

describe('writing', () => {
  test('in the order of the map, with the function it names, and read back', async () => {
    await using rigged = await rig()
    await rigged.device.poll()
    const before = rigged.server.seen.length
    const dry = rigged.device.encode(setpoint(-1500)).frames
    expect(rigged.server.seen).toHaveLength(before)
    const outcome = await rigged.device.write(setpoint(-1500))
    expect(outcome).toEqual({ result: 'confirmed', readBack: -1500, frames: dry })
    const written = rigged.server.seen.slice(before).filter(({ pdu }) => pdu[0] !== 3)
    expect(written.map(({ pdu }) => pdu.toString('hex'))).toEqual(['06000b001e', '10000a000102fa24'])
    expect(written.map(({ frame }) => frame.toString('hex'))).toEqual(dry)
    expect(rigged.value('setpointW')).toBe(-1500)
    expect(await rigged.device.release('setPowerW')).toMatchObject({ result: 'written' })
    expect(rigged.unit.holding.get(11)).toBe(0)
  })

  test('a device that accepts and ignores is found out', async () => {
    await using rigged = await rig()
    await rigged.device.poll()
    rigged.unit.holding.set = () => rigged.unit.holding
    const outcome = await rigged.device.write(setpoint(700))
    expect(outcome).toMatchObject({ result: 'failed', readBack: 0, reason: 'setpointW reads 0 W after writing 700 W' })
  })

  test('a value that takes its time to show is waited for', async () => {
    await using rigged = await rig()
    await rigged.device.poll()
    const { holding } = rigged.unit
    const set = holding.set.bind(holding)
    holding.set = (address, word) => (setTimeout(set, 150, address, word), holding)
    expect(await rigged.device.write(setpoint(700))).toMatchObject({ result: 'confirmed', readBack: 700 })
  })

  test('a lost acknowledgement is repeated once, never more', async () => {
    await using rigged = await rig()
    await rigged.device.poll()
    const writes = (): number => rigged.server.seen.filter(({ pdu }) => pdu[0] === 6).length
    rigged.server.respond = () => {
      rigged.server.respond = ({ honest, send }) => send(honest)
    }
    expect(await rigged.device.write(setpoint(5))).toMatchObject({ result: 'confirmed' })
    expect(writes()).toBe(2)
    rigged.server.respond = () => undefined
    expect(await rigged.device.write(setpoint(6))).toMatchObject({
      result: 'failed',
      reason: expect.stringMatching(/^write 1 of 2 \(holding 11\): no answer/),
    })
    expect(writes()).toBe(4)
  })

  test('a refused write is told with its reason, and what follows it is not written', async () => {
    await using rigged = await rig()
    await rigged.device.poll()
    rigged.server.respond = ({ request, honest, send }) =>
      send(
        request.pdu[0] === 6 ? Buffer.concat([request.frame.subarray(0, 4), Buffer.from([0, 3, 1, 0x86, 3])]) : honest,
      )
    expect(await rigged.device.write(setpoint(9))).toMatchObject({
      result: 'failed',
      reason: 'write 1 of 2 (holding 11): illegal data value',
    })
    expect(rigged.unit.holding.get(10)).toBe(0)
  })

  test('two commands at once do not mingle', async () => {
    await using rigged = await rig()
    await rigged.device.poll()
    const outcomes = await Promise.all([rigged.device.write(setpoint(1)), rigged.device.write(setpoint(100))])
    expect(outcomes.map(({ result, readBack }) => [result, readBack])).toEqual([
      ['confirmed', 1],
      ['confirmed', 100],
    ])
  })

  test.each([
    ['a value that does not fit', 40_000, 'setPowerW', 'does not fit'],
    ['not a number', Number.NaN, 'setPowerW', 'not a number'],
    ['an unknown command', 1, 'limitPowerW', 'no command limitPowerW'],
  ])('%s is refused before anything is sent', async (_, value, command, why) => {
    await using rigged = await rig()
    await rigged.device.poll()
    const before = rigged.server.seen.length
    const outcome = await rigged.device.write(setpoint(value, command))
    expect(outcome).toMatchObject({ result: 'failed', reason: expect.stringContaining(why), frames: [] })
    expect(rigged.server.seen).toHaveLength(before)
  })

  test('a read-only bus encodes, but does not write', async () => {
    await using rigged = await rig({ readOnly: true })
    await rigged.device.poll()
    expect(rigged.device.encode(setpoint(1)).frames).toHaveLength(2)
    expect(await rigged.device.write(setpoint(1))).toEqual({
      result: 'failed',
      reason: 'the bus is read-only',
      frames: [],
    })
    expect(rigged.server.seen.every(({ pdu }) => pdu[0] === 3)).toBe(true)
  })
})

test('a disposed device reads and writes no more', async () => {
  await using rigged = await rig()
  await rigged.device.poll()
  await rigged.device[Symbol.asyncDispose]()
  const before = rigged.server.seen.length
  await rigged.device.poll()
  expect(await rigged.device.write(setpoint(1))).toMatchObject({ result: 'failed', reason: 'the device was closed' })
  expect(rigged.server.seen).toHaveLength(before)
})
