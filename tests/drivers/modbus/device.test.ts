import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadSunspecModels } from '../../../service/pointmap/sunspec/models.ts'
import { rig, setpoint, text } from '../support/device-rig.ts'
import { mapFrom } from '../support/maps.ts'
import { createTestUnit, type TestUnit } from '../support/test-device.ts'

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

describe('a SunSpec device', () => {
  const models = loadSunspecModels(resolve(import.meta.dirname, '../../../pointmaps/sunspec/models'))
  const sunspec = mapFrom(`
format: 1
maker: Test
model: SunSpec
kind: pv-inverter
quirks: { timeoutMs: 100 }
points:
  vendor: { sunspec: { model: 1, point: Mn } }
  serial: { sunspec: { model: 1, point: SN } }
`)
  /** Marker at 40000, common model of 66 registers, end. */
  function sunspecUnit(): TestUnit {
    const unit = createTestUnit({ 40_000: 0x5375, 40_001: 0x6e53, 40_002: 1, 40_003: 66, 40_070: 0xffff, 40_071: 0 })
    for (let i = 0; i < 66; i++) unit.holding.set(40_004 + i, 0)
    for (const [i, word] of text('Acme').entries()) unit.holding.set(40_004 + i, word)
    for (const [i, word] of text('SN-7').entries()) unit.holding.set(40_052 + i, word)
    return unit
  }

  test('is walked first, then read', async () => {
    await using rigged = await rig({ unit: sunspecUnit(), map: sunspec, models })
    expect(rigged.device.points()[0]).not.toHaveProperty('address')
    await rigged.device.poll()
    expect([rigged.value('vendor'), rigged.value('serial')]).toEqual(['Acme', 'SN-7'])
    expect(rigged.device.points()[0]).toMatchObject({ name: 'vendor', address: 40_004, function: 'holding' })
  })

  test('is not believed half: silence in the middle of the walk starts it anew', async () => {
    await using rigged = await rig({ unit: sunspecUnit(), map: sunspec, models })
    rigged.server.respond = ({ request, honest, send }) => {
      if (request.pdu.readUInt16BE(1) < 40_002) send(honest)
    }
    await rigged.device.poll()
    expect(rigged.device.link()).toMatchObject({ state: 'silent' })
    expect(rigged.value('vendor')).toBeUndefined()
    rigged.server.respond = ({ honest, send }) => send(honest)
    await expect
      .poll(async () => {
        await rigged.device.poll()
        return rigged.value('vendor')
      })
      .toBe('Acme')
  })

  test('without its marker says so', async () => {
    await using rigged = await rig({ unit: createTestUnit({ 0: 1, 1: 2 }), map: sunspec, models })
    await rigged.device.poll()
    expect(rigged.device.link()).toMatchObject({
      state: 'degraded',
      reason: 'no SunSpec marker at 40000, 0 or 50000',
    })
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
