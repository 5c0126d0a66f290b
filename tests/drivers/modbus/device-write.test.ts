import { describe, expect, test } from 'vitest'
import { rig, setpoint } from '../support/device-rig.ts'

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

  test('a write that waits behind another ends its wait to be confirmed', async () => {
    await using rigged = await rig()
    await rigged.device.poll()
    const { holding } = rigged.unit
    const set = holding.set.bind(holding)
    // It never shows what it was told, as long as the first write would wait for it.
    holding.set = (address, word) => (word === 700 ? holding : set(address, word))
    const [first, relief] = await Promise.all([rigged.device.write(setpoint(700)), rigged.device.write(setpoint(0))])
    expect(first).toMatchObject({ result: 'written', reason: 'another write followed before it could be confirmed' })
    expect(relief).toMatchObject({ result: 'confirmed', readBack: 0 })
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
